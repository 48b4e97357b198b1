# SPDX-License-Identifier: Apache-2.0
"""gavead with real workers: plugins that behave and plugins that do not, reload, restart, faults of the disk."""
import os
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, PATIENCE, wait_until  # noqa: E402
from control import Control  # noqa: E402
import protos  # noqa: E402

PLUGINS = BUILD / "test-plugins"
UNKNOWN, OK, WARNING, CRITICAL = 4, 1, 2, 3
SANITIZED = "san" in BUILD.name

pytestmark = pytest.mark.skipif(not (PLUGINS / "hostile.so").exists(), reason="make test-plugins first")


@pytest.fixture(scope="session")
def control_pb(tmp_path_factory):
    return protos.control(tmp_path_factory.mktemp("protos"))


class Host:
    """A running agent on test plugins."""

    def __init__(self, folder, pb, files, start=True):
        self.folder, self.pb = folder, pb
        (folder / "etc/conf.d").mkdir(parents=True, exist_ok=True)
        self.configure(files)
        self.agent = None
        if start:
            self.start()

    def configure(self, files):
        for old in (self.folder / "etc/conf.d").iterdir():
            old.unlink()
        for name, text in files.items():
            (self.folder / "etc/conf.d" / name).write_text(text)

    def start(self, **options):
        self.agent = Agent(self.folder, PLUGINS, **options)
        self.control = Control(self.pb, self.agent.socket, PATIENCE)
        wait_until("gavead to listen", self._listens)
        return self

    def _listens(self):
        assert self.agent.running(), self.agent.log
        try:
            self.control.status()
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def stop(self):
        return self.agent.stop() if self.agent else 0

    def result(self, name):
        checks, _, _ = self.control.status()
        check = checks.get(name)
        return check.result if check and check.HasField("result") else None

    def wait_for(self, name, what, condition):
        def met():
            result = self.result(name)
            return result if result is not None and condition(result) else None
        return wait_until(f"{name}: {what}", met)

    def summary(self, name, text):
        return self.wait_for(name, f"a summary with {text!r}", lambda r: text in r.summary)


@pytest.fixture
def host(tmp_path, control_pb, started):
    def make(files, **options):
        made = Host(tmp_path / "host", control_pb, files, **options)
        started.append(made)
        return made
    return make


GOOD = 'plain: { every = "200ms"; word = "x"; };'


def hostile(mode, count=100, every="300ms", timeout="500ms", extra=""):
    return f'hostile: {{ every = "{every}"; timeout = "{timeout}"; {extra} mode = "{mode}"; count = {count}; }};'


def runs_on_time(host, name="plain/default", runs=5):
    """The check keeps giving results while something else goes wrong."""
    seen = set()

    def enough():
        result = host.result(name)
        if result is not None:
            assert result.status == OK, result.summary
            seen.add(result.started_at_ms)
        return len(seen) >= runs
    wait_until(f"{runs} results of {name}", enough)


@pytest.mark.parametrize("mode, count, cause", [
    ("crash", 1, "worker killed by SIGSEGV"),
    ("crash-open", 1, "worker killed by SIGSEGV"),
    ("exit", 1, "worker exited with status"),
    ("hang", 1, "no answer in 500ms"),
    ("hang-open", 1, "no answer in 500ms"),
    ("spin", 1, "no answer in 500ms"),
    ("garbage", 1, "worker ended: it sent a malformed frame"),
    ("fdleak", 1000, "descriptor"),
])
def test_a_bad_plugin_harms_only_itself_and_the_cause_is_named(host, mode, count, cause):
    timeout = "500ms" if cause.startswith("no answer") else "10s"
    agent = host({"a.conf": GOOD, "b.conf": hostile(mode, count, timeout=timeout)})
    result = agent.summary("hostile/default", cause)
    assert result.status == UNKNOWN and result.state == UNKNOWN
    runs_on_time(agent)
    assert agent.agent.running()


def test_memory_over_the_limit_ends_the_worker(host):
    if SANITIZED:
        pytest.skip("sanitizers need memory of their own")
    agent = host({"a.conf": GOOD, "b.conf": hostile("leak", 4096, timeout="10s", extra='limits = { memory = "16MiB"; };')})
    agent.wait_for("hostile/default", "to be stopped by the limit",
                   lambda r: "memory limit 16 MiB" in r.summary or "no memory after" in r.summary)
    runs_on_time(agent)


def test_an_answer_to_a_job_that_nobody_gave_is_passed_over(host):
    agent = host({"a.conf": GOOD, "b.conf": hostile("forge", 1)})
    agent.wait_for("hostile/default", "a result", lambda r: True)
    runs_on_time(agent)


