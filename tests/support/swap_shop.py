# SPDX-License-Identifier: Apache-2.0
"""A shop to swap releases of: HAProxy in front of a blue and a green copy of swap_app.py, clients that never stop, and the
options of the check swap/shop. What runs belongs to the test, not to the agent: a small supervisor starts and stops the copies,
as systemd would.
"""
import collections
import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
COLOURS = ("blue", "green")

CONTROL = """#!/usr/bin/python3 -SE
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect({path!r})
s.sendall(" ".join(sys.argv[1:]).encode() + b"\\n")
sys.exit(int(s.makefile().readline()))
"""

HAPROXY = """
global
    stats socket {folder}/admin.sock mode 600 level admin
    hard-stop-after 10s
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 15min
    option httpchk GET /healthz
    default-server inter 200ms fall 2 rise 1
frontend shop
    bind 127.0.0.1:{front}
    log {folder}/log.sock len 2048 format raw local0
    log-format '{{"b":"%b","s":"%s","st":%ST,"ts":"%tsc","tw":%Tw,"tc":%Tc,"tr":%Tr,"rc":"%rc"}}'
    http-request set-var(txn.pct) str(shop),map_str_int({folder}/gavea.map,0)
    http-request set-var(txn.b) rand(10000)
    http-request set-var(txn.b) req.cook(uid),xxh32,mod(10000) if {{ req.cook(uid) -m found }}
    use_backend shop_green if {{ var(txn.b),sub(txn.pct) lt 0 }} {{ nbsrv(shop_green) gt 0 }}
    default_backend shop_blue
backend shop_blue
    server blue1 127.0.0.1:{blue} check
backend shop_green
    server green1 127.0.0.1:{green} check
"""


