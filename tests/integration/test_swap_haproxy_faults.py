# SPDX-License-Identifier: Apache-2.0
"""Swaps behind a real HAProxy while something breaks that is not the release's answers: crashes, the proxy, the agent, the clock."""
import json
import random
import re
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import wait_until  # noqa: E402
from swap_bed import SHIM, false_clock  # noqa: E402
from swap_shop import Clients  # noqa: E402
from swap_site import CANARY, Site, needs_haproxy, site  # noqa: E402, F401
from test_manager import SANITIZED  # noqa: E402

pytestmark = needs_haproxy
MEMORY = 200 << 20


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
