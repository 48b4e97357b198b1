# SPDX-License-Identifier: Apache-2.0
"""Swaps behind a real HAProxy whose agent is killed, or has a wall clock that steps."""
import json
import random
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from swap_bed import SHIM, false_clock  # noqa: E402
from swap_site import CANARY, Site, needs_haproxy, site  # noqa: E402, F401
from test_manager import SANITIZED  # noqa: E402

pytestmark = needs_haproxy


@pytest.mark.parametrize("seed", [1, 2])
def test_the_agent_may_be_killed_at_any_time(site, seed):
    one = site(**{**CANARY, "steps": ["50% 2s", "100% 2s"], "observation_gap": "30s"})
    choose = random.Random(seed)
    one.swap("v2")
    for _ in range(4):
        time.sleep(choose.uniform(0.1, 2.5))
        one.agent.signal(signal.SIGKILL)
        one.agent.popen.wait()
        assert not one.shop.supervisor.both_down()
        one.start()
    assert one.end() in ("DONE", "ROLLED_BACK")
    colour, version = ("green", "v2") if one.shop.stored_share() == 10000 else ("blue", "v1")
    one.serves(colour, version)
    one.nothing_failed()


@pytest.mark.skipif(SANITIZED or not SHIM.exists(), reason="a preloaded library does not go with sanitizers" if SANITIZED
                    else "make unit-build first")
def test_steps_of_the_wall_clock_neither_end_a_hold_nor_begin_it_anew(tmp_path):
    clock = tmp_path / "shop/clock"
    programs, env = false_clock(tmp_path / "programs", clock)
    one = Site(tmp_path, programs=programs, env=env, **{**CANARY, "steps": ["50% 1h", "100% 2s"]})
    try:
        one.swap("v2")
        one.wait_for("HOLD 1")
        for days in (30, -400):
            clock.write_text(str(days * 86400))
            seen = one.looks(8)
            assert seen == {"HOLD 1"}, f"a step of {days} days: {seen}"
            one.agent.kill()
            one.start()
            assert one.looks(8) == {"HOLD 1"}, f"started again after a step of {days} days"
        one.command("promote", "by=test")
        assert one.end() == "DONE"
        one.serves("green", "v2")
        entries = one.report()["entries"]
        assert entries[-1]["ms"] < entries[0]["ms"] - 300 * 86400 * 1000, "the agent did live by the false clock"
        assert "held anew" not in json.dumps(entries)
        one.nothing_failed()
    finally:
        one.close()
