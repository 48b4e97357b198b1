# SPDX-License-Identifier: Apache-2.0
"""gavead at its bounds: large results, a full spool, no descriptors left, clients and workers that break rules."""
import os
import resource
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, PATIENCE, wait_until  # noqa: E402
from control import Control  # noqa: E402
import protos  # noqa: E402

PLUGINS = BUILD / "test-plugins"
OK, CRITICAL, UNKNOWN = 1, 3, 4
MIB = 1 << 20

pytestmark = pytest.mark.skipif(not (PLUGINS / "crowd.so").exists(), reason="make test-plugins first")


@pytest.fixture(scope="module")
def control_pb(tmp_path_factory):
    return protos.control(tmp_path_factory.mktemp("protos"))


class Host(Agent):
    def __init__(self, folder, pb, config, plugins=PLUGINS, main=""):
        (folder / "etc").mkdir(parents=True)
        self.main = folder / "etc/gavea.conf"
        self.main.write_text(main)
        self.part = folder / "etc/conf.d/a.conf"
        self.part.parent.mkdir()
        self.part.write_text(config)
        super().__init__(folder, plugins)
        self.pb, self.control = pb, Control(pb, self.socket, PATIENCE)
        self.ready()

    def result(self, name):
        check = self.control.status()[0].get(name)
        return check.result if check and check.HasField("result") else None

    def wait_for(self, name, what, condition):
        def met():
            result = self.result(name)
            return result if result is not None and condition(result) else None
        return wait_until(f"{name}: {what}", met)


@pytest.fixture
def host(tmp_path, control_pb, started):
    def make(config, **options):
        made = Host(tmp_path / "host", control_pb, config, **options)
        started.append(made)
        return made
    return make


def crowd(items, size, every="200ms", more=""):
    return f'crowd: {{ every = "{every}"; timeout = "20s"; items = {items}; size = {size}; {more} }};'


# ---- Results and the spool ----

def test_a_result_larger_than_a_record_is_cut_and_what_is_left_out_counted(host):
    agent = host(crowd(10000, 400, every="1h"))
    agent.wait_for("crowd/default", "a result", lambda r: True)
    result = agent.control.check("crowd/default").result
    assert result.items_left_out > 0
    assert len(result.items) + result.items_left_out == 10000
    assert len(result.items) > 1000
    assert result.status == CRITICAL
    # What is not well is the last to be left out.
    assert any(item.status == CRITICAL for item in result.items)
    assert "lost" not in agent.log


def test_results_without_samples_keep_the_spool_in_its_bounds(host):
    agent = host(crowd(1000, 300, every="100ms"), main='agent: { spool_size = "4MiB"; };')
    last = wait_until("many results", lambda: (a := agent.control.status()[2].spool).last_seq > 40 and a)
    assert last.bytes < 5 * MIB
    assert last.max_bytes == 4 * MIB


def test_the_bound_of_the_spool_can_be_changed_by_a_reload(host):
    agent = host(crowd(1000, 900, every="100ms") , main='agent: { spool_size = "64MiB"; };')
    before = wait_until("a few segments", lambda: (a := agent.control.status()[2].spool).bytes > 7 * MIB and a)
    assert before.bytes <= 64 * MIB
    agent.main.write_text('agent: { spool_size = "4MiB"; };')
    assert agent.control.reload() == ("", [])
    wait_until("the spool to shrink", lambda: agent.control.status()[2].spool.bytes < 5 * MIB)
    wait_until("it to go on", lambda: agent.control.status()[2].spool.last_seq > before.last_seq + 20)
    assert agent.control.status()[2].spool.bytes < 5 * MIB


# ---- Clients and workers that break the rules ----

def test_a_client_with_two_requests_at_once_is_refused_and_harms_nobody(host):
    agent = host('plain: { every = "1h"; word = "x"; checks = ( { name = "a"; }, { name = "b"; } ); };'
                 'hostile: { every = "1h"; timeout = "1s"; mode = "hang"; count = 1; };')
    slow = agent.pb.Request(run=agent.pb.RunNow(check="hostile/default")).SerializeToString()
    quick = agent.pb.Request(run=agent.pb.RunNow(check="plain/b")).SerializeToString()
    for _ in range(3):
        with agent.control.connect() as connection:
            connection.send(slow)
            connection.send(quick)
            end = list(agent.control.answers(connection))[-1].end
            assert "one request" in end.error or "somebody else" in end.error
    # The run that the first one asked for ends when nobody is there any more.
    agent.wait_for("hostile/default", "an end", lambda r: "no answer" in r.summary)
    assert agent.running() and agent.result("plain/a") is not None


