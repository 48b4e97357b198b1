# SPDX-License-Identifier: Apache-2.0
"""Swaps behind a real HAProxy, with clients that never stop: none of them may notice."""
import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from swap_site import BLUE_GREEN, CANARY, needs_haproxy, site  # noqa: E402, F401

pytestmark = needs_haproxy


@pytest.mark.parametrize("options", [BLUE_GREEN, CANARY], ids=["blue-green", "canary"])
def test_a_good_release_takes_over_without_one_failed_request(site, options):
    one = site(**options)
    one.swap("v2")
    assert one.end() == "DONE"
    one.serves("green", "v2")
    assert one.shop.run_as("blue") is None, "the old colour is stopped in the end"
    one.nothing_failed()
    assert one.shop.clients.seen("v2") > 100


@pytest.mark.parametrize("options", [BLUE_GREEN, CANARY], ids=["blue-green", "canary"])
def test_no_increase_is_judged_where_the_old_colour_has_no_requests_left(site, options):
    one = site(**{**options, "gates": ["error_rate no increase"], "settle": "2s"})
    one.swap("v2")
    assert one.end() == "DONE"
    last = [entry for entry in one.report()["entries"] if entry["kind"] == "swap-verdict"][-1]["gates"][0]
    assert last["verdict"] == "pass" and last["base_n"] > 0, last
    one.nothing_failed()


def test_and_back_to_blue_with_the_next_one(site):
    one = site(**BLUE_GREEN)
    one.swap("v2")
    assert one.end() == "DONE"
    one.swap("v3")
    assert one.end("v3") == "DONE"
    one.serves("blue", "v3")
    one.nothing_failed()


@pytest.mark.parametrize("behaviour, cause", [
    ({"refuse_start": True}, "start|stay up|failed"),
    ({"die_after": 0.2}, "stay up|ended by itself|failed|servers of green"),
    ({"errors": 1.0}, "error_rate < 5%"),
    ({"errors": 0.3}, "error_rate < 5%"),
    ({"hang": 0.3}, "error_rate < 5%"),
], ids=["will-not-start", "dies-soon", "all-errors", "some-errors", "cuts-connections"])
def test_a_bad_release_is_found_and_rolled_back_and_banned(site, behaviour, cause):
    one = site(**{**CANARY, "steps": ["20% 20s", "100% 1s"], "start_timeout": "10s"})
    digest = one.shop.release("v2", **behaviour)
    one.swap("v2", digest)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert re.search(cause, json.dumps(one.report())), one.report()
    assert one.shop.run_as("green") is None
    again = one.swap("v2", digest, check=False)
    assert again.returncode != 0 and "ban" in again.stdout + again.stderr
    one.shop.clients.stop()
    assert all(version != "v1" for _, _, version, _ in one.shop.clients.failures), "blue's clients notice nothing"


def test_a_slow_release_is_found_by_its_quantile(site):
    one = site(**{**CANARY, "steps": ["50% 20s", "100% 1s"], "gates": ["p95 < 100ms"]}, clients=8)
    one.swap("v2", slow=0.5, slow_for=0.3)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    one.nothing_failed()


def test_without_traffic_it_pauses_and_a_person_decides(site):
    one = site(**{**CANARY, "max_hold": "1s", "inconclusive": "pause"}, clients=0)
    one.swap("v2")
    one._wait("a person to be asked", lambda: "held: promote, abort or wait" in one.status()["summary"])
    assert one.shop.stored_share() == 5000
    one.command("promote", "by=test")
    one.wait_for("HOLD 2")
    one.command("abort", "by=test")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")


def test_ten_requests_an_hour_are_no_verdict_and_a_person_is_asked(site):
    one = site(**{**CANARY, "steps": ["100% 1s"], "max_hold": "1s", "inconclusive": "pause"}, clients=0)
    one.swap("v2")
    one.wait_for("HOLD 1")
    assert sum(one.shop.up() for _ in range(10)) == 10
    one._wait("a person to be asked", lambda: "held: promote, abort or wait" in one.status()["summary"])
    one._wait("the requests to be counted", lambda: "0 of 10 failed; at least" in one.status()["summary"])
    assert one.looks(8) == {"HOLD 1"}, "it never promotes by itself"
    assert one.status()["status"] == "warning"
    one.command("abort", "by=test")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")


def test_a_wrong_digest_changes_nothing(site):
    one = site(**BLUE_GREEN)
    one.shop.release("v2")
    one.swap("v2", digest="sha256:" + "0" * 64)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert ("start", "green") not in one.shop.supervisor.said
    one.nothing_failed()


def test_two_starts_at_once_make_one_swap(site):
    one = site(**{**CANARY, "steps": ["50% 3s", "100% 1s"]})
    digest = one.shop.release("v2")
    first, second = one.swap("v2", digest=digest, check=False), one.swap("v2", digest=digest, check=False)
    assert first.returncode == 0
    assert second.returncode != 0 or "already" in second.stdout
    assert one.end() == "DONE"
    assert one.shop.supervisor.said.count(("start", "green")) >= 1
    one.nothing_failed()