def reserve():
    """A socket that keeps a port for those who listen with SO_REUSEADDR: else a client's connection may get it as its own."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one


class Supervisor:
    """Starts and stops the copies when the command `ctl` says so; a request is one line, the answer an exit status.

    memory: how many bytes of addresses a copy may have that is started from now on; it ends when it wants more."""

    memory = None

    def __init__(self, folder, ports):
        self.folder, self.ports, self.running, self.said = folder, ports, {}, []
        self.lock = threading.Lock()
        self.path = folder / "ctl.sock"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen(64)
        self.command = folder / "ctl"
        self.command.write_text(CONTROL.format(path=str(self.path)))
        self.command.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer):
        with peer:
            words = peer.makefile().readline().split()
            with self.lock:
                code = getattr(self, words[0])(*words[1:])
            try:
                peer.sendall(f"{code}\n".encode())
            except OSError:
                pass

    def start(self, colour):
        self.said.append(("start", colour))
        if self.status(colour) == 0:
            return 0
        limit = ["/usr/bin/prlimit", f"--as={self.memory}"] if self.memory else []
        self.running[colour] = subprocess.Popen(
            [*limit, sys.executable, SUPPORT / "swap_app.py", str(self.ports[colour]), colour, self.folder / colour],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "MALLOC_ARENA_MAX": "1"})
        return 0

    def stop(self, colour):
        self.said.append(("stop", colour))
        process = self.running.pop(colour, None)
        if process:
            process.terminate()
            process.wait()
        return 0

    def status(self, colour):
        process = self.running.get(colour)
        if not process:
            return 3
        return 0 if process.poll() is None else 1

    def kill(self, colour):
        with self.lock:
            self.running[colour].kill()
            self.running[colour].wait()

    def both_down(self):
        return all(self.status(colour) != 0 for colour in COLOURS)

    def close(self):
        self.socket.close()
        with self.lock:
            for process in self.running.values():
                process.kill()
                process.wait()


class Clients:
    """Threads that ask all the time. A failure is an answer of 500 or above, or none."""

    def __init__(self, port, threads=4, pause=0.01):
        self.port, self.pause, self.stopping = port, pause, False
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # (colour, version, status)
        self.failures = []
        self.first = {}  # version: when the first request that it answered was sent
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        while not self.stopping:
            sent = time.time()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                key = (answer.getheader("X-Colour", "proxy"), answer.getheader("X-Version", ""), answer.status)
                connection.close()
            except OSError as error:
                key = ("none", type(error).__name__, 0)
            except http.client.HTTPException as error:
                key = ("none", type(error).__name__, 0)
            with self.lock:
                self.answers[key] += 1
                self.first[key[1]] = min(sent, self.first.get(key[1], sent))
                if key[2] >= 500 or key[2] == 0:
                    self.failures.append((time.time(), *key))
            time.sleep(self.pause)

    def seen(self, version):
        with self.lock:
            return sum(count for (_, v, status), count in self.answers.items() if v == version and status == 200)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)


class Shop:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.reserved = [reserve() for _ in range(3)]
        self.front, blue, green = (one.getsockname()[1] for one in self.reserved)
        self.ports = {"blue": blue, "green": green}
        for name in ("artefacts", "releases"):
            (folder / name).mkdir()
        self.map = folder / "gavea.map"
        self.map.write_text("# shares of green\nother 1234\nshop 0\n")
        self.supervisor = Supervisor(folder, self.ports)
        self.haproxy = None
        self.clients = None

    # -- Releases --

    def release(self, version, **behaviour):
        """Makes an artefact; returns its digest."""
        path = self.folder / "artefacts" / f"{version}.tar.gz"
        text = json.dumps({"version": version, **behaviour}).encode()
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("behaviour.json")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()

    def install(self, colour, version, **behaviour):
        """As if an earlier swap had brought it: the colour runs it."""
        digest = self.release(version, **behaviour)
        folder = self.folder / "releases" / version
        folder.mkdir()
        with tarfile.open(self.folder / "artefacts" / f"{version}.tar.gz") as archive:
            archive.extractall(folder)
        (folder / ".gavea-release").write_text(digest[len("sha256:"):])
        (self.folder / colour).symlink_to(folder)
        self.supervisor.start(colour)

    def run_as(self, colour):
        """The release that a colour runs, None when it does not run."""
        return os.path.basename(os.readlink(self.folder / colour)) if self.supervisor.status(colour) == 0 else None

    # -- The proxy --

    def start_proxy(self):
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(folder=self.folder, front=self.front, **self.ports))
        self.haproxy = subprocess.Popen([shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-W", "-db", "-f", config],
                                        stdin=subprocess.DEVNULL, stdout=open(self.folder / "haproxy.log", "ab"),
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def reload_proxy(self):
        self.haproxy.send_signal(signal.SIGUSR2)

    def stop_proxy(self):
        if self.haproxy:
            self.haproxy.terminate()
            self.haproxy.wait()
            self.haproxy = None

    def ask_proxy(self, command):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(10)
            one.connect(str(self.folder / "admin.sock"))
            one.sendall(command.encode() + b"\n")
            return one.makefile().read()

    def stored_share(self):
        return next(int(line.split()[1]) for line in self.map.read_text().splitlines() if line.startswith("shop "))

    def live_share(self):
        text = self.ask_proxy(f"show map {self.folder}/gavea.map")
        return next(int(line.split()[2]) for line in text.splitlines() if line.split()[1:2] == ["shop"])

    def sessions(self, backend):
        rows = [line.split(",") for line in self.ask_proxy("show stat").splitlines()]
        return next(int(row[4]) for row in rows if row[:2] == [backend, "BACKEND"])

    def check_neighbours(self):
        assert "other 1234" in self.map.read_text(), "what others keep in the map stays"

    def answer_of_one(self):
        """The colour that answers one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.front, timeout=5)
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.getheader("X-Colour") if answer.status == 200 else None

    def up(self):
        try:
            return self.answer_of_one() is not None
        except OSError:
            return False

    # -- The agent's configuration --

    def config(self, every="1s", **options):
        """conf.d/swap.conf with these options over the usual ones; lists are lists, None leaves one out."""
        usual = {
            "strategy": "blue_green", "service": "exec",
            "start": [self.supervisor.command, "start", "%c"], "stop": [self.supervisor.command, "stop", "%c"],
            "status": [self.supervisor.command, "status", "%c"],
            "traffic": "haproxy", "haproxy_socket": self.folder / "admin.sock", "haproxy_map": self.map,
            "backend_blue": "shop_blue", "backend_green": "shop_green", "counts_socket": self.folder / "log.sock",
            "artefact": self.folder / "artefacts" / "%r.tar.gz", "directory": self.folder / "releases",
            "link": self.folder / "%c", "hooks_run_by": "session",
            "settle": "1s", "keep_old": "1s", "drain_timeout": "20s",
            "read_paths": [self.folder], "write_paths": [self.folder],
        }
        lines = [f'      {key} = {self._value(value)};' for key, value in {**usual, **options}.items() if value is not None]
        return f'swap: {{\n  every = "{every}";\n  timeout = "60s";\n  checks = ( {{\n      name = "shop";\n' + "\n".join(lines) + "\n  } );\n};\n"

    @classmethod
    def _value(cls, value):
        if isinstance(value, (list, tuple)):
            return "[ " + ", ".join(cls._value(one) for one in value) + " ]"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        return json.dumps(str(value))

    def close(self):
        if self.clients:
            self.clients.stop()
        self.stop_proxy()
        self.supervisor.close()
        for one in self.reserved:
            one.close()
