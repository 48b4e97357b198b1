# SPDX-License-Identifier: Apache-2.0
"""Plugins that are programs (docs/plugin-protocol.md): the examples, and programs that do not behave."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, PATIENCE, ROOT, wait_until  # noqa: E402
from control import Control  # noqa: E402
from test_manager import control_pb  # noqa: E402, F401

EXAMPLES = ROOT / "docs/examples/programs"
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3

# A program whose conduct is told by its option "mode".
TRICKS = r'''#!/usr/bin/python3
import json, os, signal, socket, subprocess, sys, time
stream = socket.socket(fileno=3).makefile("rw", encoding="utf-8", errors="surrogateescape")
HELLO = {"name": "tricks", "version": "1", "summary": "Does what it should not",
         "options": [{"key": "mode", "doc": "What it does", "default": "good"},
                     {"key": "token", "type": "secret", "doc": "A secret"},
                     {"key": "size", "type": "size", "doc": "A size"}, {"key": "wait", "type": "duration", "doc": "A time"},
                     {"key": "share", "type": "percent", "doc": "A part"}, {"key": "yes", "type": "bool", "doc": "A flag"},
                     {"key": "list", "type": "strings", "doc": "Words", "default": "a,b"}],
         "commands": ["echo"]}
def say(text):
    stream.write(text + "\n")
    stream.flush()
def tell(kind, /, **body):
    say(json.dumps({kind: body}))
def run(options):
    mode = options["mode"]
    if mode == "die": os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "exit": sys.exit(7)
    if mode == "close": os.close(3); time.sleep(60)
    if mode == "garbage": say("!"); time.sleep(60)
    if mode == "not-utf8": say("{\"log\": {\"level\": \"info\", \"text\": \"\udcff\"}}"); time.sleep(60)
    if mode == "deep": say("[" * 100000); time.sleep(60)
    if mode == "long": say("x" * (1 << 20)); time.sleep(60)
    if mode == "two": say('{"item": {}, "done": {}}'); time.sleep(60)
    if mode == "twice": say('{"done": {"status": "ok", "status": "ok"}}'); time.sleep(60)
    if mode == "no-status": say('{"item": {"name": "a"}}'); time.sleep(60)
    if mode == "no-value": say('{"sample": {"name": "a", "value": "1"}}'); time.sleep(60)
    if mode == "bad-label": say('{"sample": {"name": "a", "value": 1, "labels": {"0-": "x"}}}'); time.sleep(60)
    if mode == "out-of-turn": say('{"opened": {}}'); time.sleep(60)
    if mode == "reply": say('{"reply": {"text": "a"}}'); time.sleep(60)
    if mode == "unknown-kind": say('{"hallo": {}}'); time.sleep(60)
    if mode == "hang":
        while True: time.sleep(1)
    if mode == "nothing": return tell("done")
    if mode == "error": return tell("done", error="the moon is not there")
    if mode == "flood":
        while True: say('{"event": {"kind": "a", "status": "ok", "summary": "b"}}')
    if mode == "options": tell("log", level="notice", text=json.dumps(options, sort_keys=True))
    if mode == "child":
        child = subprocess.Popen(["/bin/sleep", "1000"])
    tell("progress", done=0.5, what="half")
    tell("item", name="one", status="warning", summary="it is so", attributes={"a": "b"})
    tell("sample", name="tricks_total", type="counter", value=3, labels={"l": "v"}, help="h")
    tell("event", kind="trick-done", status="ok", summary="done")
    tell("done", status="ok", summary="pid %d %s" % (os.getpid(), json.dumps(sorted(os.listdir("/proc/self/fd"))[:4])))
options = {}
for line in stream:
    (kind, body), = json.loads(line).items()
    if kind == "start": tell("hello", **HELLO)
    elif kind == "open": options[body["check"]] = body["options"]; tell("opened")
    elif kind == "run": run(options[body["check"]])
    elif kind == "command": tell("reply", text=body["name"] + json.dumps(body["arguments"], sort_keys=True)); tell("done")
'''


def program(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def gavea(*arguments, timeout=120):
    return subprocess.run([BUILD / "gavea", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False)


def run(folder, name, *options):
    done = gavea("run", "--plugins", folder, name, "--json", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture
def tricks(tmp_path):
    program(tmp_path, "tricks", TRICKS)
    return tmp_path


# ---- The examples ----

def test_the_example_in_python_counts_files_and_is_never_green_for_what_it_cannot_read(tmp_path):
    for i in range(3):
        (tmp_path / str(i)).write_text("")
    code, result, _ = run(EXAMPLES, "queue-depth", f"folders={tmp_path},/nonexistent", "warning=2")
    assert code == UNKNOWN and result["status"] == "unknown"
    assert {i["name"]: (i["status"], i["summary"]) for i in result["items"]} == {
        str(tmp_path): ("warning", "3 files wait"), "/nonexistent": ("unknown", "No such file or directory")}
    assert result["samples"][0]["name"] == "queue_depth_files" and result["samples"][0]["value"] == 3
    code, result, _ = run(EXAMPLES, "queue-depth", f"folders={tmp_path}", "warning=9", "critical=2")
    assert code == UNKNOWN and result["summary"] == "warning is above critical"


def test_the_example_in_shell_counts_people(tmp_path):
    code, result, _ = run(EXAMPLES, "users")
    assert code == OK and result["summary"].endswith(" logged in")
    assert result["samples"][0]["name"] == "users_logged_in"


@pytest.mark.skipif("san" in BUILD.name, reason="sanitizers need memory of their own")
@pytest.mark.parametrize("name, options", [("queue-depth", ["folders=/tmp"]), ("users", [])])
def test_the_examples_pass_the_trials_for_plugins(name, options):
    done = gavea("plugin", "test", EXAMPLES / name, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "points are good" in done.stdout


# ---- What is said ----

def test_everything_a_run_says_arrives(tricks):
    code, result, _ = run(tricks, "tricks")
    assert code == WARNING
    assert result["items"] == [{"name": "one", "status": "warning", "summary": "it is so", "attributes": {"a": "b"}}]
    assert result["samples"][0] | {} == {"name": "tricks_total", "type": "counter", "unit": "", "labels": {"l": "v"}, "value": 3}
    assert result["summary"].startswith("pid ") and '["0", "1", "2", "3"]' in result["summary"]


def test_options_come_typed_and_secrets_stay_out_of_sight(tricks):
    code, result, error = run(tricks, "tricks", "mode=options", "token=pl4nted", "size=2KiB", "wait=1500ms", "share=12.5%", "yes=true")
    assert code == WARNING
    assert "pl4nted" in error  # the program itself wrote it to the log, to show that it got it
    assert '"size": 2048' in error and '"wait": 1.5' in error and '"share": 12.5' in error and '"yes": true' in error
    assert '"list": ["a", "b"]' in error
    assert "pl4nted" not in json.dumps(result)
    code, result, error = run(tricks, "tricks", "mode=garbage", "token=pl4nted")
    assert "pl4nted" not in error + json.dumps(result)


def test_help_shows_its_options():
    done = gavea("help", "--plugins", EXAMPLES, "queue-depth")
    assert done.returncode == 0
    assert "folders  strings, required" in done.stdout and "warning  int, 0.., default 100" in done.stdout


# ---- What goes wrong ----

BROKE = "the program broke the protocol and was ended: "


@pytest.mark.parametrize("mode, summary", [
    ("die", "the program was killed by SIGSEGV"),
    ("exit", "the program exited with status 7"),
    ("close", "the program closed descriptor 3"),
    ("garbage", BROKE + "a line that is not JSON, at byte 1"),
    ("deep", BROKE + "a line that is not JSON, at byte 2049"),
    ("long", BROKE + "a line longer than 256 KiB"),
    ("two", BROKE + "a line that is not an object with one member"),
    ("no-status", BROKE + '"item": "status" is ok, warning, critical or unknown'),
    ("no-value", BROKE + '"sample": "value" is not a number'),
    ("bad-label", BROKE + '"sample": not a valid name or label of a series'),
    ("out-of-turn", BROKE + '"opened": there is no "open" to answer'),
    ("reply", BROKE + '"reply": no command is running'),
    ("unknown-kind", BROKE + '"hallo": no such message'),
    ("error", "the moon is not there"),
])
def test_a_program_that_misbehaves_is_unknown_with_the_cause(tricks, mode, summary):
    code, result, _ = run(tricks, "tricks", f"mode={mode}")
    assert code == UNKNOWN and result["status"] == "unknown"
    assert result["summary"] == summary


@pytest.mark.parametrize("mode", ["not-utf8", "twice"])
def test_json_that_is_not_clean_is_refused(tricks, mode):
    code, result, _ = run(tricks, "tricks", f"mode={mode}")
    assert code == UNKNOWN and result["summary"].startswith(BROKE + "a line that is not JSON, at byte ")


def test_a_run_that_says_nothing_is_unknown(tricks):
    code, result, _ = run(tricks, "tricks", "mode=nothing")
    assert code == UNKNOWN and result["status"] == "unknown"


@pytest.mark.parametrize("hello, message", [
    ("exit 3", "the program exited with status 3 before it said \"hello\""),
    ("echo hallo >&3; read line <&3; read line <&3", "the program's first line is not {\"hello\": {...}}"),
    ("""echo '{"hello": []}' >&3; read line <&3; read line <&3""", "hello: not an object"),
    ("""echo '{"hello": {"name": "bad", "version": "1", "summary": "s", "option": []}}' >&3; read line <&3; read line <&3""",
     'hello: "option" is not known here'),
    ("""echo '{"hello": {"name": "bad", "version": "1", "summary": "s", "options": [{"key": "a", "type": "integer"}]}}' >&3; read line <&3; read line <&3""",
     'hello: "integer" is not the type of an option'),
    ("""echo '{"hello": {"name": "bad", "version": "1", "summary": "s", "options": [{"key": "every", "doc": "d"}]}}' >&3; read line <&3; read line <&3""",
     "option every has a key that belongs to gavea itself: rename it"),
    ("""echo '{"hello": {"name": "bad", "version": "1", "summary": "s", "needs": {"network": "all"}}}' >&3; read line <&3; read line <&3""",
     'hello: "network" is none, client or server'),
    ("""echo '{"hello": {"name": "bad", "version": "1", "summary": "s", "runs": false}}' >&3; read line <&3; read line <&3""",
     "it has none of the callbacks run, deliver and command: a probe needs run"),
    ("""echo '{"hello": {"name": "worse", "version": "1", "summary": "s"}}' >&3; read line <&3; read line <&3""",
     'calls itself "worse": rename the file to worse, or change the name in its "hello"'),
])
def test_a_program_that_introduces_itself_wrongly_is_refused(tmp_path, hello, message):
    path = program(tmp_path, "bad", f"#!/bin/sh\n{hello}\n")
    done = gavea("run", "--plugins", tmp_path, "bad")
    assert done.returncode == UNKNOWN
    assert f"{path}: {message}" in done.stderr + done.stdout


def test_what_cannot_be_run_is_refused(tmp_path):
    program(tmp_path, "bad", "#!/no/such/interpreter\n")
    assert "its interpreter (the \"#!\" line) is not" in gavea("run", "--plugins", tmp_path, "bad").stderr
    program(tmp_path, "bad", "no program\n")
    assert "neither a program of this machine nor a script" in gavea("run", "--plugins", tmp_path, "bad").stderr
    (tmp_path / "bad").chmod(0o644)
    assert 'there is no plugin "bad"' in gavea("run", "--plugins", tmp_path, "bad").stderr


def test_a_plugin_that_is_there_twice_is_refused(tmp_path):
    shutil.copy(BUILD / "plugins/host.so", tmp_path / "host.so")
    program(tmp_path, "host", TRICKS.replace("tricks", "host"))
    done = gavea("run", "--plugins", tmp_path, "host")
    assert done.returncode == UNKNOWN
    assert f"{tmp_path}/host.so: the same plugin is there as a program, {tmp_path}/host: remove one of both" in done.stderr
    assert gavea("plugins", "--available", "--plugins", tmp_path).stdout.count("\nhost ") == 1


# ---- Under the manager ----

class Host:
    def __init__(self, folder, plugins, pb, config):
        (folder / "etc/conf.d").mkdir(parents=True)
        (folder / "etc/conf.d/a.conf").write_text(config)
        self.agent = Agent(folder, plugins)
        self.control = Control(pb, self.agent.socket, PATIENCE)
        self.pb = pb

    def result(self, name, wanted):
        """The first result of that check that wanted(result) takes."""
        def look():
            try:
                check = self.control.status()[0].get(name)
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            return check.result if check and check.result.started_at_ms and wanted(check.result) else None
        return wait_until(f"a result of {name}", look)


@pytest.fixture
def host(tricks, control_pb, tmp_path_factory):  # noqa: F811
    made = []

    def make(config):
        made.append(Host(tmp_path_factory.mktemp("host"), tricks, control_pb, config))
        return made[-1]
    yield make
    for one in made:
        one.agent.stop()


def pid_in(result):
    return int(result.summary.split()[1])


def test_one_process_serves_all_runs_and_is_started_again_when_it_dies(host):
    one = host('tricks: { every = "200ms"; checks = ( { name = "a"; }, { name = "b"; } ); };')
    first = pid_in(one.result("tricks/a", lambda r: r.summary.startswith("pid")))
    assert pid_in(one.result("tricks/b", lambda r: r.summary.startswith("pid"))) == first
    started = one.control.status()[0]["tricks/a"].result.started_at_ms
    assert pid_in(one.result("tricks/a", lambda r: r.started_at_ms > started)) == first
    os.kill(first, signal.SIGKILL)
    second = one.result("tricks/a", lambda r: r.summary.startswith("pid") and pid_in(r) != first)
    assert pid_in(one.result("tricks/b", lambda r: r.summary.startswith("pid") and pid_in(r) != first)) == pid_in(second)
    assert "killed by SIGKILL" in str(one.control.events())


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_that_hangs_is_killed_at_its_deadline_and_others_go_on(host):
    one = host('tricks: { every = "300ms"; timeout = "500ms"; checks = ( { name = "a"; }, { name = "h"; mode = "hang"; } ); };')
    pid = pid_in(one.result("tricks/a", lambda r: r.summary.startswith("pid")))
    assert "no answer in 500ms" in one.result("tricks/h", lambda r: r.summary).summary
    wait_until("the program to be gone", lambda: not alive(pid))
    one.result("tricks/a", lambda r: r.summary.startswith("pid") and pid_in(r) != pid)


def test_a_flood_costs_only_its_own_worker(host):
    one = host('tricks: { every = "300ms"; timeout = "2s"; mode = "flood"; }; ')
    one.result("tricks/default", lambda r: r.status == 4)
    assert one.agent.running()


def test_why_a_check_cannot_be_opened_is_told(tmp_path, control_pb):  # noqa: F811
    one = Host(tmp_path, EXAMPLES, control_pb, 'queue-depth: { folders = [ "/tmp" ]; warning = 9; critical = 2; };')
    try:
        assert one.result("queue-depth/default", lambda r: r.summary).summary == "warning is above critical"
    finally:
        one.agent.stop()


def test_commands_reach_it(host):
    one = host('tricks: { every = "1h"; };')
    one.result("tricks/default", lambda r: r.summary.startswith("pid"))
    arguments = [one.pb.DESCRIPTOR.pool.FindMessageTypeByName("gavea.worker.v1.Fact")._concrete_class(key="a", value="b")]
    got, end = one.control.ask(command=one.pb.SendCommand(check="tricks/default", name="echo", arguments=arguments))
    assert not end.error and got[0].reply.text.strip() == 'echo{"a": "b"}'


def test_it_ends_with_the_agent(host):
    one = host('tricks: { every = "200ms"; };')
    pid = pid_in(one.result("tricks/default", lambda r: r.summary.startswith("pid")))
    one.agent.stop()
    wait_until("the program to be gone", lambda: not alive(pid))


READER = r"""#!/usr/bin/python3
import json, os, socket
stream = socket.socket(fileno=3).makefile("rw", encoding="utf-8")
def tell(kind, /, **body):
    stream.write(json.dumps({kind: body}) + "\n")
    stream.flush()
