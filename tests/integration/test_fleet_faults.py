# SPDX-License-Identifier: Apache-2.0
"""gavea-fleetd dies or its disk and memory fail, at any point: what it acknowledged is stored, nothing is stored twice, and
it always starts again.

GAVEA_EVERY=1 tries every point instead of some (make faults); GAVEA_SEED sets where the random ones lie, GAVEA_LIVES how
often the server is killed under load.
"""
import errno
import os
import random
import shutil
import signal
import sqlite3
import threading

import pytest

from tests.support import fleetd
from tests.support.fleetd import Agent, Fleet, wait_until

SHIM = fleetd.BUILD / "test-support/starve.so"
SANITIZED = "san" in fleetd.BUILD.name
EVERY = bool(os.environ.get("GAVEA_EVERY"))
SEED = int(os.environ.get("GAVEA_SEED", "20260131"))
LIVES = int(os.environ.get("GAVEA_LIVES", "3" if SANITIZED else "8"))
POINTS = 16  # of one kind, unless all

needs_shim = pytest.mark.skipif(SANITIZED or not SHIM.exists(), reason="a preloaded library does not go with sanitizers"
                                if SANITIZED else "make unit-build first")


@pytest.fixture(autouse=True)
def leftovers():
    yield
    fleetd.kill_started()


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("protos"))


def ticking(agent):
    """A report whose event says which one it is."""
    report = agent.full()
    event = agent.add(report.records).event
    event.kind, event.summary = "tick", str(agent.seq)
    return report


def stored(server):
    """{agent_id: [seq of each tick]}"""
    found = {}
    with sqlite3.connect(f"file:{server.state}/fleet.db?mode=ro", uri=True) as db:
        for agent_id, summary in db.execute("SELECT agent_id, summary FROM event WHERE kind = 'tick' ORDER BY id"):
            found.setdefault(agent_id, []).append(int(summary))
    return found


def assert_sound(server, acked):
    """acked: {agent_id: [seq of each report that was acknowledged]}"""
    found = stored(server)
    for agent_id, seqs in found.items():
        assert len(seqs) == len(set(seqs)), f"{agent_id} has reports twice: {seqs}"
    for agent_id, seqs in acked.items():
        missing = set(seqs) - set(found.get(agent_id, []))
        assert not missing, f"{agent_id}: acknowledged but not stored: {sorted(missing)}"


def test_it_is_killed_at_random_instants_under_load(tmp_path, pb):
    """The agents repeat what was not acknowledged, as ours do: what was stored without an answer must not count twice."""
    chance = random.Random(SEED)
    server = Fleet(tmp_path, ['snapshot_every = "100ms";', "agent_reports = 0;"]).start()
    agents = [Agent(pb, number) for number in range(1, 7)]
    acked = {agent.agent_id: [] for agent in agents}
    waiting = {}

    def load(agent, over):
        connection = server.connect()
        while not over.is_set():
            report = waiting.setdefault(agent.agent_id, None) or ticking(agent)
            waiting[agent.agent_id] = report
            try:
                ack = agent.send(server, report, connection=connection)
            except AssertionError:
                raise
            except Exception:  # the server is dead, or its answer was cut off
                connection.close()
                return
            assert ack.acked_seq == report.records[-1].seq
            acked[agent.agent_id].append(ack.acked_seq)
            waiting[agent.agent_id] = None

    for _ in range(LIVES):
        over = threading.Event()
        threads = [threading.Thread(target=load, args=(agent, over)) for agent in agents]
        before = sum(map(len, acked.values()))
        for thread in threads:
            thread.start()
        wait_until("some load", lambda: sum(map(len, acked.values())) > before + 10)
        over.wait(chance.random() * 0.3)
        server.kill()
        over.set()
        for thread in threads:
            thread.join()
        server.start()
        assert_sound(server, acked)
    for agent in agents:
        if waiting[agent.agent_id]:
            agent.send(server, waiting[agent.agent_id])
        assert server.get(f"/v1/hosts/{agent.agent_id}")["status"] == "ok"
    server.stop()
    assert_sound(server, acked)


class Starved(Fleet):
    """A server that starve.c is preloaded to."""

    def spawn(self):
        before = dict(os.environ)
        os.environ.update(self.starve)
        try:
            return super().spawn()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def starved(self, kind, nth, error, last=None):
        self.starve = {"LD_PRELOAD": str(SHIM), "STARVE_PROGRAM": "gavea-fleetd", "STARVE_KIND": kind,
                       "STARVE_UNDER": str(self.state), "STARVE_NTH": str(nth), "STARVE_LAST": str(last or nth),
                       "STARVE_ERRNO": str(error), "STARVE_COUNT": str(self.folder / "count")}
        return self

    def fed(self):
        self.starve = {}
        return self


