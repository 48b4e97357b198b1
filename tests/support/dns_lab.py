# SPDX-License-Identifier: Apache-2.0
"""A small internet of name servers in a network namespace of its own, for the tests of the dns plugin.

Root (nsd, 127.0.0.10), the top-level domain test. (knot, 127.0.0.11), two authorities (knot, 127.0.0.12; bind, 127.0.0.13), a
server of bad character (127.0.0.14), a validating resolver (unbound, 127.0.0.15) and a silent address (127.0.0.20: nobody
listens). Only processes that it started are ended, by their pid; the namespace goes with it.
"""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT, TLD, KNOT, BIND, HOSTILE, UNBOUND, NOBODY = (f"127.0.0.{n}" for n in (10, 11, 12, 13, 14, 15, 20))
PROGRAMS = ["ip", "nsd", "knotd", "named", "unbound", "ldns-signzone", "ldns-keygen", "ldns-key2ds", "kdig"]
DAY = 86400


def missing():
    """What this machine lacks for the lab, or None."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for name in PROGRAMS:
        if not shutil.which(name, path=path):
            return f"{name} is not installed"
    return None


class Lab:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.namespace = f"gavea-dns-{os.getpid()}"
        self.processes = {}
        self.env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        self.keys = {}

    # ---- Programs ----

    def run(self, *command, cwd=None, check=True):
        done = subprocess.run([str(word) for word in command], cwd=cwd or self.folder, env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def inside(self, *command):
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def start(self, name, *command):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(self.inside(*command), cwd=self.folder, env=self.env, stdout=log, stderr=log,
                                                    stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(self, name):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        self.run("ip", "netns", "delete", self.namespace, check=False)

    def ask(self, server, name, kind="SOA"):
        """The status word of an answer, or None."""
        said = self.run(*self.inside("kdig", f"@{server}", name, kind, "+retry=0", "+timeout=1"), check=False)
        for word in ("NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"):
            if f"status: {word}" in said:
                return word
        return None

    def wait_for(self, server, name, status="NOERROR", patience=60):
        end = time.monotonic() + patience
        while self.ask(server, name) != status:
            assert time.monotonic() < end, f"{server} does not answer {status} for {name}\n{self.logs()}"
            time.sleep(0.05)

    def logs(self):
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in self.folder.glob("*.log"))

    # ---- Zones ----

    def zone(self, name, text, where="", serial=1, expire=3600):
        """Writes a zone file; where: a subfolder, for servers that have another version."""
        folder = self.folder / "zones" / where
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.zone"
        origin = "." if name == "root" else f"{name}."
        path.write_text(f"$ORIGIN {origin}\n$TTL 300\n@ SOA ns.invalid. host.invalid. {serial} 600 60 {expire} 60\n{text}\n")
        return path

    def key(self, zone, again=False):
        """The name of a key pair's files for that zone, without their ending."""
        if zone not in self.keys or again:
            folder = self.folder / "keys"
            folder.mkdir(exist_ok=True)
            name = self.run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "-r", "/dev/urandom", f"{zone}.", cwd=folder)
            self.keys[zone] = folder / name.strip()
        return self.keys[zone]

    def ds(self, zone):
        return self.run("ldns-key2ds", "-n", "-2", f"{self.key(zone)}.key").strip()

    def sign(self, path, zone, begin=-DAY, end=30 * DAY):
        """Signs a zone file in place; begin and end of the signatures are seconds from now."""
        now = int(time.time())
        self.run("ldns-signzone", "-i", now + begin, "-e", now + end, "-o", f"{zone}.", "-f", f"{path}.signed", path, self.key(zone))
        os.replace(f"{path}.signed", path)

    # ---- Servers ----

    def knot(self, name, address, zones, where=""):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        lines = [f"server:\n  rundir: {folder}\n  listen: {address}@53\n  user: root\n  udp-workers: 1\n  tcp-workers: 1\n"
                 "  background-workers: 1\nlog:\n  - target: stderr\n    any: info\n"
                 f"database:\n  storage: {folder}\n  journal-db-max-size: 16M\n  kasp-db-max-size: 16M\n  timer-db-max-size: 1M\n"
                 f"template:\n  - id: default\n    storage: {self.folder}/zones/{where}\n    file: \"%s.zone\"\n"
                 "    zonefile-load: whole\n    journal-content: none\n    semantic-checks: off\nzone:\n"]
        lines += [f"  - domain: {zone}.\n" for zone in zones]
        (folder / "knot.conf").write_text("".join(lines))
        self.start(name, "knotd", "-c", folder / "knot.conf")

    def bind(self, name, address, zones, where=""):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        text = (f'options {{ directory "{folder}"; pid-file none; session-keyfile none; listen-on port 53 {{ {address}; }}; '
                "listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no; minimal-responses yes; };\ncontrols { };\n")
        text += "".join(f'zone "{zone}" {{ type primary; file "{self.folder}/zones/{where}/{zone}.zone"; check-names ignore; '
                        f"check-integrity no; }};\n" for zone in zones)
        (folder / "named.conf").write_text(text)
        self.start(name, "named", "-g", "-n", "1", "-c", folder / "named.conf")

    def nsd(self, name, address, zones):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        text = (f'server:\n  ip-address: {address}@53\n  username: ""\n  zonesdir: "{self.folder}/zones"\n  database: ""\n'
                f'  pidfile: "{folder}/nsd.pid"\n  xfrdfile: "{folder}/xfrd.state"\n  xfrdir: "{folder}"\n  zonelistfile: "{folder}/zones"\n'
                "  server-count: 1\nremote-control:\n  control-enable: no\n")
        for zone, file in zones.items():
            text += f'zone:\n  name: "{zone}"\n  zonefile: "{file}.zone"\n'
        (folder / "nsd.conf").write_text(text)
        self.start(name, "nsd", "-d", "-c", folder / "nsd.conf")

    def unbound(self, name, address, anchors):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "root.hints").write_text(f". 3600 NS ns.root.\nns.root. 3600 A {ROOT}\n")
        text = (f'server:\n  interface: {address}@53\n  username: ""\n  chroot: ""\n  directory: "{folder}"\n  pidfile: ""\n  use-syslog: no\n'
                "  do-daemonize: no\n  do-not-query-localhost: no\n  do-ip6: no\n  num-threads: 1\n  ede: yes\n  qname-minimisation: no\n"
                f'  root-hints: "{folder}/root.hints"\n  module-config: "validator iterator"\n  local-zone: "test." nodefault\n'
                "  val-bogus-ttl: 1\n  access-control: 127.0.0.0/8 allow\n")
        text += "".join(f'  trust-anchor: "{anchor}"\n' for anchor in anchors) + "remote-control:\n  control-enable: no\n"
        (folder / "unbound.conf").write_text(text)
        self.start(name, "unbound", "-d", "-c", folder / "unbound.conf")

    def hostile(self, name, address):
        self.start(name, sys.executable, HERE / "dns_hostile.py", address, 53)

    def open(self):
        self.run("ip", "netns", "add", self.namespace)
        self.run(*self.inside("ip", "link", "set", "lo", "up"))
        # bind listens on addresses that an interface has, and on no others.
        self.run(*self.inside("ip", "address", "add", f"{BIND}/8", "dev", "lo"))
