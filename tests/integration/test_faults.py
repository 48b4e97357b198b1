# SPDX-License-Identifier: Apache-2.0
"""gavead when the world around it fails: disks, configuration, clients, and its own sudden death."""
import errno
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, PATIENCE, wait_until  # noqa: E402
from control import Control  # noqa: E402
from receiver import Receiver  # noqa: E402
from test_chain import chain, control_pb, plugins  # noqa: E402, F401
from test_manager import GOOD, Host, PLUGINS, SANITIZED, host, hostile, runs_on_time  # noqa: E402, F401

SHIM = BUILD / "test-support/faulty.so"
ROOT = os.geteuid() == 0
QUICK = 'agent: { flush = "50ms"; };'

pytestmark = pytest.mark.skipif(not (PLUGINS / "hostile.so").exists(), reason="make test-plugins first")
needs_root = pytest.mark.skipif(not ROOT, reason="needs root, for a file system of its own")
needs_shim = pytest.mark.skipif(SANITIZED or not SHIM.exists(), reason="a preloaded library does not go with sanitizers"
                                if SANITIZED else "make unit-build first")


def shim(state, **settings):
    """The environment that puts the faulty disk below state."""
    return {"LD_PRELOAD": str(SHIM), "FAULTY_PROGRAM": "gavead", "FAULTY_UNDER": str(state),
            **{f"FAULTY_{name.upper()}": str(value) for name, value in settings.items()}}


def spool_error(control):
    return control.status()[2].spool.error


# ---- The disk is full ----

def tmpfs(state, size="1m", mode="rw"):
    """A prefix that gives the program a small file system of its own at state."""
    return ["unshare", "--mount", "sh", "-c",
            f'mount -t tmpfs -o size={size} tmpfs "$0" && mount -o remount,{mode},size={size} "$0" && exec "$@"', state]


def fill(folder):
    """Takes what is left there."""
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC


@needs_root
def test_on_a_full_disk_it_goes_on_in_memory_and_returns_when_there_is_space(chain):  # noqa: F811
    chain.start_fleet()
    chain.configure('hostile: { every = "150ms"; mode = "none"; };')
    state = chain.folder / "host/state"
    state.mkdir(parents=True)
    (chain.folder / "host/etc/gavea.conf").write_text(QUICK)
    chain.start_agent(prefix=tmpfs(state))
    chain.wait_delivered()
    inside = Path(f"/proc/{chain.agent.pid}/root{state}")
    assert list((inside / "spool").glob("segment-*"))

    def change(mode):
        chain.configure(f'hostile: {{ every = "150ms"; mode = "{mode}"; count = 2; }};')
        assert chain.control.reload() == ("", [])

    fill(inside)
    change("flood-items")
    error = wait_until("the fault to be shown", lambda: spool_error(chain.control))
    assert error.endswith("No space left on device"), error
    assert "going on in memory" in chain.agent.log
    change("none")
    runs_on_time_of(chain.control, "hostile/default")
    chain.same_events()
    assert spool_error(chain.control)

    (inside / "filler").unlink()
    change("flood-items")
    wait_until("the disk to be used again", lambda: not spool_error(chain.control))
    assert "takes records again" in chain.agent.log
    change("none")
    wait_until("that to be told", lambda: any(e.event.kind == "spool-recovered" for e in chain.control.events()))
    chain.same_events()
    told = [kind for _, kind, _, _ in chain.fleet_events() if kind.startswith("spool-")]
    assert told == ["spool-failing", "spool-recovered"], "once each"
    _, outputs, agent = chain.control.status()
    assert outputs["fleet/default"].lost_records == 0
    assert agent.spool.dropped_events == agent.spool.dropped_results == agent.spool.dropped_samples == 0


def runs_on_time_of(control, name, runs=3):
    seen = set()

    def enough():
        seen.add(control.status()[0][name].result.started_at_ms)
        return len(seen) >= runs
    wait_until(f"{runs} results of {name}", enough)