def test_a_flood_of_events_is_cut_off(host):
    agent = host({"a.conf": GOOD, "b.conf": hostile("flood-events", 200000, timeout="20s", every="1h")})
    agent.wait_for("hostile/default", "a result", lambda r: True)
    runs_on_time(agent)
    assert len([e for e in agent.control.events() if e.check == "hostile/default"]) <= 1001


def test_a_flood_of_log_lines_is_held_back(host):
    agent = host({"a.conf": GOOD, "b.conf": hostile("flood-logs", 5000, timeout="10s")})
    agent.wait_for("hostile/default", "a result", lambda r: True)
    runs_on_time(agent)
    assert agent.agent.log.count("hostile/default: line") < 1000
    wait_until("the count of suppressed lines", lambda: "log lines suppressed" in agent.agent.log)


def test_rubbish_from_a_plugin_is_made_harmless(host):
    agent = host({"a.conf": GOOD, "b.conf": hostile("rubbish", 1)})
    agent.wait_for("hostile/default", "a result", lambda r: r.status == UNKNOWN)
    runs_on_time(agent)


def test_a_worker_comes_back_with_growing_pauses(host):
    agent = host({"b.conf": hostile("crash", every="100ms")})
    agent.summary("hostile/default", "not run: worker")
    wait_until("three deaths", lambda: agent.control.plugins()["hostile"].restarts >= 3)
    died = [e for e in agent.control.events() if e.event.kind == "worker-died"]
    assert len(died) >= 3
    first, second, third = (died[i].time_ms for i in range(3))
    assert second - first >= 500
    assert third - second >= 1000
    plugin = agent.control.plugins()["hostile"]
    assert plugin.state in ("backing off", "starting", "running", "stopping", "idle") and plugin.cause


def test_a_check_that_overruns_does_not_take_its_neighbours_along(host):
    agent = host({"b.conf": '''hostile: { every = "300ms"; timeout = "500ms"; checks = (
        { name = "bad"; mode = "hang"; }, { name = "fine"; mode = "none"; } ); };'''})
    agent.summary("hostile/bad", "no answer in 500ms")
    wait_until("results of its neighbour", lambda: agent.result("hostile/fine"))
    for _ in range(20):
        result = agent.result("hostile/fine")
        assert "harmless" in result.summary, result.summary
        time.sleep(0.05)


@pytest.mark.parametrize("plugin, cause", [
    ("crash-at-start", "while the plugin was loaded"),
    ("exit-at-start", "while the plugin was loaded"),
])
def test_a_plugin_that_dies_while_it_is_loaded_is_a_configuration_error(host, plugin, cause):
    agent = host({"a.conf": GOOD})
    agent.configure({"a.conf": GOOD, "b.conf": f'"{plugin}"' if False else f"{plugin}: {{ }};"})
    error, lines = agent.control.reload()
    assert "the old one stays in force" in error
    assert any(cause in line and "b.conf:1" in line for line in lines), lines
    runs_on_time(agent)


def test_a_worker_that_does_not_start_with_its_rights_keeps_the_old_configuration(host):
    agent = host({"a.conf": GOOD})
    agent.configure({"a.conf": GOOD, "b.conf": "moody: { };"})
    error, lines = agent.control.reload()
    assert "the old one stays in force" in error
    assert lines == ["moody: its worker does not start: worker exited with status 5 while the plugin was loaded"]
    runs_on_time(agent)
    assert set(agent.control.status()[0]) == {"plain/default"}


def test_state_changes_become_events_and_attempts_hold_them_back(host):
    agent = host({"a.conf": GOOD, "b.conf": hostile("none", every="200ms", extra="attempts = 3;")})
    agent.summary("hostile/default", "harmless")
    agent.configure({"a.conf": GOOD, "b.conf": hostile("flood-items", 3, every="1s", extra="attempts = 3;")})
    assert agent.control.reload() == ("", [])
    soft = agent.wait_for("hostile/default", "a soft problem", lambda r: r.status == WARNING)
    assert soft.state == OK and soft.attempt == 1
    hard = agent.wait_for("hostile/default", "a hard problem", lambda r: r.state == WARNING)
    assert hard.attempt == 0
    events = [e for e in agent.control.events() if e.event.kind == "state" and e.check == "hostile/default"]
    assert len(events) == 1
    assert events[0].event.attributes["from"] == "ok" and events[0].event.attributes["to"] == "warning"