def short_life(server, agents, acked):
    """Starts it, reports a few times, ends it. Everything may fail but what is acknowledged counts. Returns its status."""
    port_file = server.spawn()
    wait_until("gavea-fleetd to listen or to end", lambda: port_file.exists() or server.popen.poll() is not None)
    if server.popen.poll() is None:
        text = wait_until("the port", lambda: port_file.read_text() if port_file.exists() else "0")
        server.port = int(text)
        for _ in range(2):
            for agent in agents:
                report_once(server, agent, acked)
        if server.popen.poll() is None:
            server.popen.send_signal(signal.SIGTERM)
    return server.popen.wait(fleetd.PATIENCE)


def report_once(server, agent, acked):
    report = agent.waiting or ticking(agent)
    agent.waiting = report
    for status in (200, 409):
        try:
            ack = agent.send(server, report, status=status)
        except Exception:  # refused, cut off, or dead
            continue
        if status == 200 and ack.acked_seq == report.records[-1].seq:
            acked[agent.agent_id].append(ack.acked_seq)
            agent.waiting = None
            return
        if status == 409 and not report.declarations:
            # It lost its memory of our numbers: not of what it stored.
            Agent(agent.pb).declare(report.declarations)
            report_once(server, agent, acked)
            return


def make_agents(pb):
    agents = [Agent(pb, 1), Agent(pb, 2)]
    for agent in agents:
        agent.waiting = None
    return agents


@pytest.fixture(scope="module")
def lived(tmp_path_factory, pb):
    """A state that a server left behind when it was killed: with a log to replay."""
    server = Fleet(tmp_path_factory.mktemp("lived"), ['snapshot_every = "1h";']).start()
    agents = make_agents(pb)
    acked = {agent.agent_id: [] for agent in agents}
    for agent in agents:
        for _ in range(3):
            report_once(server, agent, acked)
    server.kill()
    return server.state, acked


def points(count):
    """All of them, or some: the first ones, where everything is prepared, and a random choice."""
    if EVERY or count <= POINTS:
        return range(1, count + 1)
    return sorted({*range(1, 6), *random.Random(SEED).sample(range(6, count + 1), POINTS - 5)})


KINDS = [("disk", 0), ("disk", errno.EIO), ("disk", errno.ENOSPC), ("memory", errno.ENOMEM), ("memory", 0)]


@needs_shim
@pytest.mark.parametrize("kind, error", KINDS, ids=lambda value: value if isinstance(value, str) else str(value))
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "lived"])
def test_any_call_may_fail_or_be_the_last_one(tmp_path, pb, lived, kind, error, fresh):
    def life(nth):
        folder = tmp_path / str(nth)
        folder.mkdir()
        server = Starved(folder, ['snapshot_every = "100ms";'])
        agents = make_agents(pb)
        acked = {agent.agent_id: [] for agent in agents}
        if not fresh:
            shutil.copytree(lived[0], server.state)
            for agent in agents:
                acked[agent.agent_id] += lived[1][agent.agent_id]
                agent.seq, agent.declared = acked[agent.agent_id][-1], True
        status = short_life(server.starved(kind, nth, error), agents, acked)
        allowed = {0, 1} if error else {0, -signal.SIGKILL}
        assert status in allowed, (nth, status, server.log)
        if status == 1:
            assert server.log.strip(), f"{nth}: it ended without a word"
        count = int((folder / "count").read_text()) if nth == 0 else 0
        server.fed().start()
        assert_sound(server, acked)
        for agent in agents:
            report_once(server, agent, acked)
            assert agent.waiting is None, (nth, server.log)
        server.stop()
        assert_sound(server, acked)
        shutil.rmtree(folder)
        return count

    count = life(0)
    assert count > 20
    for nth in points(count):
        life(nth)


@needs_shim
def test_a_disk_that_is_full_for_a_while_acknowledges_nothing_and_recovers(tmp_path, pb):
    server = Starved(tmp_path, [])
    agents = make_agents(pb)
    acked = {agent.agent_id: [] for agent in agents}
    assert short_life(server.starved("disk", 0, 0), agents, acked) == 0
    begin = int((tmp_path / "count").read_text())
    server.starved("disk", begin // 2, errno.ENOSPC, last=begin // 2 + 12).start()
    statuses = []

    def healthy():
        statuses.append(server.request("GET", "/healthz")[0])
        for agent in agents:
            report_once(server, agent, acked)
        return statuses[-1] == 200 and 503 in statuses
    wait_until("the disk to fail and to recover", healthy)
    assert "No space left" in server.log or "full" in server.log, server.log
    for agent in agents:
        report_once(server, agent, acked)
        assert agent.waiting is None
    server.stop()
    assert_sound(server, acked)