@needs_root
def test_a_state_directory_that_is_read_only_from_the_start_is_told(host):  # noqa: F811
    agent = host({"a.conf": GOOD}, start=False)
    state = agent.folder / "state"
    state.mkdir(parents=True)
    agent.start(prefix=tmpfs(state, mode="ro"))
    runs_on_time(agent)
    assert spool_error(agent.control) == "opening the folder: Read-only file system"
    assert "cannot keep the agent's id" in agent.agent.log


@needs_shim
@pytest.mark.parametrize("error", [errno.EROFS, errno.EIO])
def test_a_disk_that_turns_read_only_or_bad_while_it_runs_is_told_and_left_when_it_is_good(host, tmp_path, error):  # noqa: F811
    agent = host({"a.conf": GOOD}, start=False)
    (agent.folder / "etc/gavea.conf").write_text(QUICK)
    bad = tmp_path / "bad"
    agent.start(env=shim(agent.folder / "state", errno=error, **{"while": bad}))
    runs_on_time(agent, runs=2)
    bad.touch()
    shown = wait_until("the fault to be shown", lambda: spool_error(agent.control))
    assert shown == f"writing: {os.strerror(error)}" or shown == f"making a segment: {os.strerror(error)}"
    runs_on_time(agent)
    if error == errno.EIO:
        bad.unlink()
        wait_until("the disk to be used again", lambda: not spool_error(agent.control))
        runs_on_time(agent)


@needs_root
def test_a_state_directory_of_someone_else_does_not_stop_the_agent(control_pb, started):  # noqa: F811
    if subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-x", BUILD / "gavead"],
                      check=False).returncode:
        pytest.skip("this build cannot be reached by another user")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Host(folder, control_pb, {"a.conf": GOOD}, start=False)
        for sub in ("state", "run"):
            (folder / sub).mkdir()
        os.chown(folder / "run", 65534, 65534)
        (folder / "state").chmod(0o755)
        made.start(prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        try:
            runs_on_time(made)
            assert spool_error(made.control) == "opening the folder: Permission denied"
            assert f"cannot keep the agent's id in {folder}/state: Permission denied" in made.agent.log
            assert not list((folder / "state").iterdir())
        finally:
            made.stop()


# ---- Every call to the disk fails once, or is the last one ----

def short_run(folder, pb, env):
    """Starts, has a result and an event on disk, and ends in order. The exit code, and what was logged."""
    agent = Agent(folder, PLUGINS, env=env)
    control = Control(pb, agent.socket, PATIENCE)

    def done():
        try:
            checks, _, _ = control.status()
            return not agent.running() or checks["plain/default"].result.summary == "the word is x"
        except (OSError, IndexError, StopIteration):
            return not agent.running()
    wait_until("a result", done)
    time.sleep(0.06)  # a flush
    if agent.running():
        agent.popen.terminate()
    code = agent.popen.wait(PATIENCE)
    log = agent.log
    agent.log_path.unlink()
    return code, log


@needs_shim
@pytest.mark.parametrize("error", [errno.EIO, 0])
def test_after_a_fault_at_any_call_to_the_disk_it_starts_again(tmp_path, control_pb, error):  # noqa: F811
    (tmp_path / "etc/conf.d").mkdir(parents=True)
    (tmp_path / "etc/gavea.conf").write_text(QUICK)
    (tmp_path / "etc/conf.d/a.conf").write_text('plain: { every = "100ms"; word = "x"; };')
    state = tmp_path / "state"
    calls = tmp_path / "calls"
    assert short_run(tmp_path, control_pb, shim(state, log=calls))[0] == 0
    count = len(calls.read_text().splitlines())
    assert 20 < count < 200
    ends = set()
    for nth in range(1, min(count, 45) + 1):
        shutil.rmtree(state)
        code, log = short_run(tmp_path, control_pb, shim(state, nth=nth, errno=error))
        ends.add(code)
        if error:
            assert code == 0, f"call {nth} failed: exit {code}\n{log}"
        else:
            assert code in (0, -9), f"killed at call {nth}: exit {code}\n{log}"
        code, log = short_run(tmp_path, control_pb, {})
        assert code == 0, f"the start after call {nth}: exit {code}\n{log}"
        assert "damage" not in log and "set aside" not in log, f"after call {nth}:\n{log}"
    assert error or -9 in ends


# ---- Sudden death ----

def test_whatever_dies_a_record_never_comes_with_another_content(chain):  # noqa: F811
    receiver = Receiver(trouble=0.3)
    chain.things.append(receiver)
    chain.configure('plain: { every = "100ms"; word = "x"; };', url=receiver.url, extra='format = "json"; compression = "none";')
    (chain.folder / "host/etc/conf.d/hostile.conf").write_text(hostile("crash", every="100ms"))
    (chain.folder / "host/etc/gavea.conf").write_text(QUICK)
    instants = random.Random(7)
    for _ in range(10):
        chain.start_agent()
        time.sleep(instants.uniform(0, 0.5))
        chain.agent.kill()
    chain.start_agent()
    wait_until("events of this run", lambda: any(e.event.kind == "worker-died" for e in chain.control.events()))

    def all_there():
        _, outputs, _ = chain.control.status()
        known = {(e.time_ms, e.event.kind, e.event.summary) for e in chain.control.events()}
        return outputs["fleet/default"].cursor_seq and known <= set(receiver.events())
    wait_until("all events to be received", all_there)
    assert not receiver.conflicts
    assert receiver.repeated > 0
    assert len([e for e in receiver.events() if e[1] == "started"]) >= 5
    spools = {spool for spool, _ in receiver.records}
    assert len(spools) == 1, "nothing was damaged, so one spool goes on"


# ---- Configuration ----

def refused(folder, expected):
    """gavead does not start on this configuration, says why, and ends at once."""
    agent = Agent(folder, PLUGINS)
    assert agent.popen.wait(PATIENCE) == 1, agent.log
    for text in expected:
        assert text in agent.log, agent.log
    agent.judge()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "etc/conf.d").mkdir(parents=True)
    return tmp_path


