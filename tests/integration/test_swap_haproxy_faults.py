# SPDX-License-Identifier: Apache-2.0
"""Swaps behind a real HAProxy while something breaks in mid-swap: the release, its copy, the proxy."""
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import wait_until  # noqa: E402
from swap_shop import Clients  # noqa: E402
from swap_site import CANARY, needs_haproxy, site  # noqa: E402, F401

pytestmark = needs_haproxy
MEMORY = 200 << 20


def test_a_release_that_breaks_later_is_found_in_its_hold(site):
    one = site(**{**CANARY, "steps": ["50% 30s", "100% 1s"]})
    one.swap("v2", errors=0.5, errors_after=4)
    one.wait_for("HOLD 1")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")


def test_errors_that_only_the_proxy_sees_are_seen(site):
    one = site(**{**CANARY, "steps": ["50% 30s", "100% 1s"]})
    one.swap("v2")
    one.wait_for("HOLD 1")
    one.shop.supervisor.kill("green")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")


def test_a_reload_of_the_proxy_in_mid_hold_is_noticed_and_survived(site):
    one = site(**{**CANARY, "steps": ["50% 4s", "100% 1s"]})
    one.swap("v2")
    one.wait_for("HOLD 1")
    one.shop.reload_proxy()
    assert one.end() == "DONE"
    one.serves("green", "v2")
    one.nothing_failed()


def test_a_proxy_that_is_gone_holds_the_swap_and_does_not_end_it(site):
    one = site(**{**CANARY, "steps": ["50% 4s", "100% 1s"]}, clients=0)
    one.swap("v2")
    one.wait_for("HOLD 1")
    one.shop.stop_proxy()
    one._wait("the trouble to be told", lambda: "the proxy can't be seen" in one.status()["summary"])
    assert one.status()["status"] == "unknown"
    one.shop.start_proxy()
    wait_until("HAProxy to serve again", one.shop.up)
    one.shop.clients = Clients(one.shop.front)
    assert one.end() in ("DONE", "ROLLED_BACK")
    colour, version = ("green", "v2") if one.shop.stored_share() == 10000 else ("blue", "v1")
    one.serves(colour, version)


def test_a_release_that_leaks_until_it_is_killed_is_rolled_back(site):
    one = site(**{**CANARY, "steps": ["50% 1h", "100% 1s"]})
    digest = one.shop.release("v2", leak=2)
    one.shop.supervisor.memory = MEMORY
    one.swap("v2", digest)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert re.search("ended by itself|servers of green|error_rate < 5%", json.dumps(one.report())), one.report()
    one.shop.clients.stop()
    assert 0 < one.shop.clients.seen("v2") <= MEMORY // (2 << 20), "it served until it was full"
    assert all(version != "v1" for _, _, version, _ in one.shop.clients.failures), "blue's clients notice nothing"
    again = one.swap("v2", digest, check=False)
    assert again.returncode != 0 and "ban" in again.stdout + again.stderr
