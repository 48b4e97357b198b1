# SPDX-License-Identifier: Apache-2.0
"""What tests of whole programs share: where they are, starting and stopping them, waiting.

GAVEA_BUILD names the build under test (default: build/release). Programs that were built with sanitizers fail a test by
what they write.
"""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("GAVEA_BUILD", ROOT / "build/release"))
PATIENCE = 60 if "san" in BUILD.name else 20
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|runtime error: |WARNING: ThreadSanitizer")


def pytest_configure():
    # Leaks are looked for by default, but not by the sandboxed worker, which says so itself.
    os.environ.setdefault("ASAN_OPTIONS", "exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    os.environ["LC_ALL"] = "C.UTF-8"


def wait_until(what, condition, patience=PATIENCE):
    """Calls condition until it returns something true, which is returned. what says what is waited for."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain for {what}")
        time.sleep(0.02)


class Process:
    """A program that a test started, with its standard error in a file. prefix is a command that executes it."""

    def __init__(self, folder, name, arguments, env=None, prefix=()):
        self.log_path = folder / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen([*map(str, prefix), BUILD / name, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, env=dict(os.environ, **(env or {})),
                                          start_new_session=True)
        self.name = name
        self.pid = self.popen.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """kill -9, as a power failure would."""
        if self.running():
            self.popen.kill()
        self.popen.wait()

    def stop(self):
        """Ends it in order; fails when it does not end, ends badly, or a sanitizer spoke."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
        try:
            code = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end on SIGTERM:\n{self.log[-4000:]}") from None
        self.judge()
        return code

    def judge(self):
        assert not SANITIZER.search(self.log), self.log


class Agent(Process):
    """gavead on folders of its own below the given one."""

    def __init__(self, folder, plugins=None, extra=(), **options):
        self.folder = folder
        self.config, self.state, self.run = folder / "etc", folder / "state", folder / "run"
        for path in (self.config / "conf.d", self.state, self.run):
            path.mkdir(parents=True, exist_ok=True)
        self.socket = self.run / "control.sock"
        arguments = ["--config", self.config, "--state", self.state, "--run", self.run]
        if plugins:
            arguments += ["--plugins", plugins]
        super().__init__(folder, "gavead", [*arguments, *extra], **options)

    def cli(self, *arguments, check=True):
        return cli("--socket", self.socket, *arguments, check=check)

    def ready(self):
        def answers():
            assert self.running(), self.log
            return self.socket.exists() and self.cli("status", check=False).returncode in (0, 1, 2, 3)
        wait_until("gavead to answer", answers)
        return self


class Fleet(Process):
    """gavea-fleetd on a free port of the loopback."""

    def __init__(self, folder, config='report_token = "test-token";\nread_token = "test-token";\n', listen="127.0.0.1:0"):
        self.folder, self.token, self.state = folder, "test-token", folder / "fleet"
        self.state.mkdir(parents=True, exist_ok=True)
        self.config_path, self.port_file = folder / "gavea-fleet.conf", folder / "port"
        self.config_path.write_text(config)
        self.port_file.unlink(missing_ok=True)
        super().__init__(folder, "gavea-fleetd", ["--config", self.config_path, "--state", self.state,
                                                  "--listen", listen, "--port-file", self.port_file])

    def ready(self):
        def listens():
            assert self.running(), self.log
            return self.port_file.exists() and self.port_file.read_text().strip()
        self.port = int(wait_until("gavea-fleetd to listen", listens))
        self.url = f"http://127.0.0.1:{self.port}"
        return self


def cli(*arguments, check=True):
    """Runs gavea; .stdout and .stderr are text."""
    done = subprocess.run([BUILD / "gavea", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    if check:
        assert done.returncode == 0, f"gavea {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def gavea():
    return cli


@pytest.fixture
def started():
    """Things to stop at the end of a test, the last first."""
    things = []
    yield things
    problems = []
    for thing in reversed(things):
        try:
            thing.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def start_agent(tmp_path, started):
    """start_agent({"host.conf": "..."}) starts gavead with these files in conf.d and waits until it answers."""
    def start(files=None, name="agent", plugins=None, ready=True):
        folder = tmp_path / name
        (folder / "etc/conf.d").mkdir(parents=True, exist_ok=True)
        for file, text in (files or {}).items():
            path = folder / "etc" / file if file == "gavea.conf" else folder / "etc/conf.d" / file
            path.write_text(text)
        agent = Agent(folder, plugins)
        started.append(agent)
        return agent.ready() if ready else agent
    return start


@pytest.fixture
def start_fleet(tmp_path, started):
    """start_fleet() starts gavea-fleetd and waits until it listens."""
    def start(name="server", **options):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        fleet = Fleet(folder, **options)
        started.append(fleet)
        return fleet.ready()
    return start