def make_fifo(path):
    os.mkfifo(path)


def make_device(path):
    path.symlink_to("/dev/zero")


def make_loop(path):
    path.symlink_to(path.name)


def make_dangling(path):
    path.symlink_to("nowhere")


def make_folder(path):
    path.mkdir()


def make_large(path):
    path.write_text("# filler\n" * 120000)


@pytest.mark.parametrize("make, text", [
    (make_fifo, "is not a regular file"),
    (make_device, "is not a regular file"),
    (make_loop, "Too many levels of symbolic links"),
    (make_dangling, "No such file or directory"),
    (make_folder, "Is a directory"),
    (make_large, "is larger than 1 MiB"),
])
def test_a_file_that_is_none_is_an_error_that_names_it_and_never_hangs(folder, make, text):
    (folder / "etc/conf.d/a.conf").write_text(GOOD)
    make(folder / "etc/conf.d/odd.conf")
    refused(folder, [f"conf.d/odd.conf: {text}"])


@pytest.mark.parametrize("make, text", [(make_fifo, "is not a regular file"), (make_large, "is larger than 1 MiB")])
def test_the_same_at_a_reload_keeps_the_old_configuration(host, make, text):  # noqa: F811
    agent = host({"a.conf": GOOD})
    make(agent.folder / "etc/conf.d/odd.conf")
    error, lines = agent.control.reload()
    assert "the old one stays in force" in error
    assert len(lines) == 1 and lines[0].endswith(f"conf.d/odd.conf: {text}")
    runs_on_time(agent)


@needs_root
def test_a_file_that_may_not_be_read_is_an_error_that_names_it(control_pb):  # noqa: F811
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for sub in ("etc/conf.d", "state", "run"):
            (folder / sub).mkdir(parents=True)
        secret = folder / "etc/conf.d/secret.conf"
        secret.write_text(GOOD)
        secret.chmod(0o600)
        (folder / "etc/conf.d/a.conf").write_text(GOOD)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BUILD / "gavead", "--config",
                               folder / "etc", "--state", folder / "state", "--run", folder / "run", "--plugins", PLUGINS],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1
        assert "secret.conf: Permission denied" in done.stderr


def test_a_key_that_is_defined_twice_names_both_places(folder):
    (folder / "etc/conf.d/a.conf").write_text('plain: {\n  word = "one";\n};\n')
    (folder / "etc/conf.d/b.conf").write_text('\n\nplain: {\n  every = "1s";\n  word = "two";\n};\n')
    refused(folder, ["b.conf:5: word: defined twice; the first definition is at", "a.conf:2", "has 1 error"])


