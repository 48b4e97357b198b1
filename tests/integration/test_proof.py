# SPDX-License-Identifier: Apache-2.0
"""The spool's promise, tried out at every call that could break it: what was on disk is delivered, once; the agent never
takes for delivered what its receiver does not have; and it always starts again.

Each run is short: start, some records, delivery, stop. In it the n-th call to the disk (or the n-th allocation) fails, or is
the last thing that the agent does. ./check takes a part of all n, another one for each seed; `make proof` takes all.

    PROOF=all             every n
    PROOF=SEED            another part
"""
import errno
import json
import os
import random
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, PATIENCE, cli, wait_until  # noqa: E402
from receiver import Receiver  # noqa: E402
from test_chain import plugins  # noqa: E402, F401
from test_faults import needs_shim, shim  # noqa: E402

PROOF = os.environ.get("PROOF", "1")
PART = 10  # so many of the calls of each kind of fault, when not all

pytestmark = needs_shim

ERRORS = [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT]
FAULTS = {
    "kill": {"errno": 0},
    "kill-after": {"after": 1},
    "error": None,  # each of ERRORS
    "short": {"short": 1},
}


class World:
    """An agent's folder, and a receiver that keeps everything."""

    def __init__(self, folder, plugins):  # noqa: F811
        self.folder, self.plugins = folder, plugins
        self.state = folder / "state"
        self.receiver = Receiver()
        (folder / "etc/conf.d").mkdir(parents=True)
        (folder / "etc/gavea.conf").write_text('agent: { flush = "20ms"; };')
        # A check that changes its state at the first run: a result, an event, items.
        (folder / "etc/conf.d/checks.conf").write_text(
            'hostile: { every = "100ms"; mode = "flood-items"; count = 3; };')
        (folder / "etc/conf.d/fleet.conf").write_text(
            f'fleet: {{ url = "{self.receiver.url}"; every = "100ms"; format = "json"; compression = "none"; }};')

    def run(self, env, armed=None, records=6):
        """Until so many more records were received, or the agent is dead. The exit code, and the log. armed: a file to make
        when it runs."""
        before = len(self.receiver.records)
        agent = Agent(self.folder, self.plugins, env=env)
        if armed:
            wait_until("the agent", lambda: not agent.running() or len(self.receiver.records) > before)
            armed.touch()
            before = len(self.receiver.records)
        wait_until("records or the end", lambda: not agent.running() or len(self.receiver.records) >= before + records)
        if agent.running():
            agent.popen.terminate()
        code, log = agent.popen.wait(PATIENCE), agent.log
        agent.log_path.unlink()
        return code, log

    def on_disk(self):
        """(spool id, seq) of every record that the next start will find, and how far the output thinks it is."""
        if not (self.state / "spool").exists():
            return set(), 0
        records = set()
        for kind in ("samples", "result", "event", "loss"):
            text = cli("spool", "export", "--state", self.state, "--kind", kind).stdout
            records |= {(r["spool"], r["seq"]) for r in map(json.loads, text.splitlines())}
        outputs = json.loads(cli("spool", "--state", self.state, "--json").stdout)["outputs"]
        return records, max([o["acknowledged_seq"] for o in outputs], default=0)

    def judge(self, what):
        """After a run with a fault, and before the next one; then that one."""
        kept, position = self.on_disk()
        received = {seq for _, seq in self.receiver.records}
        missing = [seq for seq in range(1, position + 1) if seq not in received]
        assert not missing, f"{what}: taken for delivered, but never received: {missing}"
        code, log = self.run({})
        assert code == 0, f"{what}: the next start: exit {code}\n{log}"
        assert "set aside" not in log and "found damage" not in log, f"{what}:\n{log}"
        lost = kept - set(self.receiver.records)
        assert not lost, f"{what}: on disk, but never delivered: {sorted(lost)[:5]}"
        assert not self.receiver.conflicts, f"{what}: {self.receiver.conflicts[:1]}"
        events = self.receiver.events()
        assert len(events) == len(set(events)), f"{what}: told twice: {[e for e in events if events.count(e) > 1][:3]}"

    def begin_again(self):
        shutil.rmtree(self.state, ignore_errors=True)
        self.receiver.records.clear()
        self.receiver.conflicts.clear()


@pytest.fixture
def world(tmp_path, plugins):  # noqa: F811
    made = World(tmp_path, plugins)
    yield made
    made.receiver.stop()


def chosen(count, fault):
    if PROOF == "all":
        return range(1, count + 1)
    # The first calls are those of a start, which differ most.
    picked = random.Random(f"{PROOF} {fault}").sample(range(1, count + 1), min(PART, count))
    return sorted(picked)


def settings_of(fault, nth):
    """What the shim is to do, one after the other."""
    if FAULTS[fault]:
        return [FAULTS[fault]]
    errors = ERRORS if PROOF == "all" else [ERRORS[nth % len(ERRORS)]]
    return [{"errno": error} for error in errors]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_call_to_the_disk_loses_nothing_and_doubles_nothing(world, fault):
    calls = world.folder / "calls"
    assert world.run(shim(world.state, log=calls))[0] == 0
    world.judge("without a fault")
    count = len(calls.read_text().splitlines())
    assert 20 < count < 2000
    for nth in chosen(count, fault):
        for settings in settings_of(fault, nth):
            world.begin_again()
            what = f"{settings} at call {nth} of {count}"
            code, log = world.run(shim(world.state, nth=nth, **settings))
            expected = (0, -9) if fault.startswith("kill") else (0,)
            assert code in expected, f"{what}: exit {code}\n{log}"
            world.judge(what)


def test_a_lack_of_memory_at_any_allocation_is_no_crash_and_loses_nothing(world):
    """From when it runs: libconfig itself does not survive one while it reads the configuration."""
    calls, armed = world.folder / "calls", world.folder / "armed"
    assert world.run(shim(world.state, log=calls, malloc=0, armed=armed), armed)[0] == 0
    count = int(re.search(r"^malloc (\d+)$", calls.read_text(), re.M).group(1))
    assert count > 100
    for nth in chosen(count, "malloc"):
        world.begin_again()
        armed.unlink()
        code, log = world.run(shim(world.state, malloc=nth, armed=armed), armed)
        assert code in (0, 1), f"allocation {nth}: exit {code}\n{log}"
        world.judge(f"allocation {nth} of {count}")
