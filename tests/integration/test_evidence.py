# SPDX-License-Identifier: Apache-2.0
"""Actors are told what other checks found: the plugin watcher says what came with its runs and commands."""
import os
import signal

import pytest

from conftest import wait_until
from test_manager import GOOD, PLUGINS, control_pb, host, hostile  # noqa: F401 (fixtures)

pytestmark = pytest.mark.skipif(not (PLUGINS / "watcher.so").exists(), reason="make test-plugins first")


def watcher(*watches, every="1h"):
    listed = ", ".join(f'"{watch}"' for watch in watches)
    return f'watcher: {{ every = "{every}"; watch = [ {listed} ]; }};'


def look(agent):
    got, end = agent.control.ask(command=agent.pb.SendCommand(check="watcher/default", name="look"))
    assert not end.error, end.error
    return got[0].reply.text.splitlines()


def test_the_first_command_already_knows_what_other_checks_found(host):  # noqa: F811
    agent = host({"a.conf": GOOD, "w.conf": watcher("plain/*")})
    agent.wait_for("plain/default", "a result", lambda r: True)
    lines = look(agent)
    assert len(lines) == 1
    number, name, status, age, interval, summary = lines[0].split(" ", 5)
    assert (number, name, status, age, interval) == ("0", "plain/default", "0", "aged", "200000000")
    assert summary == agent.result("plain/default").summary


def test_each_watch_gets_its_checks_by_name_and_its_samples(host):  # noqa: F811
    checks = 'plain: { every = "200ms"; word = "x"; checks = ( { name = "b"; }, { name = "a"; }, { name = "c"; } ); };'
    agent = host({"a.conf": checks, "w.conf": watcher("plain/?", "plain/b plain_runs_total", "no/such", "*/b plain_x")})
    for name in "abc":
        agent.wait_for(f"plain/{name}", "a result", lambda r: True)
    lines = look(agent)
    assert [line.split(" ")[:2] for line in lines if not line.startswith(" ")] == [
        ["0", "plain/a"], ["0", "plain/b"], ["0", "plain/c"], ["1", "plain/b"], ["3", "plain/b"]]
    samples = [line.split() for line in lines if line.startswith(" ")]
    assert [name for name, _ in samples] == ["plain_runs_total"] and float(samples[0][1]) >= 1


def test_a_check_without_a_result_is_unknown_and_never_old_enough(host):  # noqa: F811
    agent = host({"b.conf": hostile("hang", 1, timeout="1h"), "w.conf": watcher("hostile/*")})
    assert look(agent) == ["0 hostile/default 3 never 300000000 it has not run yet"]


def test_a_check_that_died_is_unknown_evidence(host):  # noqa: F811
    agent = host({"b.conf": hostile("crash", 1), "w.conf": watcher("hostile/*")})
    agent.summary("hostile/default", "SIGSEGV")
    assert look(agent)[0].startswith("0 hostile/default 3 aged")


def test_runs_have_evidence_too_and_watches_belong_to_open(host):  # noqa: F811
    agent = host({"a.conf": GOOD, "w.conf": watcher("plain/*", "watcher/*", every="200ms")})
    agent.summary("watcher/default", "2 seen; a watch in run(): -95")


def test_evidence_outlives_the_death_of_the_worker_that_wants_it(host):  # noqa: F811
    agent = host({"a.conf": GOOD, "w.conf": watcher("plain/*")})
    agent.wait_for("plain/default", "a result", lambda r: True)
    assert look(agent)
    plugins, _ = agent.control.ask(plugins=agent.pb.GetPlugins())
    pid = next(p.plugin.pid for p in plugins if p.plugin.name == "watcher")
    os.kill(pid, signal.SIGKILL)

    def again():
        got, end = agent.control.ask(command=agent.pb.SendCommand(check="watcher/default", name="look"))
        return got[0].reply.text if not end.error else None
    assert "plain/default" in wait_until("the watcher's next worker", again)


def test_too_much_evidence_says_so_and_is_unknown(host):  # noqa: F811
    names = ", ".join(f'{{ name = "check-{i:03}"; }}' for i in range(60))
    agent = host({"a.conf": f'plain: {{ every = "1h"; word = "{"x" * 2000}"; checks = ( {names} ); }};',
                  "w.conf": watcher(*["plain/*"] * 5)})
    for i in range(60):
        agent.wait_for(f"plain/check-{i:03}", "a result", lambda r: True)
    lines = look(agent)
    cut = [line for line in lines if "too many checks or samples are asked for" in line]
    told = {line.split()[0] for line in cut}
    assert len(cut) == len(told) >= 1 and all(" 3 never " in line for line in cut)
    assert {line.split()[0] for line in lines} == set("01234"), "no watch is left without a word"
    assert len(lines) < 300


@pytest.mark.parametrize("watch", ["", "plain/* {", "plain/* 9x", "plain/* a{b=}"])
def test_what_is_not_a_watch_is_refused(host, watch):  # noqa: F811
    agent = host({"w.conf": watcher(watch)})
    agent.summary("watcher/default", "refused")
