# SPDX-License-Identifier: Apache-2.0
"""A model of agent, way and server goes through random steps: outage, restart, sudden death of either, reports and answers
lost, doubled and out of order, a spool whose end is torn off or that is put back to an earlier day, steps of the clock. What
the server has in the end is held against what was produced.

    MODEL_SEED=N MODEL_STEPS=N    another walk, a longer one
"""
import json
import os
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from chaos import Chaos  # noqa: E402
from conftest import cli, wait_until  # noqa: E402
from test_chain import Chain, chain, control_pb, plugins  # noqa: E402, F401
from test_faults import SHIM  # noqa: E402
from test_manager import SANITIZED  # noqa: E402

SEEDS = [int(os.environ["MODEL_SEED"])] if "MODEL_SEED" in os.environ else [1] if SANITIZED else [1, 2]
STEPS = int(os.environ.get("MODEL_STEPS", "14"))


class Model:
    def __init__(self, chain, seed):  # noqa: F811
        self.chain, self.random, self.seed = chain, random.Random(seed), seed
        self.steps = []
        self.file, self.clock = chain.folder / "numbers", chain.folder / "clock"
        self.state, self.snapshot = chain.folder / "host/state", chain.folder / "snapshot"
        self.file.touch()
        self.clock.write_text("0")
        chain.start_fleet()
        self.chaos = Chaos(chain.port, random.Random(seed + 1000))
        chain.things.append(self.chaos)
        chain.configure(f'numbers: {{ every = "100ms"; file = "{self.file}"; count = 3; }};', url=self.chaos.url)
        (chain.folder / "host/etc/gavea.conf").write_text('agent: { flush = "50ms"; };')
        self.required = set()
        self.start()

    # ---- What is known ----

    def on_disk(self):
        text = cli("spool", "export", "--state", self.state, "--kind", "event", check=False).stdout
        return {int(r["summary"]) for r in map(json.loads, text.splitlines()) if r["event"] == "number"}

    def at_server(self):
        return [int(summary) for _, kind, _, summary in self.chain.fleet_events() if kind == "number"]

    def owes(self):
        """The agent is down: what it has on disk it must deliver."""
        self.required |= self.on_disk()

    def forgets(self, before):
        """Of what it had before, it can't deliver what is not there any more, unless it did."""
        gone = before - self.on_disk()
        self.required -= gone - set(self.at_server())

    # ---- Steps ----

    def start(self):
        env = {} if SANITIZED else {"LD_PRELOAD": str(SHIM), "FAULTY_PROGRAM": "gavead", "FAULTY_CLOCK": str(self.clock)}
        self.chain.start_agent(env=env)

    def live(self):
        time.sleep(self.random.uniform(0.1, 0.5))

    def restart_agent(self):
        self.chain.agent.stop()
        self.owes()
        self.required |= set(range(1, self.file.stat().st_size + 1)) & self.on_disk()
        self.start()

    def kill_agent(self):
        self.chain.agent.kill()
        self.owes()
        self.start()

    def restart_server(self):
        self.chain.fleet.stop()
        self.live()
        self.chain.start_fleet()

    def kill_server(self):
        self.chain.fleet.kill()
        self.live()
        self.chain.start_fleet()

    def tear_spool(self):
        """A disk that had promised what it did not keep."""
        self.chain.agent.kill()
        self.owes()
        before = self.on_disk()
        segments = sorted((self.state / "spool").glob("segment-????????????????"))
        if segments and segments[-1].stat().st_size > 60:
            size = segments[-1].stat().st_size
            os.truncate(segments[-1], self.random.randint(max(60, size - 2000), size))
        self.forgets(before)
        self.start()

    def take_snapshot(self):
        # One from before the first contact of a run can't be told from what came after it: docs/architecture.md.
        if not self.chain.control.status()[1]["fleet/default"].last_success_ms:
            return
        self.chain.agent.kill()
        self.owes()
        shutil.rmtree(self.snapshot, ignore_errors=True)
        shutil.copytree(self.state, self.snapshot)
        self.start()

    def roll_back(self):
        if not self.snapshot.exists():
            return
        self.chain.agent.kill()
        self.owes()
        before = self.on_disk()
        shutil.rmtree(self.state)
        shutil.copytree(self.snapshot, self.state)
        self.forgets(before)
        self.start()

    def step_clock(self):
        self.clock.write_text(str(self.random.choice([0, 3600, -3600, 86400 * 30, -86400 * 400])))

    def reload(self):
        self.chain.control.reload()

    def walk(self):
        kinds = [self.live, self.restart_agent, self.kill_agent, self.restart_server, self.kill_server, self.tear_spool,
                 self.take_snapshot, self.roll_back, self.step_clock, self.reload]
        for _ in range(STEPS):
            step = self.random.choice(kinds)
            self.steps.append(step.__name__)
            step()
            self.live()

    def end(self):
        """The way is good again: everything arrives."""
        self.chaos.trouble = 0
        self.chain.agent.stop()
        self.owes()
        self.start()

        def arrived():
            return self.required <= set(self.at_server())
        try:
            wait_until("what is owed to arrive", arrived)
        except AssertionError:
            missing = sorted(self.required - set(self.at_server()))
            raise AssertionError(f"{self.story()}: lost {missing}\n{self.chain.agent.log[-3000:]}") from None
        self.chain.wait_delivered()

    def story(self):
        return f"seed {self.seed}: {' '.join(self.steps)} ({dict(self.chaos.counts)})"


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_nothing_that_was_kept_is_lost_and_nothing_is_there_twice(chain, seed):  # noqa: F811
    model = Model(chain, seed)
    model.walk()
    model.end()
    numbers = model.at_server()
    produced = model.file.stat().st_size
    assert len(numbers) == len(set(numbers)), \
        f"{model.story()}: twice: {sorted({n for n in numbers if numbers.count(n) > 1})}"
    assert numbers == sorted(numbers), f"{model.story()}: out of order"
    assert set(numbers) <= set(range(1, produced + 1)), f"{model.story()}: never produced"
    assert model.required, model.story()
    # What is missing was never on disk: a few at each sudden death, or at each rollback.
    assert len(numbers) > produced / 4, f"{model.story()}: {len(numbers)} of {produced}"
    assert cli("spool", "verify", "--state", model.state).returncode == 0