def test_a_hundred_thousand_checks_are_refused_at_once(folder):
    rows = ",".join(f'{{name="c{i}";}}' for i in range(100000))
    (folder / "etc/conf.d/a.conf").write_text(f"plain:{{checks=({rows});}};")
    refused(folder, ["a.conf: is larger than 1 MiB"])


def test_many_checks_run_and_an_ordinary_one_beside_them_is_on_time(host):  # noqa: F811
    rows = ",".join(f'{{name="c{i}";}}' for i in range(5000))
    agent = host({"a.conf": GOOD, "b.conf": f'hostile:{{every="1h";mode="none";checks=({rows});}};'})
    runs_on_time(agent)
    assert len(agent.control.status()[0]) == 5001


# ---- Clients of the control socket ----

def test_clients_that_never_read_hold_nobody_up(host):  # noqa: F811
    agent = host({"a.conf": 'plain: { every = "100ms"; word = "x"; };'})
    clients = [agent.control.open(status=agent.pb.GetStatus(follow=True)) for _ in range(5)]
    clients += [agent.control.open(events=agent.pb.GetEvents(follow=True)) for _ in range(5)]
    runs_on_time(agent, runs=10)
    for client in clients:
        client.close()
    agent.control.status()


def patient(control):
    """A connection that waits while the queue of those who come is full."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(control.path)
    connection.settimeout(PATIENCE)
    return connection


def test_a_hundred_connections_at_once_leave_it_in_good_order(host):  # noqa: F811
    agent = host({"a.conf": GOOD})
    files = len(os.listdir(f"/proc/{agent.agent.pid}/fd"))
    for _ in range(100):
        patient(agent.control).close()
    wait_until("those to be gone", lambda: len(os.listdir(f"/proc/{agent.agent.pid}/fd")) <= files + 2)
    crowd = [patient(agent.control) for _ in range(100)]
    # Over its bound it closes at once; those within it are served.
    crowd[0].send(agent.pb.Request(status=agent.pb.GetStatus()).SerializeToString())
    assert list(agent.control.answers(crowd[0]))[-1].WhichOneof("body") == "end"
    assert crowd[-1].recv(1) == b""
    for connection in crowd:
        connection.close()
    runs_on_time(agent)
    wait_until("their descriptors to be closed", lambda: len(os.listdir(f"/proc/{agent.agent.pid}/fd")) <= files + 2)


def test_who_comes_while_a_full_house_leaves_is_let_in(host):  # noqa: F811
    agent = host({"a.conf": GOOD})
    for _ in range(20):
        crowd = [patient(agent.control) for _ in range(64)]
        for connection in crowd:
            connection.close()
        connection = patient(agent.control)
        connection.send(agent.pb.Request(status=agent.pb.GetStatus()).SerializeToString())
        assert list(agent.control.answers(connection))[-1].WhichOneof("body") == "end"
        connection.close()


# ---- Arguments ----

def gavead(*arguments):
    return subprocess.run([BUILD / "gavead", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)


def test_help_and_version_are_told_on_standard_output():
    done = gavead("--help")
    assert done.returncode == 0 and not done.stderr
    for option in ("--config", "--state", "--run", "--plugins", "--worker", "--cgroup", "--log-level", "--version", "--help"):
        assert option in done.stdout
    done = gavead("--version")
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("gavead ") and done.stdout[7].isdigit() and done.stdout.count("\n") == 1


@pytest.mark.parametrize("arguments, message", [
    (["--no-such-option"], "unrecognized option '--no-such-option'"),
    (["-x"], "invalid option -- 'x'"),
    (["--config"], "option '--config' requires an argument"),
    (["--cgroup=yes"], "option '--cgroup' doesn't allow an argument"),
    (["--log-level", "loud"], '--log-level: "loud" is not a level'),
    (["etc"], '"etc": takes no arguments; see --help'),
])
def test_wrong_arguments_are_a_usage_error(arguments, message):
    done = gavead(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and not done.stdout