def test_a_worker_that_closes_its_connection_is_ended_and_its_check_goes_on(host):
    agent = host(crowd(1, 1, every="3s", more="mute = true;"))
    assert wait_until("an event", lambda: [e for e in agent.control.events() if e.event.kind == "worker-died"
                                           and "closed its connection" in e.event.summary])
    first = agent.result("crowd/default").started_at_ms
    agent.wait_for("crowd/default", "a later result", lambda r: r.started_at_ms > first and r.status == CRITICAL)


def test_a_worker_that_chatters_without_a_job_is_ended(host):
    agent = host('plain: { every = "200ms"; word = "x"; };' + crowd(1, 1, every="1h", more="chatter = true;"))
    wait_until("its end", lambda: [e for e in agent.control.events() if e.event.kind == "worker-died"
                                   and "messages without a job" in e.event.summary])
    first = agent.result("plain/default").started_at_ms
    agent.wait_for("plain/default", "a later result", lambda r: r.started_at_ms > first and r.status == OK)


def test_a_plugin_that_talks_and_takes_its_time_while_it_is_loaded_holds_nobody_up(host):
    agent = host('plain: { every = "100ms"; word = "x"; };')
    agent.wait_for("plain/default", "a result", lambda r: True)
    agent.part.write_text('plain: { every = "100ms"; word = "x"; };\ndawdle: { every = "1h"; };')
    with agent.control.open(reload=agent.pb.Reload()) as connection:
        # While it is loaded: answers, and checks that run.
        seen = set()
        while len(seen) < 10:
            seen.add(agent.result("plain/default").started_at_ms)
        assert "dawdle/default" not in agent.control.status()[0]
        end = list(agent.control.answers(connection))[-1].end
    assert (end.error, list(end.messages)) == ("", [])
    agent.wait_for("dawdle/default", "a result", lambda r: True)


# ---- Nothing left to work with ----

def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_without_descriptors_it_neither_dies_nor_spins_and_recovers(host):
    agent = host('plain: { every = "200ms"; word = "x"; };' + crowd(1, 1, every="300ms"))
    agent.wait_for("crowd/default", "a result", lambda r: True)
    pid = agent.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), before[1]))
    with agent.control.connect():
        ticks = cpu_ticks(pid)
        agent.signal(signal.SIGHUP)
        time.sleep(2)
        assert agent.running(), agent.log
        assert cpu_ticks(pid) - ticks < os.sysconf("SC_CLK_TCK")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    now = time.time() * 1000
    agent.wait_for("plain/default", "later results", lambda r: r.started_at_ms > now and r.status == OK)
    agent.wait_for("crowd/default", "later results", lambda r: r.started_at_ms > now and r.status == CRITICAL)


# ---- Stopping ----

def test_one_that_is_stopped_while_it_loads_says_so(tmp_path, started):
    folder = tmp_path / "host"
    folder.mkdir()
    agent = Agent(folder, PLUGINS)
    started.append(agent)
    agent.kill()
    (folder / "etc/conf.d/a.conf").write_text('hang-at-start: { every = "1s"; };')
    agent = Agent(folder, PLUGINS)
    started.append(agent)
    wait_until("the plugin to be loaded", lambda: Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().strip())
    agent.signal(signal.SIGTERM)
    agent.popen.wait(PATIENCE)
    assert "told to stop while the configuration was loaded" in agent.log
    assert "Stale" not in agent.log


def test_a_hangup_while_it_stops_is_passed_over(host, tmp_path):
    """An output that still delivers keeps it for a moment: nothing may come up again meanwhile."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    for file in (PLUGINS / "plain.so", BUILD / "plugins/fleet.so"):
        shutil.copy(file, folder)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        agent = host('plain: { every = "200ms"; word = "x"; };'
                     f'fleet: {{ every = "1s"; url = "http://127.0.0.1:{port}"; token = "t"; }};', plugins=folder)
        silent.settimeout(PATIENCE)
        connection, _ = silent.accept()
        with connection:
            agent.signal(signal.SIGTERM)
            wait_until("it to stop listening", lambda: not agent.socket.exists())
            agent.signal(signal.SIGHUP)
            assert agent.popen.wait(PATIENCE) == 0, agent.log
    assert "Sanitizer" not in agent.log
