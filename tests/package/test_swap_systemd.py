# SPDX-License-Identifier: Apache-2.0
"""Swaps where systemd keeps the app: units by colour, hooks in transient units, HAProxy in front, the agent killed in between."""
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import nspawn

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
HERE = "/opt/gavea-test"  # inside
UNITS = {
    "shop@.service": "[Service]\nType=forking\nPIDFile=/run/shop-%i.pid\nExecStart=/usr/sbin/nginx -c /srv/%i/nginx.conf "
                     "-g 'pid /run/shop-%i.pid;'\nKillSignal=SIGQUIT\nTimeoutStopSec=10\n",
    "proxy.service": "[Service]\nExecStart=/usr/sbin/haproxy -Ws -f /srv/haproxy.cfg\nType=notify\n",
    "agent.service": f"[Service]\nType=notify\nExecStart={HERE}/gavead --cgroup --plugins {HERE}/plugins --config /srv/etc\n"
                     "StateDirectory=gavea\nRuntimeDirectory=gavea\nRuntimeDirectoryPreserve=yes\nDelegate=memory pids\nRestart=always\n"
                     "RestartSec=200ms\nKillMode=mixed\n[Unit]\nStartLimitIntervalSec=0\n",
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
CONFIG = """swap: { every = "500ms"; timeout = "60s"; checks = ( { name = "shop"; strategy = "canary";
    steps = [ "50% 2s", "100% 1s" ]; gates = [ "error_rate < 5%" ]; settle = "500ms"; keep_old = "1s";
    unit = "shop@%c.service"; traffic = "haproxy"; haproxy_socket = "/run/admin.sock"; haproxy_map = "/srv/gavea.map";
    backend_blue = "shop_blue"; backend_green = "shop_green"; counts_socket = "/run/gavea/shop.sock";
    artefact = "/srv/artefacts/%r.tar"; directory = "/srv/releases"; link = "/srv/%c";
    hooks = [ "before/slow timeout=1min -- /bin/sh -c 'cat /proc/self/cgroup > /srv/hook; sleep 3; echo done >> /srv/hook'" ];
    read_paths = [ "/srv" ]; write_paths = [ "/srv" ]; } ); };
"""
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
    """The container with its shop."""

    def __init__(self, box, root):
        self.box, self.root, self.client = box, root, None

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
        done = self.gavea("command", "swap/shop", "status", "json=yes", check=False)
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

    def swap(self, version, digest):
        self.gavea("command", "swap/shop", "start", f"release={version}", f"digest={digest}", "by=test")

    def end(self, version):
        return self.wait(f"the swap to {version} to end", lambda s: s["state"] == "IDLE" and s["last"]["release"] == version)["last"]

    def active(self, colour):
        return self.box.run("systemctl", "is-active", f"shop@{colour}", check=False).stdout.strip()

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
            container.run("systemctl", "start", "shop@blue", "proxy", "agent")
            made.wait("the agent's first look", lambda s: s["state"] == "IDLE" and "blue serves" in s["summary"])
            yield made
    finally:
        if made and made.client:
            made.client.kill()
        shutil.rmtree(root, ignore_errors=True)


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
