# SPDX-License-Identifier: Apache-2.0
"""The command line, with real workers and a real daemon."""
import http.server
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest

from conftest import BUILD, PATIENCE, ROOT, SANITIZER, cli, wait_until

PLUGINS = BUILD / "test-plugins"
GAVEA = BUILD / "gavea"


@pytest.fixture(scope="session", autouse=True)
def test_plugins():
    if not (PLUGINS / "good.so").exists():
        pytest.skip("the plugins for tests are not built: make test-plugins")


def run(*arguments, **options):
    return cli("run", "--plugins", PLUGINS, *arguments, check=False, **options)


# ---- Arguments ----

def test_a_misspelt_subcommand_is_answered_with_the_nearest():
    done = cli("statsu", check=False)
    assert done.returncode == 2
    assert done.stderr == 'gavea: there is no subcommand "statsu"; did you mean `gavea status`?\n'


def test_half_a_subcommand_is_completed():
    done = cli("fleet", check=False)
    assert done.returncode == 2
    assert "as in `gavea fleet hosts`" in done.stderr


def test_half_a_subcommand_explains_what_begins_with_it():
    said = cli("fleet", "--help").stdout
    assert "gavea fleet hosts    lists the hosts" in said and "gavea fleet forget" in said and "swap" not in said


@pytest.mark.parametrize("name", [
    "status", "run", "plugins", "help", "config check", "reload", "events", "spool", "spool verify", "spool export", "command",
    "backup", "backup ping", "enroll", "fleet hosts", "fleet checks", "fleet events", "fleet forget", "plugin new", "plugin test", "preflight",
    "swap plan", "swap start", "swap status", "swap watch", "swap promote", "swap pause", "swap resume", "swap abort",
    "swap rollback", "swap unfreeze", "swap sign", "swap history", "swap report"])
def test_every_subcommand_explains_itself(name):
    done = cli(*name.split(), "--help")
    assert done.stdout.startswith(f"usage: gavea {name}")
    assert name in cli("--help").stdout


def test_all_wrong_arguments_are_told_at_once():
    done = cli("events", "--jsno", "--nonsense", "x", check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:3] == [
        "gavea events: --jsno: there is no such option; did you mean --json?",
        "gavea events: --nonsense: there is no such option",
        'gavea events: "x": one argument too many']


# ---- One check without a daemon ----

def test_a_run_shows_status_items_and_samples():
    done = run("good")
    assert done.returncode == 1
    assert re.match(r"! warning  good  run 1  \([\d.]+ ms\)\n", done.stdout)
    assert "not so good" in done.stdout
    assert "3 samples (--samples shows them)" in done.stdout
    assert 'good_seconds{check=' in run("good", "--samples").stdout
    assert "\033" not in done.stdout


