# SPDX-License-Identifier: Apache-2.0
"""The exec plugin in its sandbox: Debian's monitoring plugins as they are, and programs that misbehave."""
import json
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from conftest import cli, wait_until

NAGIOS = Path("/usr/lib/nagios/plugins")
STATUSES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}

debian = pytest.mark.skipif(not NAGIOS.exists(), reason="monitoring-plugins-basic is not installed")


def run(*command, **options):
    """Runs a program through the plugin; its result as a dictionary, with samples by label under "values"."""
    words = [f"command={word}" for word in command]
    words += [f"{key}={value}" for key, value in options.items()]
    done = cli("run", "exec", *words, "--json", check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == STATUSES[result["status"]]
    result["values"] = {(s["name"], s["labels"].get("label")): s["value"] for s in result["samples"]}
    result["named"] = {item["name"]: item for item in result["items"]}
    return result


@pytest.fixture(name="script", scope="module")
def fixture_script(tmp_path_factory):
    """script(text) makes a program that the sandbox may run: below /opt, where nothing else is touched."""
    folder = Path("/opt") / f"gavea-test-exec-{os.getpid()}"
    folder.mkdir(parents=True)
    made = []

    def make(text):
        path = folder / f"check_{len(made)}"
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        made.append(path)
        return path
    yield make
    for path in made:
        path.unlink()
    folder.rmdir()


@pytest.fixture(name="server", scope="module")
def fixture_server():
    """A port where each connection gets a banner and is closed."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.0 503 Broken\r\nContent-Length: 0\r\n\r\n")
    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    stop.set()
    socket.create_connection(listener.getsockname()).close()
    thread.join()
    listener.close()


@debian
def test_debians_plugins_work_by_name_and_by_path():
    result = run("check_dummy", "0", "fine")
    assert (result["status"], result["summary"]) == ("ok", "OK: fine")
    for code, status in ((1, "warning"), (2, "critical"), (3, "unknown")):
        assert run(NAGIOS / "check_dummy", code)["status"] == status
    assert run("check_dummy", "--no-such-option")["status"] == "unknown"


@debian
def test_load_has_samples_and_thresholds():
    result = run("check_load", "-w", "1000", "-c", "2000")
    assert result["status"] == "ok"
    assert result["values"]["gavea_exec_perfdata", "load15"] >= 0
    assert result["named"]["load1"]["attributes"] == {"warning": "1000.000", "critical": "2000.000", "minimum": "0"}


@debian
def test_a_disk_that_is_too_full_is_critical_in_bytes():
    result = run("check_disk", "-w", "100%", "-c", "100%", "-p", "/usr")
    assert result["status"] == "critical"
    values = [value for (name, _), value in result["values"].items() if name == "gavea_exec_perfdata_bytes"]
    disk = os.statvfs("/usr")
    assert len(values) == 1 and 0 < values[0] <= disk.f_blocks * disk.f_frsize


@debian
def test_processes_are_seen_as_they_are():
    result = run("check_procs", "-w", "1:100000", "-c", "1:")
    assert result["status"] == "ok", result
    assert result["values"]["gavea_exec_perfdata", "procs"] >= 2
    assert run("check_procs", "-C", "no-such-program", "-c", "1:")["status"] == "critical"


@debian
def test_the_network_can_be_reached_and_a_closed_port_is_critical(server):
    assert run("check_tcp", "-H", "127.0.0.1", "-p", server)["status"] == "ok"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = run("check_tcp", "-H", "127.0.0.1", "-p", closed.getsockname()[1])
    assert result["status"] == "critical" and "Connection refused" in result["summary"]
    assert run("check_ssh", "-p", server, "127.0.0.1")["status"] == "critical"


@debian
def test_a_broken_web_server_is_critical_and_its_time_can_be_judged(server):
    result = run("check_http", "-I", "127.0.0.1", "-p", server)
    assert result["status"] == "critical" and "503" in result["summary"]
    assert result["values"]["gavea_exec_perfdata_seconds", "time"] > 0
    result = run("check_tcp", "-H", "127.0.0.1", "-p", server, warning="time=> 0ms")
    assert result["status"] == "warning" and result["summary"].startswith("time is ")


def test_a_program_that_ignores_sigterm_is_ended(script):
    result = run(script("trap '' TERM; echo begun; while :; do sleep 100; done"), timeout="1s")
    assert result["status"] == "unknown"
    assert "timed out after" in result["summary"]


def test_one_that_writes_for_ever_does_not_harm(script):
    result = run(script("yes"), timeout="1s", timeout_status="critical")
    assert result["status"] == "critical"
    assert "output_cut" in result["items"][-1]["attributes"]


def test_ten_megabytes_of_errors_are_dropped(script):
    result = run(script("head -c 10000000 /dev/zero | tr '\\0' x >&2; echo OK"))
    assert (result["status"], result["summary"]) == ("ok", "OK")


def test_a_child_that_holds_the_output_does_not_hold_up_the_check(script):
    result = run(script("sleep 1000 & echo \"OK | pid=$!\""))
    assert (result["status"], result["summary"]) == ("ok", "OK")
    pid = int(result["values"]["gavea_exec_perfdata", "pid"])
    wait_until("the child to be killed", lambda: not alive(pid))
    assert "left_behind" in result["items"][-1]["attributes"]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_program_that_forks_without_end_of_its_children_leaves_no_zombies_to_the_worker(script):
    result = run(script("#!/usr/bin/python3\nimport os\nfor i in range(50):\n    if os.fork() == 0:\n        os._exit(0)\n"
                        "print('OK')\n"))
    assert (result["status"], result["summary"]) == ("ok", "OK")


def test_what_is_no_text_becomes_text(script):
    result = run(script(r"printf 'caf\351 \000 \377|l\351=1\n\377\n'; exit 1"))
    assert (result["status"], result["summary"]) == ("warning", "caf?   ?")
    assert result["values"]["gavea_exec_perfdata", "l?"] == 1


def test_a_crash_is_unknown_even_after_it_said_ok(script):
    result = run(script("echo OK; kill -SEGV $$"))
    assert result["status"] == "unknown" and "killed by SIGSEGV; OK" in result["summary"]


def test_the_sandbox_holds_for_the_program(script, tmp_path):
    assert run(script(f"echo x >{tmp_path}/file || exit 2"))["status"] == "critical"
    assert run(script(f"echo x >{tmp_path}/file || exit 2"), write_paths=tmp_path)["status"] == "ok"
    program = tmp_path / "check"
    program.write_text("#!/bin/sh\necho OK\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    result = run(program)
    assert result["status"] == "unknown" and "Permission denied; programs are run from below /usr" in result["summary"]
    assert run(program, read_paths=tmp_path)["status"] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_another_user_is_become_and_can_be_ended(script):
    result = run(script("id -un; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status"), user="nobody")
    assert (result["status"], result["summary"]) == ("ok", "nobody")
    assert result["items"][-1]["attributes"]["output"] == "CapEff:\t0000000000000000\nNoNewPrivs:\t1"
    result = run(script("trap '' TERM; while :; do sleep 100; done"), user="nobody", timeout="1s")
    assert result["status"] == "unknown" and "timed out" in result["summary"]


def test_options_that_are_wrong_are_named():
    result = run("/nonexistent/check")
    assert (result["status"], result["summary"]) == ("unknown", "command: /nonexistent/check: No such file or directory")
    done = cli("run", "exec", "command=check_dummy", "output_max=1B", check=False)
    assert done.returncode == 3 and "exec: output_max: " in done.stderr


def test_many_checks_run_side_by_side_in_the_daemon(start_agent, script):
    program = script("echo \"OK $1 | n=$1\"")
    checks = ", ".join(f'{{ name = "c{i}"; command = [ "{program}", "{i}" ]; }}' for i in range(40))
    agent = start_agent({"exec.conf": f'exec: {{ every = "1h"; checks = ( {checks} ); }};\n'})

    def all_ran():
        return agent.cli("status", "--json", check=False).stdout.count("OK ") >= 40
    wait_until("40 results", all_ran)


def test_the_shipped_examples_are_valid(tmp_path):
    shipped = (Path(__file__).parents[2] / "conf.d/exec.conf").read_text().splitlines()
    begin = shipped.index("# exec: {")
    text = "\n".join(line[2:] for line in shipped[begin:])
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "database.env").write_text("PASSWORD=x\n")
    (tmp_path / "conf.d/exec.conf").write_text(text.replace("/etc/gavea/database.env", f"{tmp_path}/database.env"))
    cli("config", "check", "--config", tmp_path)
