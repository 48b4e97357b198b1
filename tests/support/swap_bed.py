# SPDX-License-Identifier: Apache-2.0
"""An app that is swapped: two fake colours and a fake proxy as files (swap_fake.sh), with a real gavead."""
import json
import shutil
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import conftest  # noqa: E402
from conftest import Agent, BUILD, wait_until  # noqa: E402

LOCK = threading.Lock()
SUPPORT = Path(__file__).resolve().parent
SHIM = BUILD / "test-support/faulty.so"

DEFAULTS = {
    "strategy": "canary", "steps": ["10% 0s", "100% 0s"], "keep_old": "0s", "settle": "0s", "service": "exec",
    "traffic": "exec", "hooks_run_by": "session", "drain_timeout": "10s", "observation_gap": "1min", "deadman": "0s",
}


def conf(value):
    """A value as it stands in the configuration."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(conf(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(str(value))


class Bed:
    def __init__(self, folder, every="100ms", **options):
        self.folder = Path(folder)
        self.fake_folder = self.folder / "app"
        self.fake_folder.mkdir(parents=True)
        self.fake = self.fake_folder / "fake"
        shutil.copy(SUPPORT / "swap_fake.sh", self.fake)
        self.write("share", "0\n")
        self.write("blue.up", "")
        self.agent = None
        self.options = dict(DEFAULTS, start=[self.fake, "start", "%c"], stop=[self.fake, "stop", "%c"],
                            status=[self.fake, "status", "%c"], set=[self.fake, "set", "%s"], observe=[self.fake, "observe"],
                            write_paths=[self.fake_folder], read_paths=[self.fake_folder], **options)
        self.every = every

    def configure(self, **options):
        self.options.update(options)
        (self.folder / "agent/etc/conf.d").mkdir(parents=True, exist_ok=True)
        body = " ".join(f"{key} = {conf(value)};" for key, value in self.options.items() if value is not None)
        (self.folder / "agent/etc/conf.d/swap.conf").write_text(
            f'swap: {{ every = "{self.every}"; checks = ( {{ name = "shop"; {body} }} ); }};\n')

    def start(self, programs=None, prefix=()):
        """programs: a folder with gavead and gavea-worker, instead of the build's; prefix: a command that executes it."""
        self.configure()
        with LOCK:
            conftest.BUILD = Path(programs) if programs else BUILD
            try:
                self.agent = Agent(self.folder / "agent", plugins=BUILD / "plugins", prefix=prefix)
            finally:
                conftest.BUILD = BUILD
        return self.agent.ready()

    # ---- The fake ----

    def write(self, name, text):
        path = self.fake_folder / (name + ".tmp")
        path.write_text(str(text))
        path.rename(self.fake_folder / name)

    def read(self, name):
        path = self.fake_folder / name
        return path.read_text() if path.exists() else ""

    def trace(self):
        return self.read("trace").splitlines()

    def up(self):
        return {c for c in ("blue", "green") if (self.fake_folder / f"{c}.up").exists()}

    def share(self):
        return int(self.read("share"))

    # ---- The agent ----

    def swap(self, command, *arguments, check=True):
        return self.agent.cli("command", "swap/shop", command, "by=test", *arguments, check=check)

    def status(self):
        done = self.swap("status", "json=yes", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "?", "summary": done.stderr}

    def wait(self, *states, what=None):
        def arrived():
            time.sleep(0.1)  # many beds may be under way at once, and each look is a process
            status = self.status()
            return status if status["state"] in states and (not what or what(status)) else None
        try:
            return wait_until(f"state {states}", arrived)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.status()}; trace {self.trace()}; {self.agent.log[-3000:]}") from None

    def end(self):
        """Waits until no swap is under way; returns how it ended."""
        status = self.wait("IDLE", what=lambda s: s["last"]["outcome"] in ("DONE", "ROLLED_BACK"))
        assert self.read("violations") == "", self.read("violations")
        return status["last"]

    def stop(self):
        if self.agent:
            self.agent.stop()


def killing_worker(folder, journal, nth):
    """A folder of programs in which gavea-worker is killed at the nth call that changes the journal, once."""
    programs = Path(folder)
    programs.mkdir(parents=True)
    wrapper = programs / "gavea-worker"
    wrapper.write_text(f"""#!/bin/sh
calls=0
[ -e {programs}/calls ] && calls=$(wc -l <{programs}/calls)
[ "$calls" -ge {nth} ] && exec {BUILD}/gavea-worker "$@"
export LD_PRELOAD={SHIM} FAULTY_PROGRAM=gavea-worker FAULTY_UNDER={journal} FAULTY_NTH={nth} FAULTY_ERRNO=0
export FAULTY_LOG={programs}/calls
exec {BUILD}/gavea-worker "$@"
""")
    wrapper.chmod(0o755)
    shutil.copy(BUILD / "gavead", programs / "gavead")
    (programs / "gavea").symlink_to(BUILD / "gavea")
    return programs


def calls_made(programs):
    calls = Path(programs) / "calls"
    return len(calls.read_text().splitlines()) if calls.exists() else 0


def false_clock(folder, clock):
    """A folder of programs, and an environment for them, whose wall clock is wrong by the seconds in the file clock."""
    programs = Path(folder)
    programs.mkdir(parents=True)
    wrapper = programs / "gavea-worker"
    wrapper.write_text(f"""#!/bin/sh
export LD_PRELOAD={SHIM} FAULTY_PROGRAM=gavea-worker FAULTY_CLOCK={clock}
exec {BUILD}/gavea-worker "$@"
""")
    wrapper.chmod(0o755)
    shutil.copy(BUILD / "gavead", programs / "gavead")
    return programs, {"LD_PRELOAD": str(SHIM), "FAULTY_PROGRAM": "gavead", "FAULTY_CLOCK": str(clock)}
