# SPDX-License-Identifier: Apache-2.0
"""Swaps behind a real HAProxy, with clients that never stop: none of them may notice."""
import json
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, PATIENCE, cli, wait_until  # noqa: E402
from swap_shop import Clients, Shop  # noqa: E402

LONG = 4 * PATIENCE
TICK = "250ms"
CANARY = {"strategy": "canary", "steps": ["50% 1s", "100% 1s"], "gates": ["error_rate < 5%"]}
BLUE_GREEN = {"strategy": "blue_green", "steps": ["100% 1s"], "gates": ["error_rate < 5%"]}

pytestmark = pytest.mark.skipif(shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None, reason="haproxy is not installed")


class Site:
    """A shop whose blue copy serves v1, and an agent that may swap it."""

    def __init__(self, folder, clients=4, **options):
        self.shop = Shop(folder / "shop")
        self.folder = folder / "host"
        (self.folder / "etc/conf.d").mkdir(parents=True)
        self.agent = None
        try:
            self.shop.install("blue", "v1")
            self.shop.start_proxy()
            wait_until("HAProxy to serve blue", self.shop.up)
            self.configure(**options)
            self.start()
            wait_until("the first look", lambda: "blue serves" in self.agent.cli("status", "swap/shop", check=False).stdout)
            self.shop.clients = Clients(self.shop.front, clients) if clients else None
        except BaseException:
            self.close()
            raise

    def configure(self, every=TICK, **options):
        (self.folder / "etc/conf.d/swap.conf").write_text(self.shop.config(every=every, **{"settle": "500ms", "keep_old": "0s", **options}))

    def start(self):
        self.agent = Agent(self.folder).ready()

    def command(self, *words, check=True):
        return cli("--socket", self.agent.socket, "command", "swap/shop", *words, check=check)

    def swap(self, version, digest=None, check=True, **behaviour):
        digest = digest or self.shop.release(version, **behaviour)
        return self.command("start", f"release={version}", f"digest={digest}", "by=test", check=check)

    def status(self):
        done = self.command("status", "json=yes", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "?", "summary": done.stderr}

    def _wait(self, what, condition):
        try:
            return wait_until(what, condition, LONG)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.status()}\n{self.agent.cli('events', check=False).stdout[-3000:]}\n"
                                 f"{self.agent.log[-2000:]}") from None

    def wait_for(self, *states):
        """Until it is in one of these: "HOLD 2" is the second step's hold, "paused" wherever it is."""
        def there():
            status = self.status()
            names = {status["state"], f"{status['state']} {status.get('step')}"}
            if status.get("paused"):
                names.add("paused")
            return names & set(states)
        return self._wait(f"swap/shop to be in {states}", there)

    def end(self, release="v2"):
        """How the swap to a release ended."""
        def ended():
            status = self.status()
            return status["state"] in ("IDLE", "FROZEN") and status.get("last", {}).get("release") == release and status["last"]
        last = self._wait(f"the swap to {release} to end", ended)
        print(last["reason"])  # shown when a test fails
        return last["outcome"]

    def report(self):
        return json.loads(self.command("report", "json=yes").stdout)

    def serves(self, colour, version):
        """At rest: this colour has all requests, in memory and on disk, and answers with that version."""
        share = 10000 if colour == "green" else 0
        assert self.shop.stored_share() == share and self.shop.live_share() == share
        assert self.shop.run_as(colour) == version
        assert "other 1234" in self.shop.map.read_text(), "what others keep in the map stays"

    def nothing_failed(self):
        self.shop.clients.stop()
        assert not self.shop.clients.failures, self.shop.clients.failures[:10]

    def close(self):
        try:
            if self.agent and self.agent.running():
                self.agent.stop()
        finally:
            self.shop.close()


@pytest.fixture
def site(tmp_path):
    made = []

    def make(**options):
        made.append(Site(tmp_path, **options))
        return made[0]
    yield make
    for one in made:
        one.close()


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


@pytest.mark.parametrize("state", ["STARTED", "HOLD 1", "HOLD 2", "BAKE"])
def test_an_abort_goes_back_from_wherever_it_is(site, state):
    one = site(**{**CANARY, "steps": ["50% 3s", "100% 3s"], "settle": "2s", "keep_old": "60s"})
    one.swap("v2")
    one.wait_for(state)
    one.command("abort", "by=test")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    one.nothing_failed()


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