def test_a_run_in_json_has_the_form_that_is_promised():
    done = run("good", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert list(result) == ["check", "status", "summary", "started_at", "duration_ms", "items", "samples"]
    assert result["check"] == "good" and result["status"] == "warning"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", result["started_at"])
    assert [list(item) for item in result["items"]] == [["name", "status", "summary", "attributes"]] * 2
    assert result["items"][0]["attributes"]["secret"] == "0"
    sample = {s["name"]: s for s in result["samples"]}
    assert list(sample["good_total"]) == ["name", "type", "unit", "labels", "value"]
    assert sample["good_total"]["type"] == "counter" and sample["good_total"]["value"] == 1
    assert sample["good_histogram"]["value"]["buckets"] == [1, 2, 3]


def test_a_run_of_very_many_samples_shows_them_all():
    result = json.loads(run("good", "mode=many", "int=5000", "--json").stdout)
    assert [s["value"] for s in result["samples"]] == list(range(5000))
    assert len({s["labels"]["i"] for s in result["samples"]}) == 5000


@pytest.mark.parametrize("plugin, options, code, summary", [
    ("plain", [], 0, "the word is none"),
    ("good", ["mode=fail"], 3, "nobody at home"),
    ("good", ["mode=refuse"], 3, "told to refuse"),
    ("good", ["mode=wait", "timeout=100ms"], 3, "no answer in 100ms; it stopped when asked"),
    ("hostile", ["mode=crash"], 3, "the worker was killed by SIGSEGV"),
    ("hostile", ["mode=exit"], 3, "the worker exited with status 0"),
    ("hostile", ["mode=garbage"], 3, "the worker sent a malformed frame"),
])
def test_exit_codes_are_those_of_nagios(plugin, options, code, summary):
    done = run(plugin, *options, "--json")
    assert (done.returncode, json.loads(done.stdout)["summary"]) == (code, summary)


def test_a_run_that_hangs_is_killed():
    done = run("hostile", "mode=hang", "--timeout", "1s", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 3
    assert result["summary"] == "no answer in 1s, and it did not stop when asked: killed"


def test_every_wrong_option_is_told_with_a_suggestion():
    done = run("good", "mod=x", "int=1000000", "choice=d")
    assert done.returncode == 3 and done.stdout == ""
    assert 'good: mod: unknown key; did you mean "mode"?' in done.stderr
    assert "good: int: must be -10 to 100000" in done.stderr
    assert "good: choice:" in done.stderr


def test_an_unknown_plugin_is_answered_with_the_nearest():
    done = run("goood")
    assert done.returncode == 3
    assert 'did you mean "good"?' in done.stderr


def test_what_is_no_plugin_is_refused_with_advice():
    done = run("bad-text")
    assert done.returncode == 3
    assert "not a shared object: build it with -shared -fPIC" in done.stderr


def test_an_output_has_nothing_to_run(build):
    done = cli("run", "fleet", "--plugins", build / "plugins", check=False)
    assert done.returncode == 3
    assert "fleet is an output: it has nothing to run" in done.stderr


def test_ctrl_c_cancels_a_run():
    with subprocess.Popen([GAVEA, "run", "--plugins", PLUGINS, "good", "mode=wait", "--timeout", "1min", "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        worker = wait_until("the run to begin", lambda: worker_of(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert not SANITIZER.search(err)
    assert process.returncode == 3
    assert json.loads(out)["summary"] == "cancelled"
    wait_until("its worker to end", lambda: not os.path.exists(f"/proc/{worker}"))


def worker_of(pid):
    """The worker that runs the plugin. The first child only describes it; that one is gone before the signals are
    blocked, which /proc shows. While a child is being started all of them are, for a moment."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            blocked = re.search(r"^SigBlk:\t([0-9a-f]+)", file.read(), re.M)
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except FileNotFoundError:
        return None
    interrupt, user = (int(blocked[1], 16) >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGUSR1))
    return int(children[0]) if children and interrupt and not user else None


# ---- Help and lists ----

def test_help_lists_options_and_needs():
    text = cli("help", "good", "--plugins", PLUGINS).stdout
    assert "  int  int, -10..100000, default -3\n      An int\n" in text
    assert "network: none" in text and "An actor: it takes commands: greet" in text


@pytest.mark.parametrize("plugin", ["good", "plain"])
def test_help_makes_a_manual_page_without_faults(plugin, tmp_path):
    page = cli("help", plugin, "--plugins", PLUGINS, "--format=mdoc").stdout
    path = tmp_path / f"gavea-{plugin}.7"
    path.write_text(page)
    assert f".Dt GAVEA-{plugin.upper()} 7" in page
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == ""


def test_the_manual_has_no_faults():
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", ROOT / "docs/man/gavea.1"], capture_output=True,
                          text=True, check=False)
    assert lint.stdout + lint.stderr == ""


def test_installed_plugins_are_listed_good_and_bad():
    plugins = json.loads(cli("plugins", "--available", "--json", "--plugins", PLUGINS).stdout)
    found = {plugin["name"]: plugin for plugin in plugins}
    assert found["good"]["summary"] == "Does everything once" and found["good"]["error"] == ""
    assert "not a shared object" in found["bad-text"]["error"]


# ---- Configuration ----

def config(folder, text):
    (folder / "conf.d").mkdir()
    (folder / "conf.d/good.conf").write_text(text)
    return cli("config", "check", "--config", folder, "--plugins", PLUGINS, check=False)


def test_a_good_configuration_is_said_to_be_good(tmp_path):
    done = config(tmp_path, 'plain: { checks = ( { name = "a"; }, { name = "b"; } ); };\n'
                            'good: { checks = ( { name = "out"; } ); };\n')
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "configuration is good: 2 checks, 1 output in 2 plugins\n", "")


def test_every_error_of_a_configuration_is_told_with_its_place(tmp_path):
    done = config(tmp_path, 'plain: { checks = ( { name = "a"; wrod = "x"; } ); };\n\n'
                            'godo: { checks = ( { name = "b"; } ); };\n')
    assert done.returncode == 1 and done.stdout == ""
    file = tmp_path / "conf.d/good.conf"
    lines = done.stderr.splitlines()
    assert any(line.startswith(f"{file}:1: ") and 'did you mean "word"' in line for line in lines), lines
    assert any(line.startswith(f"{file}:3: ") and 'there is no plugin "godo"' in line for line in lines), lines
    assert lines[-1] == "2 errors; gavead will not load this"


# ---- With the daemon ----

CONFIG = {"test.conf": 'plain: { every = "1s"; checks = ( { name = "a"; }, { name = "b"; word = "x"; } ); };\n'}


def test_without_a_daemon_the_advice_is_to_look_after_it(tmp_path):
    path = tmp_path / "nothing.sock"
    for arguments, code in ((["status"], 1), (["status", "a/b"], 3), (["run", "a/b"], 3), (["reload"], 1)):
        done = cli("--socket", path, *arguments, check=False)
        assert done.returncode == code
        assert done.stderr == (f"gavea: gavead does not answer at {path}: No such file or directory; is it running? "
                               "(systemctl status gavead)\n")


def test_status_shows_agent_checks_and_outputs(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    wait_until("the first results", lambda: agent.cli("status").stdout.count("✓ ok") == 2)
    text = agent.cli("status").stdout
    assert re.search(r"gavead \S+, up \d+s", text) and "spool: " in text
    assert re.search(r"✓ ok +plain/a .* the word is none", text)
    status = json.loads(agent.cli("status", "--json").stdout)
    assert {check["check"]: check["state"] for check in status["checks"]} == {"plain/a": "ok", "plain/b": "ok"}
    assert status["agent"]["spool"]["error"] == ""


def test_status_of_one_check_and_run_now_show_its_samples(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    done = agent.cli("run", "plain/b")
    assert re.match(r"✓ ok  plain/b  the word is x", done.stdout) and "next run: " in done.stdout
    result = json.loads(agent.cli("status", "plain/b", "--json").stdout)
    assert result["check"] == "plain/b" and len(result["samples"]) == 1
    for subcommand in ("status", "run"):
        missing = agent.cli(subcommand, "plain/c", check=False)
        assert missing.returncode == 3
        assert 'there is no check "plain/c"' in missing.stderr


def test_plugins_shows_the_sandbox(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    agent.cli("run", "plain/a")
    assert "sandbox: no_new_privs" in agent.cli("plugins").stdout
    plugin, = json.loads(agent.cli("plugins", "--json").stdout)
    assert plugin["name"] == "plain" and plugin["checks"] == 2 and plugin["pid"] > 0


def test_a_reload_that_fails_says_why_and_status_goes_on_saying_it(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    assert agent.cli("reload").stdout == "reloaded: the new configuration is in force\n"
    (agent.config / "conf.d/test.conf").write_text("plain: { evrey = 1; };")
    done = agent.cli("reload", check=False)
    assert done.returncode == 1
    assert "test.conf:1: evrey: " in done.stderr
    text = agent.cli("status").stdout
    assert "the last reload FAILED" in text and "test.conf:1: evrey: " in text
    (agent.config / "conf.d/test.conf").write_text(CONFIG["test.conf"])
    agent.cli("reload")
    assert "FAILED" not in agent.cli("status").stdout


def test_events_are_listed_and_followed(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    events = [json.loads(line) for line in agent.cli("events", "--json").stdout.splitlines()]
    assert events[0]["kind"] == "started"
    with subprocess.Popen([GAVEA, "--socket", agent.socket, "events", "-f", "--json", "-n", "1"],
                          stdout=subprocess.PIPE, text=True) as process:
        read_line(process.stdout)
        (agent.config / "conf.d/test.conf").write_text("plain: { evrey = 1; };")
        agent.cli("reload", check=False)
        event = json.loads(read_line(process.stdout))
        assert (event["kind"], event["status"]) == ("reload-failed", "warning")
        process.kill()


def read_line(stream):
    assert select.select([stream], [], [], PATIENCE)[0], "nothing came"
    return stream.readline()


def test_watch_prints_changes_as_lines_and_outlives_the_daemon(start_agent, started):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    with subprocess.Popen([GAVEA, "--socket", agent.socket, "status", "--watch"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert re.fullmatch(r"\S+Z plain/a \w+: .*\n", read_line(process.stdout))
        started.remove(agent)
        agent.stop()
        assert "waiting for it" in read_line(process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_watch_redraws_a_terminal_in_place(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(GAVEA, ["gavea", "--socket", str(agent.socket), "status", "--watch"])
    shown = b""

    def read_more():
        nonlocal shown
        if select.select([fd], [], [], 0.1)[0]:
            shown += os.read(fd, 65536)
        return shown.count(b"\033[H") >= 2
    wait_until("two drawings", read_more)
    os.write(fd, b"\x03")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            shown += os.read(fd, 65536)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(fd)
    assert b"\033[2J" not in shown  # that flickers
    assert shown.startswith(b"\033[?1049h") and shown.rstrip().endswith(b"\033[?25h\033[?1049l")
    assert b"plain/a" in shown and b"\033[32m" in shown


def test_commands_to_what_does_not_exist_are_refused(start_agent):
    agent = start_agent(CONFIG, plugins=PLUGINS)
    done = agent.cli("command", "plain/a", "greet", "who=me", check=False)
    assert done.returncode == 1 and "plain/a greet: its plugin has no such command" in done.stderr
    done = agent.cli("command", "plain/a", "greet", "nonsense", check=False)
    assert done.returncode == 2 and "nonsense" not in done.stderr


# ---- The fleet's API ----

class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def api():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def page(name, entries, following=None):
    return 200, json.dumps({name: entries, "next": following}).encode()


def test_fleet_hosts_are_fetched_page_by_page(api, tmp_path):
    token = tmp_path / "token"
    token.write_text("geheim\n")
    host = {"id": "1" * 32, "name": "app-01", "state": "lost", "since": "2026-01-31T12:00:00.000Z",
            "status": "critical", "last_seen": "2026-01-31T12:00:00.000Z", "version": "1",
            "check_counts": {"ok": 3, "warning": 0, "critical": 1, "unknown": 0}}
    api.answers += [page("hosts", [host], "a b&c"), page("hosts", [dict(host, name="app\033[2J-02")])]
    done = cli("fleet", "hosts", "--url", api.url + "/", "--token-file", token, "--status", "lost")
    assert api.asked == [("/v1/hosts?limit=1000&status=lost", "Bearer geheim"),
                         ("/v1/hosts?limit=1000&status=lost&after=a%20b%26c", "Bearer geheim")]
    assert re.search(r"✗ critical +app-01 +lost .* 1 critical of 4", done.stdout)
    assert "app [2J-02" in done.stdout


def test_fleet_forget_asks_for_one_host_and_tells_a_refusal(api):
    api.answers = [(204, b""), (403, b'{"error": "this needs more rights than you have shown"}')]
    done = cli("fleet", "forget", "app 01/x", "--url", api.url)
    assert (done.stdout, done.stderr) == ("", "")
    assert api.asked[0][0] == "/v1/hosts/app%2001%2Fx"
    done = cli("fleet", "forget", "app", "--url", api.url, check=False)
    assert done.returncode == 1
    assert "answers 403: this needs more rights than you have shown; this token may not do that" in done.stderr


def test_fleet_events_are_shown_oldest_first(api):
    events = [{"id": n, "host": {"name": "h"}, "time": "2026-01-31T12:00:00.000Z", "kind": f"kind{n}", "check": "",
               "status": "ok", "summary": "s"} for n in (3, 2, 1)]
    api.answers += [page("events", events[:2], "2"), page("events", events[2:], None)]
    text = cli("fleet", "events", "--url", api.url, "-n", "3").stdout
    assert [word for word in text.split() if word.startswith("kind")] == ["kind1", "kind2", "kind3"]
    assert api.asked[1][0] == "/v1/events?limit=3&before=2"


@pytest.mark.parametrize("answer, words", [
    ((401, b'{"error":"no such token"}'), ["401: no such token", "is the token right?"]),
    ((200, b"<html>"), ["does not answer in JSON"]),
    ((200, b'{"hosts":{}}'), ['has no list "hosts"']),
    ((200, b"[1]"), ['has no list "hosts"']),
    ((503, b""), ["answers 503"]),
])
def test_a_fleet_server_that_fails_is_told_of(api, answer, words):
    api.answers.append(answer)
    done = cli("fleet", "hosts", "--url", api.url, check=False)
    assert done.returncode == 1 and done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_entries_of_the_wrong_form_do_no_harm(api):
    api.answers.append(page("checks", [1, None, {}, {"host": 3, "check": [], "since": "never", "status": 7}]))
    assert cli("fleet", "checks", "--url", api.url).stdout.count("\n") == 5


def test_without_an_address_the_advice_is_to_give_one():
    done = cli("fleet", "hosts", check=False)
    assert done.returncode == 2 and "GAVEA_FLEET_URL" in done.stderr


# ---- Plugins of one's own ----

def sdk(tmp_path):
    """The installed layout, without installing: header and gavea.pc."""
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk/gavea.pc").write_text(f"Name: gavea\nDescription: x\nVersion: 0\nCflags: -I{ROOT}/include\n")
    return dict(os.environ, PKG_CONFIG_PATH=str(tmp_path / "sdk"), GAVEA=str(GAVEA))


def test_a_new_plugin_builds_and_passes_its_test(tmp_path):
    folder = tmp_path / "sea-tides"
    done = cli("plugin", "new", "sea-tides", folder)
    assert "a plugin that works" in done.stdout
    made = subprocess.run(["make", "-C", folder, "check", "CFLAGS=-O1 -Wall -Wextra -Werror"], env=sdk(tmp_path),
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "all 11 points are good" in made.stdout
    assert "@" not in (folder / "sea-tides.c").read_text()


def test_plugin_new_writes_over_nothing_and_judges_the_name(tmp_path):
    (tmp_path / "x").mkdir()
    done = cli("plugin", "new", "x", tmp_path / "x", check=False)
    assert done.returncode == 1 and "something of that name already" in done.stderr
    for name in ("X", "1x", "x_y", "../x", "x" * 32):
        assert cli("plugin", "new", name, tmp_path / "y", check=False).returncode == 2
    assert not (tmp_path / "y").exists()


def test_the_example_plugin_passes_its_test(tmp_path):
    folder = tmp_path / "uptime"
    subprocess.run(["cp", "-r", ROOT / "docs/examples/uptime", folder], check=True)
    made = subprocess.run(["make", "-C", folder, "check", "CFLAGS=-O1 -Wall -Wextra -Werror"], env=sdk(tmp_path),
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    done = cli("run", "uptime", "--plugins", folder, "--json", "young=0s")
    assert json.loads(done.stdout)["samples"][0]["name"] == "uptime_seconds"


@pytest.mark.parametrize("options, complaint", [
    (["mode=crash"], "FAILED  runs: the worker was killed by SIGSEGV"),
    (["mode=fdleak", "count=1"], "FAILED  open files: 47 descriptors more after 47 runs"),
    (["mode=flood-samples"], "FAILED  series: hostile_flood has two samples in one run"),
    (["mode=crash-open"], "FAILED  close and reopen: the worker was killed by SIGSEGV"),
])
def test_plugin_test_finds_what_is_wrong(options, complaint):
    done = cli("plugin", "test", PLUGINS / "hostile.so", *options, "timeout=200ms", check=False)
    assert done.returncode == 1
    assert complaint in done.stdout
    assert "points FAILED" in done.stdout


def test_plugin_test_is_content_with_good_ones():
    for name in ("good", "plain"):
        assert cli("plugin", "test", PLUGINS / f"{name}.so").stdout.endswith("all 11 points are good\n")


def test_plugin_test_refuses_what_is_no_plugin(tmp_path):
    done = cli("plugin", "test", PLUGINS / "bad-text.so", check=False)
    assert done.returncode == 1 and "not a shared object" in done.stderr
    done = cli("plugin", "test", tmp_path / "none.so", check=False)
    assert done.returncode == 1 and "No such file" in done.stderr
