# SPDX-License-Identifier: Apache-2.0
"""Swaps where systemd keeps the app, in a container: units by colour, hooks in transient units, HAProxy in front of one app and a
fake proxy of another, the agent killed and the power lost in between."""
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

import nspawn

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
HERE = "/opt/gavea-test"  # inside
APP = "/srv/fake"  # of the check swap/fake
AT_BOOT = "[Install]\nWantedBy=multi-user.target\n[Unit]\n"
UNITS = {
    "shop@.service": f"""{AT_BOOT}[Service]
Type=forking
PIDFile=/run/shop-%i.pid
ExecStart=/usr/sbin/nginx -c /srv/%i/nginx.conf -g 'pid /run/shop-%i.pid;'
KillSignal=SIGQUIT
TimeoutStopSec=10
""",
    "proxy.service": f"{AT_BOOT}[Service]\nExecStart=/usr/sbin/haproxy -Ws -f /srv/haproxy.cfg\nType=notify\n",
    "fake@.service": f"""[Unit]
StartLimitIntervalSec=0
[Service]
Type=exec
ExecStartPre=/bin/sh -c '! [ -e {APP}/%i.broken ]'
ExecStart=/bin/sh -c 'touch {APP}/%i.up; exec sleep infinity'
ExecStopPost=/bin/rm -f {APP}/%i.up
Restart=on-failure
RestartSec=100ms
""",
    "agent.service": f"""{AT_BOOT}StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart={HERE}/gavead --cgroup --plugins {HERE}/plugins --config /srv/etc
StateDirectory=gavea
RuntimeDirectory=gavea
RuntimeDirectoryPreserve=yes
Delegate=memory pids
Restart=always
RestartSec=200ms
KillMode=mixed
""",
}
PORTS = {"blue": 8001, "green": 8002}
NGINX = """worker_processes 1;
error_log /dev/null;
events {{}}
http {{
    access_log off;
    client_body_temp_path /run/shop-tmp; proxy_temp_path /run/shop-tmp; fastcgi_temp_path /run/shop-tmp;
    uwsgi_temp_path /run/shop-tmp; scgi_temp_path /run/shop-tmp;
    server {{
        listen 127.0.0.1:8001;
        listen 127.0.0.1:8002;
        location / {{ return {status} "{version}"; }}
        location = /healthz {{ return 200 "ok"; }}
    }}
}}
"""
HAPROXY = """global
    stats socket /run/admin.sock mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    option httpchk GET /healthz
    default-server inter 200ms fall 2 rise 1
frontend shop
    bind 127.0.0.1:80
    log /run/gavea/shop.sock len 2048 format raw local0
    log-format '{"b":"%b","s":"%s","st":%ST,"ts":"%tsc","tw":%Tw,"tc":%Tc,"tr":%Tr,"rc":"%rc"}'
    http-request set-var(txn.pct) str(shop),map_str_int(/srv/gavea.map,0)
    http-request set-var(txn.b) rand(10000)
    use_backend shop_green if { var(txn.b),sub(txn.pct) lt 0 } { nbsrv(shop_green) gt 0 }
    default_backend shop_blue
backend shop_blue
    server blue1 127.0.0.1:8001 check
backend shop_green
    server green1 127.0.0.1:8002 check
"""
CONFIG = """swap: { every = "300ms"; timeout = "60s"; checks = ( { name = "shop"; strategy = "canary";
    steps = [ "50% 2s", "100% 1s" ]; gates = [ "error_rate < 5%" ]; settle = "500ms"; keep_old = "1s";
    unit = "shop@%c.service"; traffic = "haproxy"; haproxy_socket = "/run/admin.sock"; haproxy_map = "/srv/gavea.map";
    backend_blue = "shop_blue"; backend_green = "shop_green"; counts_socket = "/run/gavea/shop.sock";
    artefact = "/srv/artefacts/%r.tar"; directory = "/srv/releases"; link = "/srv/%c";
    hooks = [ "before/slow timeout=1min -- /bin/sh -c 'cat /proc/self/cgroup > /srv/hook; sleep 3; echo done >> /srv/hook'" ];
    read_paths = [ "/srv" ]; write_paths = [ "/srv" ]; },
  { name = "fake"; strategy = "canary"; steps = [ "10% 0s", "100% 0s" ]; keep_old = "0s"; settle = "1s"; start_timeout = "10s";
    unit = "fake@%c.service"; traffic = "exec"; set = [ "APP/fake", "set", "%s" ]; observe = [ "APP/fake", "observe" ];
    hooks = [ "smoke/slow -- APP/fake hook slow" ]; read_paths = [ "/srv" ]; write_paths = [ "/srv" ]; } ); };
""".replace("APP", APP)
# Asks until it is told to stop; prints what it got.
CLIENT = """
import collections, http.client, json, sys, time, threading
seen, stop = collections.Counter(), threading.Event()
def ask():
    while not stop.is_set():
        try:
            c = http.client.HTTPConnection("127.0.0.1", 80, timeout=30); c.request("GET", "/"); a = c.getresponse()
            seen[f"{a.status} {a.read().decode()[:40]}"] += 1; c.close()
        except Exception as e:
            seen["failed " + type(e).__name__] += 1
        time.sleep(0.01)
threads = [threading.Thread(target=ask) for _ in range(4)]
[t.start() for t in threads]; sys.stdin.read(); stop.set(); [t.join() for t in threads]; print(json.dumps(seen))
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="booting containers needs root")


class Site:
    """The container with an app: "shop" has HAProxy, "fake" a fake of it."""

    def __init__(self, box, root, name="shop"):
        self.box, self.root, self.name, self.client = box, root, name, None
        self.app = root / APP.lstrip("/")

    def release(self, version, colour, status=200):
        """An artefact that listens as this colour; returns its digest."""
        other = PORTS["green" if colour == "blue" else "blue"]
        text = NGINX.format(version=version, status=status).replace(f"        listen 127.0.0.1:{other};\n", "").encode()
        path = self.root / f"srv/artefacts/{version}.tar"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo("nginx.conf")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()

    def gavea(self, *words, check=True):
        return self.box.run(f"{HERE}/gavea", *words, check=check)

    def status(self):
        done = self.gavea("command", f"swap/{self.name}", "status", "json=yes", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "?", "said": done.stderr}

    def wait(self, what, condition):
        def met():
            status = self.status()
            return status if condition(status) else None
        try:
            return self.box.wait(what, met, 90)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.status()}\n{self.gavea('events', check=False).stdout[-2000:]}\n"
                                 f"{self.box.journal('agent')[-2000:]}") from None

    def swap(self, version, digest=None, check=True):
        return self.gavea("command", f"swap/{self.name}", "start", f"release={version}", *([f"digest={digest}"] if digest else []),
                          "by=test", check=check)

    def end(self, version):
        return self.wait(f"the swap to {version} to end", lambda s: s["state"] == "IDLE" and s["last"]["release"] == version)["last"]

    def active(self, colour):
        return self.box.run("systemctl", "is-active", f"{self.name}@{colour}", check=False).stdout.strip()

    def share(self):
        return int((self.root / "srv/gavea.map").read_text().split()[1])

    def live_share(self):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(f"/proc/{self.box.leader}/root/run/admin.sock")
            one.sendall(b"show map /srv/gavea.map\n")
            return int(one.makefile().read().split()[2])

    def answer(self):
        """What a client gets by now."""
        done = subprocess.run(["nsenter", "-t", str(self.box.leader), "-n", sys.executable, "-c", "import urllib.request\n"
                               "print(urllib.request.urlopen('http://127.0.0.1/', timeout=5).read().decode())"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        return done.stdout.strip()

    def begin_asking(self):
        self.client = subprocess.Popen(["nsenter", "-t", str(self.box.leader), "-n", sys.executable, "-c", CLIENT],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end_asking(self):
        seen = json.loads(self.client.communicate(timeout=60)[0])
        self.client = None
        return seen


@pytest.fixture(scope="module")
def site():
    if not shutil.which("systemd-nspawn") or not shutil.which("debootstrap"):
        pytest.skip("systemd-nspawn or debootstrap is not installed")
    subprocess.run(["make", "-s", "all"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    root = ROOT / "build" / f"nspawn-run-{os.getpid()}"
    made = None
    try:
        container = nspawn.Container(nspawn.base_tree(ROOT / "build"), root)
        folder = root / HERE.lstrip("/")
        (folder / "plugins").mkdir(parents=True)
        for name in ("gavea", "gavead", "gavea-worker"):
            shutil.copy(BUILD / name, folder)
        shutil.copy(BUILD / "plugins/swap.so", folder / "plugins")
        for name, text in UNITS.items():
            (root / "etc/systemd/system" / name).write_text(text)
        (root / "srv/etc/conf.d").mkdir(parents=True)
        (root / APP.lstrip("/")).mkdir()
        shutil.copy(ROOT / "tests/support/swap_fake.sh", root / APP.lstrip("/") / "fake")
        (root / APP.lstrip("/") / "share").write_text("0\n")
        (root / "srv/etc/conf.d/swap.conf").write_text(CONFIG)
        (root / "srv/haproxy.cfg").write_text(HAPROXY)
        (root / "srv/gavea.map").write_text("shop 0\n")
        made = Site(container, root)
        (root / "srv/releases/v1").mkdir(parents=True)
        digest = made.release("v1", "blue")
        with tarfile.open(root / "srv/artefacts/v1.tar") as archive:
            archive.extractall(root / "srv/releases/v1")
        (root / "srv/releases/v1/.gavea-release").write_text(digest[len("sha256:"):])
        (root / "srv/blue").symlink_to("/srv/releases/v1")
        with container:
            container.run("systemctl", "start", "shop@blue", "fake@blue", "proxy", "agent")
            made.wait("the agent's first look", lambda s: s["state"] == "IDLE" and "blue serves" in s["summary"])
            yield made
            container.power_off()  # in order it takes ten seconds, and shows nothing here
    finally:
        if made and made.client:
            made.client.kill()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def fake(site):
    return Site(site.box, site.root, "fake")


def test_units_are_swapped_while_the_agent_is_killed_and_no_client_notices(site):
    site.begin_asking()
    site.swap("v2", site.release("v2", "green"))
    site.wait("the hook to run", lambda s: (site.root / "srv/hook").exists())
    cgroup = (site.root / "srv/hook").read_text()
    assert "agent.service" not in cgroup, "a hook runs outside of the agent's cgroup"
    for _ in range(2):
        site.box.run("systemctl", "kill", "-s", "KILL", "agent")
        site.wait("the agent to come back", lambda s: s["state"] != "?")
    assert site.end("v2")["outcome"] == "DONE", site.gavea("events").stdout
    assert (site.root / "srv/hook").read_text().count("done") == 1, "the hook outlived the agent, and ran once"
    assert (site.active("blue"), site.active("green")) == ("inactive", "active")
    assert (site.root / "srv/gavea.map").read_text() == "shop 10000\n"
    seen = site.end_asking()
    assert not [what for what in seen if not what.startswith("200 ")], seen
    assert seen["200 v2"] > 50


def test_a_unit_that_fails_is_rolled_back(site):
    digest = site.release("v3", "blue", status="broken")  # nginx refuses its configuration
    site.swap("v3", digest)
    last = site.end("v3")
    assert last["outcome"] == "ROLLED_BACK" and last["reason"], last
    assert (site.root / "srv/gavea.map").read_text() == "shop 10000\n"
    assert site.active("green") == "active"


def test_errors_of_a_release_are_counted_and_rolled_back(site):
    site.begin_asking()
    site.swap("v4", site.release("v4", "blue", status=500))
    last = site.end("v4")
    assert last["outcome"] == "ROLLED_BACK" and "error_rate" in last["reason"], last
    assert site.active("green") == "active" and site.active("blue") != "active"
    site.end_asking()


def test_units_are_started_and_stopped(fake):
    assert (fake.active("blue"), fake.active("green")) == ("active", "inactive")
    fake.swap("2.0")
    last = fake.end("2.0")
    assert last["outcome"] == "DONE", last
    assert (fake.active("blue"), fake.active("green")) == ("inactive", "active")
    assert not (fake.app / "violations").exists()


def test_a_hook_outlives_the_agent_and_is_found_again(fake):
    (fake.app / "trace").write_text("")
    (fake.app / "slow.hook").write_text("sleep 4\n")
    fake.swap("2.1")
    fake.wait("the hook", lambda s: s["state"] == "SMOKE" and "runs" in s["waiting_for"])
    units = fake.box.run("systemctl", "list-units", "--plain", "--no-legend", "gavea-hook-*").stdout
    assert "smoke-slow" in units and "running" in units
    fake.box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=all", "agent")
    assert fake.end("2.1")["outcome"] == "DONE"
    assert [line for line in (fake.app / "trace").read_text().splitlines() if line.startswith("hook")] == [
        "hook slow run 2.1 blue"]
    assert fake.box.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "gavea-hook-*").stdout == ""
    (fake.app / "slow.hook").unlink()


def test_a_hook_that_fails_is_told_by_its_exit_status(fake):
    (fake.app / "slow.hook").write_text("exit 7\n")
    fake.swap("2.2")
    last = fake.end("2.2")
    assert (last["outcome"], last["reason"]) == (
        "ROLLED_BACK", "hook smoke/slow: exit status 7; see its log in the journal")
    (fake.app / "slow.hook").unlink()


def test_a_unit_that_does_not_start_is_rolled_back_and_banned(fake):
    (fake.app / "green.broken").touch()
    fake.swap("2.3")
    last = fake.end("2.3")
    assert last["outcome"] == "ROLLED_BACK" and ("did not start" in last["reason"] or "STARTED" in last["reason"]), last
    assert "was rolled back" in fake.swap("2.3", check=False).stderr
    (fake.app / "green.broken").unlink()


def test_a_unit_that_is_killed_in_a_hold_is_seen_by_its_restart(fake):
    (fake.root / "srv/etc/conf.d/swap.conf").write_text(CONFIG.replace("10% 0s", "10% 1h"))
    fake.gavea("reload")
    fake.swap("2.4")
    fake.wait("its hold", lambda s: s["state"] == "HOLD")
    fake.box.run("systemctl", "kill", "--signal=KILL", "fake@green")
    last = fake.end("2.4")
    assert last["outcome"] == "ROLLED_BACK"
    assert "restarted by its supervisor" in last["reason"] or "has ended by itself" in last["reason"] or \
        "servers of green up" in last["reason"], last


# What the power fails in, and how long after that was seen.
MOMENTS = [("PRECHECK", 0), ("STARTED", 0.3), ("HOLD", 0), ("BAKE", 0), ("ROLLING_BACK", 0)]


@pytest.mark.parametrize("number, state, later", [(number, *moment) for number, moment in enumerate(MOMENTS)])
def test_the_power_fails_in_a_swap_and_it_ends_after_the_boot(site, number, state, later):
    site.box.run("systemctl", "enable", "-q", "shop@blue", "shop@green", "proxy", "agent")
    site.wait("it to serve", lambda s: s["state"] == "IDLE" and "serves" in s["summary"])
    version = f"v{10 + number}"
    site.begin_asking()
    site.swap(version, site.release(version, "blue" if site.share() else "green"))
    if state == "ROLLING_BACK":
        site.wait("the hold", lambda s: s["state"] == "HOLD")
        site.gavea("command", "swap/shop", "abort", "by=test")
    site.wait(state, lambda s: s["state"] == state)
    time.sleep(later)
    site.box.power_off()
    site.end_asking()
    site.box.boot()
    site.box.wait("a colour to serve", site.answer)
    site.begin_asking()
    status = site.wait("its end", lambda s: s["state"] in ("IDLE", "FROZEN"))
    if status["state"] == "FROZEN":
        assert status["summary"] and site.answer(), status
        site.gavea("command", "swap/shop", "abort", "by=test")
    last = site.end(version)
    assert last["outcome"] in ("DONE", "ROLLED_BACK") and (last["reason"] or last["outcome"] == "DONE"), last
    seen = site.end_asking()
    assert not [what for what in seen if not what.startswith("200 ")], seen
    share = site.share()
    assert share in (0, 10000) and share == site.live_share(), "file and memory are equal"
    serving = "green" if share else "blue"
    assert site.active(serving) == "active"
    assert (site.answer() == version) == (last["outcome"] == "DONE"), last