options = {}
for line in stream:
    (kind, body), = json.loads(line).items()
    if kind == "start": tell("hello", name="reader", version="1", summary="Reads a file",
                             options=[{"key": "file", "type": "string", "doc": "Which"}], needs={"read_paths": ["${file}"]})
    elif kind == "open": options[body["check"]] = body["options"]["file"]; tell("opened")
    elif kind == "run":
        try:
            text = open(options[body["check"]]).read().strip()
        except OSError as error:
            text = error.strerror
        tell("done", status="ok", summary=text)
"""


def test_a_granted_file_that_is_replaced_can_still_be_read(tmp_path, tmp_path_factory, control_pb):  # noqa: F811
    program(tmp_path, "reader", READER)
    folder = tmp_path_factory.mktemp("data")
    file = folder / "file"
    file.write_text("first")
    one = Host(tmp_path / "host", tmp_path, control_pb, f'reader: {{ every = "300ms"; file = "{file}"; }};')
    try:
        seen = []

        def became(text):
            def look(result):
                seen.append(result.summary)
                return result.summary == text
            return look
        one.result("reader/default", became("first"))
        time.sleep(1.2)  # a worker looks no more than once a second
        for text in ("second", "third"):
            (folder / "new").write_text(text)
            (folder / "new").rename(file)
            one.result("reader/default", became(text))
            time.sleep(1.2)
        file.unlink()
        one.result("reader/default", became("No such file or directory"))
        assert not [e for e in one.control.events() if e.event.kind == "worker-died"]
    finally:
        one.agent.stop()
    assert set(seen) <= {"first", "second", "third", "No such file or directory", "Permission denied"}
