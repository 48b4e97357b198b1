# SPDX-License-Identifier: Apache-2.0
"""Swaps from their beginning to their end: a real gavead, with two colours and a proxy that are files."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import wait_until  # noqa: E402
from swap_bed import Bed  # noqa: E402


@pytest.fixture
def bed(tmp_path):
    beds = []

    def make(**options):
        bed = Bed(tmp_path / f"bed{len(beds)}", **options)
        beds.append(bed)
        bed.start()
        return bed
    yield make
    for one in beds:
        one.stop()


def test_a_canary_goes_through_its_steps_and_the_old_colour_stops(bed):
    shop = bed()
    shop.wait("IDLE")
    done = shop.swap("start", "release=2.0")
    assert "2.0 has begun: blue to green" in done.stdout
    assert shop.end()["outcome"] == "DONE"
    assert [line for line in shop.trace() if not line.startswith("hook")] == [
        "start green", "set 1000", "set 10000", "stop blue"]
    assert (shop.up(), shop.share()) == ({"green"}, 10000)
