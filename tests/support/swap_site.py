# SPDX-License-Identifier: Apache-2.0
"""A shop with its clients (swap_shop.py) and an agent that may swap it, with what tests ask of the two."""
import json
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import conftest  # noqa: E402
from conftest import Agent, BUILD, PATIENCE, cli, wait_until  # noqa: E402
from swap_shop import Clients, Shop  # noqa: E402

LOCK = threading.Lock()
LONG = 4 * PATIENCE
EVERY = 0.25
TICK = f"{EVERY * 1000:.0f}ms"
CANARY = {"strategy": "canary", "steps": ["50% 1s", "100% 1s"], "gates": ["error_rate < 5%"]}
BLUE_GREEN = {"strategy": "blue_green", "steps": ["100% 1s"], "gates": ["error_rate < 5%"]}

needs_haproxy = pytest.mark.skipif(shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None, reason="haproxy is not installed")


class Site:
    """A shop whose blue copy serves v1, and an agent that may swap it. programs: a folder with gavead and gavea-worker, instead
    of the build's; env: more of the agent's environment."""

    def __init__(self, folder, clients=4, kind=Shop, programs=None, env=None, **options):
        self.shop = kind(folder / "shop")
        self.folder = folder / "host"
        self.programs, self.env = programs, env
        (self.folder / "etc/conf.d").mkdir(parents=True)
        self.agent = None
        try:
            self.shop.install("blue", "v1")
            self.shop.start_proxy()
            wait_until("the proxy to serve blue", self.shop.up)
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
        with LOCK:
            conftest.BUILD = self.programs or BUILD
            try:
                self.agent = Agent(self.folder, plugins=BUILD / "plugins", env=self.env)
            finally:
                conftest.BUILD = BUILD
        self.agent.ready()

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

    def looks(self, count):
        """The states that it is in while time passes for so many looks."""
        seen = set()
        for _ in range(count):
            time.sleep(EVERY)
            status = self.status()
            if status["state"] != "?":
                seen.add(f"{status['state']} {status.get('step')}")
        return seen

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
        self.shop.check_neighbours()

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