def test_a_reload_leaves_checks_alone_that_did_not_change(host):
    two = 'plain: { every = "200ms"; word = "x"; checks = ( { name = "a"; }, { name = "b"; } ); };'
    three = 'plain: { every = "200ms"; word = "x"; checks = ( { name = "a"; }, { name = "c"; } ); };'
    agent = host({"a.conf": two})
    agent.wait_for("plain/a", "a result", lambda r: True)
    before = agent.control.plugins()["plain"].pid
    agent.configure({"a.conf": three})
    assert agent.control.reload() == ("", [])
    agent.wait_for("plain/c", "a result", lambda r: True)
    checks, _, _ = agent.control.status()
    assert set(checks) == {"plain/a", "plain/c"}
    assert agent.control.plugins()["plain"].pid == before
    assert any(e.event.kind == "reloaded" for e in agent.control.events())


def test_a_bad_configuration_changes_nothing_and_is_shown(host):
    agent = host({"a.conf": GOOD})
    agent.configure({"a.conf": GOOD.replace("word", "wrod")})
    error, lines = agent.control.reload()
    assert "the old one stays in force" in error
    assert len(lines) >= 1 and "a.conf:1" in lines[0] and 'did you mean "word"' in lines[0]
    _, _, status = agent.control.status()
    assert list(status.config_errors) == lines
    assert any(e.event.kind == "reload-failed" for e in agent.control.events())
    runs_on_time(agent)
    agent.configure({"a.conf": GOOD})
    assert agent.control.reload() == ("", [])
    _, _, status = agent.control.status()
    assert not status.config_errors


def test_hangups_in_quick_succession_all_count(host):
    agent = host({"a.conf": GOOD})
    for number in range(20):
        agent.configure({"a.conf": GOOD.replace('"x"', f'"x{number}"')})
        agent.agent.signal(signal.SIGHUP)
    agent.configure({"a.conf": 'plain: { every = "200ms"; word = "x"; checks = ( { name = "last"; } ); };'})
    agent.agent.signal(signal.SIGHUP)
    agent.wait_for("plain/last", "to come", lambda r: r.status == OK)
    checks, _, _ = agent.control.status()
    assert set(checks) == {"plain/last"}


def test_changed_rights_bring_a_new_worker(host):
    agent = host({"a.conf": GOOD})
    agent.wait_for("plain/default", "a result", lambda r: True)
    before = agent.control.plugins()["plain"]
    agent.configure({"a.conf": 'plain: { every = "200ms"; word = "x"; limits = { memory = "32MiB"; }; };'})
    assert agent.control.reload() == ("", [])
    after = wait_until("a new worker", lambda: (p := agent.control.plugins()["plain"]).pid not in (0, before.pid) and p)
    assert after.rights.memory == 32 << 20
    runs_on_time(agent)


def test_an_idle_worker_is_let_go_and_comes_back(host):
    agent = host({"a.conf": 'plain: { every = "1h"; word = "x"; };'}, start=False)
    (agent.folder / "etc/gavea.conf").write_text('agent: { worker_idle = "1s"; };')
    agent.start()
    agent.wait_for("plain/default", "a result", lambda r: True)
    first = agent.result("plain/default")
    wait_until("the worker to go", lambda: agent.control.plugins()["plain"].pid == 0)
    plugin = agent.control.plugins()["plain"]
    assert plugin.state == "idle" and not plugin.cause and plugin.restarts == 0
    got, end = agent.control.ask(run=agent.pb.RunNow(check="plain/default"))
    assert not end.error and got[0].check.result.started_at_ms > first.started_at_ms
    assert agent.control.plugins()["plain"].pid != 0


def test_states_last_over_a_restart(host):
    agent = host({"b.conf": hostile("flood-items", 3, every="1h")})
    before = agent.wait_for("hostile/default", "a result", lambda r: r.state == WARNING)
    agent.stop()
    time.sleep(0.05)
    agent.start()
    after = agent.wait_for("hostile/default", "a new result", lambda r: r.started_at_ms > before.started_at_ms)
    assert after.state == WARNING and after.state_since_ms == before.state_since_ms
    _, _, first = agent.control.status()
    assert any(e.event.kind == "stopped" for e in agent.control.events())
    assert first.agent_id == (agent.folder / "state/agent-id").read_text().strip()


