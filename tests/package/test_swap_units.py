# SPDX-License-Identifier: Apache-2.0
"""Swaps of units of a real systemd, in a container: colours are units, hooks are transient units that outlive the agent."""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import nspawn

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
HERE = "/opt/gavea-test"  # inside
APP = f"{HERE}/app"
SHOP = f"""[Unit]
StartLimitIntervalSec=0
[Service]
Type=exec
ExecStartPre=/bin/sh -c '! [ -e {APP}/%i.broken ]'
ExecStart=/bin/sh -c 'touch {APP}/%i.up; exec sleep infinity'
ExecStopPost=/bin/rm -f {APP}/%i.up
Restart=on-failure
RestartSec=100ms
"""
CONFIG = f"""
swap: {{ every = "200ms"; timeout = "30s"; checks = ( {{
    name = "shop"; strategy = "canary"; steps = [ "10% 0s", "100% 0s" ]; keep_old = "0s"; settle = "1s"; start_timeout = "10s";
    unit = "shop@%c.service"; traffic = "exec"; set = [ "{APP}/fake", "set", "%s" ]; observe = [ "{APP}/fake", "observe" ];
    hooks = [ "smoke/slow -- {APP}/fake hook slow" ]; read_paths = [ "{HERE}" ]; write_paths = [ "{APP}" ]; }} ); }};
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="booting containers needs root")


class Shop:
    def __init__(self, container, root):
        self.box, self.app = container, root / APP.lstrip("/")

    def gavea(self, *words, check=True):
        return self.box.run(f"{HERE}/gavea", "--socket", f"{HERE}/run/control.sock", *words, check=check)

    def status(self):
        done = self.gavea("swap", "status", "shop", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "?", "summary": done.stderr}

    def wait(self, what, condition):
        end = time.monotonic() + 90
        while True:
            status = self.status()
            if condition(status):
                return status
            assert time.monotonic() < end, f"waited in vain for {what}: {status}\n{self.box.journal('gavead-test')}"
            time.sleep(0.2)

    def end(self, release):
        return self.wait("the end", lambda s: s["state"] == "IDLE" and s["last"]["release"] == release)["last"]

    def active(self, colour):
        return self.box.run("systemctl", "is-active", f"shop@{colour}", check=False).stdout.strip()

    def trace(self):
        return (self.app / "trace").read_text().splitlines()


@pytest.fixture(scope="module")
def shop():
    if not shutil.which("systemd-nspawn") or not shutil.which("debootstrap"):
        pytest.skip("systemd-nspawn or debootstrap is not installed")
    subprocess.run(["make", "-s", "all"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    root = ROOT / "build" / f"nspawn-run-{os.getpid()}"
    try:
        container = nspawn.Container(nspawn.base_tree(ROOT / "build"), root)
        folder = root / HERE.lstrip("/")
        for name in ("plugins", "etc/conf.d", "state", "run", "app"):
            (folder / name).mkdir(parents=True)
        for name in ("gavea", "gavead", "gavea-worker"):
            shutil.copy(BUILD / name, folder)
        shutil.copy(BUILD / "plugins/swap.so", folder / "plugins")
        shutil.copy(ROOT / "tests/support/swap_fake.sh", folder / "app/fake")
        (folder / "app/share").write_text("0\n")
        (folder / "etc/conf.d/swap.conf").write_text(CONFIG)
        (root / "etc/systemd/system/shop@.service").write_text(SHOP)
        with container:
            container.run("systemctl", "start", "shop@blue")
            container.run("systemd-run", "--unit=gavead-test", "--property=Type=notify", f"{HERE}/gavead", "--config", f"{HERE}/etc",
                          "--state", f"{HERE}/state", "--run", f"{HERE}/run", "--plugins", f"{HERE}/plugins")
            one = Shop(container, root)
            one.wait("the agent", lambda s: s["state"] == "IDLE")
            yield one
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_units_are_started_and_stopped(shop):
    assert (shop.active("blue"), shop.active("green")) == ("active", "inactive")
    shop.gavea("swap", "start", "shop", "2.0")
    last = shop.end("2.0")
    assert last["outcome"] == "DONE", last
    assert (shop.active("blue"), shop.active("green")) == ("inactive", "active")
    assert not (shop.app / "violations").exists()


def test_a_hook_outlives_the_agent_and_is_found_again(shop):
    (shop.app / "trace").write_text("")
    (shop.app / "slow.hook").write_text("sleep 4\n")
    shop.gavea("swap", "start", "shop", "2.1")
    shop.wait("the hook", lambda s: s["state"] == "SMOKE" and "runs" in s["waiting_for"])
    units = shop.box.run("systemctl", "list-units", "--plain", "--no-legend", "gavea-hook-*").stdout
    assert "smoke-slow" in units and "running" in units
    shop.box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=all", "gavead-test")
    shop.box.run("systemctl", "reset-failed", "gavead-test", check=False)
    shop.box.run("systemd-run", "--unit=gavead-test", "--property=Type=notify", f"{HERE}/gavead", "--config", f"{HERE}/etc",
                 "--state", f"{HERE}/state", "--run", f"{HERE}/run", "--plugins", f"{HERE}/plugins")
    assert shop.end("2.1")["outcome"] == "DONE"
    assert [line for line in shop.trace() if line.startswith("hook")] == ["hook slow run 2.1 blue"]
    assert shop.box.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "gavea-hook-*").stdout == ""
    (shop.app / "slow.hook").unlink()


def test_a_hook_that_fails_is_told_by_its_exit_status(shop):
    (shop.app / "slow.hook").write_text("exit 7\n")
    shop.gavea("swap", "start", "shop", "2.2")
    last = shop.end("2.2")
    assert (last["outcome"], last["reason"]) == (
        "ROLLED_BACK", "hook smoke/slow: exit status 7; see its log in the journal")
    (shop.app / "slow.hook").unlink()


def test_a_unit_that_does_not_start_is_rolled_back_and_banned(shop):
    (shop.app / "green.broken").touch()
    shop.gavea("swap", "start", "shop", "2.3")
    last = shop.end("2.3")
    assert last["outcome"] == "ROLLED_BACK" and ("did not start" in last["reason"] or "STARTED" in last["reason"]), last
    assert "was rolled back" in shop.gavea("swap", "start", "shop", "2.3", check=False).stderr
    (shop.app / "green.broken").unlink()


def test_a_unit_that_is_killed_in_a_hold_is_seen_by_its_restart(shop):
    config = shop.app.parent / "etc/conf.d/swap.conf"
    config.write_text(CONFIG.replace("10% 0s", "10% 1h"))
    shop.gavea("reload")
    shop.gavea("swap", "start", "shop", "2.4")
    shop.wait("HOLD", lambda s: s["state"] == "HOLD")
    shop.box.run("systemctl", "kill", "--signal=KILL", "shop@green")
    last = shop.end("2.4")
    assert last["outcome"] == "ROLLED_BACK"
    assert "restarted by its supervisor" in last["reason"] or "has ended by itself" in last["reason"] or \
        "servers of green up" in last["reason"], last