def test_kill_9_loses_nothing_that_was_synced(host):
    agent = host({"b.conf": hostile("flood-items", 3, every="1h")})
    before = agent.wait_for("hostile/default", "a result", lambda r: r.state == WARNING)
    events = wait_until("the event", lambda: [e for e in agent.control.events() if e.event.kind == "state"])
    time.sleep(0.3)
    agent.agent.kill()
    agent.start()
    kept = [e for e in agent.control.events() if e.event.kind == "state"]
    assert [e.seq for e in kept] == [e.seq for e in events]
    after = agent.wait_for("hostile/default", "a new result", lambda r: r.started_at_ms > before.started_at_ms)
    assert after.state_since_ms == before.state_since_ms


def test_workers_end_with_their_manager(host):
    agent = host({"a.conf": GOOD})
    agent.wait_for("plain/default", "a result", lambda r: True)
    pid = agent.control.plugins()["plain"].pid
    assert pid
    agent.agent.kill()
    wait_until("the worker to end", lambda: not Path(f"/proc/{pid}/status").exists())


def test_a_state_directory_that_cannot_be_written_does_not_stop_the_agent(host):
    agent = host({"a.conf": GOOD}, start=False)
    state = agent.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    (state / "spool").write_text("a file where the folder should be")
    agent.start()
    runs_on_time(agent)
    _, _, status = agent.control.status()
    assert "opening the folder: Not a directory" in status.spool.error
    assert "going on in memory" in agent.agent.log


def test_a_torn_spool_does_not_stop_the_agent(host):
    agent = host({"a.conf": GOOD})
    agent.wait_for("plain/default", "a result", lambda r: True)
    agent.stop()
    segment = sorted((agent.folder / "state/spool").glob("segment-*"))[-1]
    os.truncate(segment, segment.stat().st_size - 7)
    agent.start()
    runs_on_time(agent)
    assert "cut a torn record" in agent.agent.log


def test_without_a_good_configuration_it_does_not_start_and_says_all_that_is_wrong(host):
    agent = host({"a.conf": "plain: { wrod = 1; };", "b.conf": "nothing-like-it: { };", "c.conf": "broken"}, start=False)
    process = Agent(agent.folder, PLUGINS)
    assert process.popen.wait(PATIENCE) == 1
    for part in ("a.conf:1", "b.conf:1", "c.conf:", "the configuration has"):
        assert part in process.log
    process.judge()
    agent.configure({"a.conf": GOOD})
    agent.start()


def test_followers_hear_of_changes(host):
    agent = host({"a.conf": GOOD})
    with agent.control.open(status=agent.pb.GetStatus(follow=True)) as connection:
        changes = 0
        whole = False
        for answer in agent.control.answers(connection):
            body = answer.WhichOneof("body")
            whole |= body == "end" and answer.end.more
            changes += whole and body == "check"
            if changes >= 3:
                break
    assert changes >= 3


def test_rubbish_on_the_control_socket_drops_that_client_only(host):
    agent = host({"a.conf": GOOD})
    with agent.control.connect() as connection:
        connection.send(b"\x9a\x06\x00")  # a field of a later version
        got = list(agent.control.answers(connection))
        assert "does not know that request" in got[-1].end.error
    for data in (b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", os.urandom(4096)):
        with agent.control.connect() as connection:
            connection.send(data)
            assert connection.recv(1 << 18) == b""
    agent.control.status()
    _, end = agent.control.ask(run=agent.pb.RunNow(check="no/such"))
    assert 'there is no check "no/such"' in end.error


def test_a_command_reaches_its_plugin(host):
    agent = host({"a.conf": GOOD, "b.conf": 'good: { checks = ( { name = "a"; } ); };'})
    arguments = [agent.pb.worker__pb2.Fact(key="name", value="you")]
    got, end = agent.control.ask(command=agent.pb.SendCommand(check="good/a", name="greet", arguments=arguments))
    assert not end.error, end.error
    assert got and got[0].reply.text
    _, end = agent.control.ask(command=agent.pb.SendCommand(check="good/a", name="nonsense"))
    assert "no such command" in end.error
    _, end = agent.control.ask(command=agent.pb.SendCommand(check="good/b", name="greet"))
    assert 'there is no check "good/b"' in end.error


def test_an_actor_that_runs_no_checks_is_there_for_commands_only(host):
    agent = host({"a.conf": GOOD, "b.conf": "actor: { };"})
    runs_on_time(agent)
    check = agent.control.status()[0]["actor/default"]
    assert not check.HasField("result") and check.next_run_ms == 0 and not check.running
    got, end = agent.control.ask(command=agent.pb.SendCommand(check="actor/default", name="act"))
    assert not end.error and "done: act" in got[0].reply.text
    _, end = agent.control.ask(run=agent.pb.RunNow(check="actor/default"))
    assert "runs no checks" in end.error
