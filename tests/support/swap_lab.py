# SPDX-License-Identifier: Apache-2.0
"""Proxies, backends and clients on loopback for tests of swaps. The proxies run what plugins/swap/proxies.md says."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from conftest import BUILD, PATIENCE, ROOT, SANITIZER, wait_until

TOOL = BUILD / "test-support/swap_traffic"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
BLUE, GREEN = "blue", "green"


def block(name):
    """The fenced block of proxies.md with this name, "haproxy shop", word for word."""
    text = (ROOT / "plugins/swap/proxies.md").read_text()
    found = re.findall(rf"^```{name}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, name
    return found[0]


def placed(text, *pairs):
    """The text with each (old, new) replaced; each must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, str(new))
    return text


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Backend:
    """Answers its name. mode: "ok", "error" (500), "hang" (no answer), "cut" (half an answer), "upgrade" (101, open)."""

    def __init__(self, name):
        self.name, self.mode, self.connections = name, "ok", set()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.listen()

    def listen(self):
        self.thread = threading.Thread(target=self.serve, args=(self.socket,), daemon=True)
        self.thread.start()

    def serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.add(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            held = b""
            while True:
                while b"\r\n\r\n" not in held:
                    more = connection.recv(65536)
                    if not more:
                        return
                    held += more
                held = held.split(b"\r\n\r\n", 1)[1]
                if not self.answer(connection):
                    return
        except OSError:
            pass
        finally:
            self.connections.discard(connection)
            connection.close()

    def answer(self, connection):
        body = self.name.encode()
        if self.mode == "hang":
            return bool(connection.recv(1) or False)
        if self.mode == "upgrade":
            connection.sendall(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                               b"Sec-WebSocket-Accept: s3pPLBMxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            while connection.recv(4096):
                pass
            return False
        if self.mode == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf")
            return False
        status = b"500 Oops" if self.mode == "error" else b"200 OK"
        connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        return True

    def stop(self):
        """Dead: the port refuses, and connections that are open end."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(PATIENCE)
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def start(self):
        self.mode = "ok"
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.listen()


def get(port, cookie=None, timeout=PATIENCE):
    """One request on a connection of its own: status, body."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        client.request("GET", "/", headers={"Cookie": f"uid={cookie}"} if cookie else {})
        answer = client.getresponse()
        return answer.status, answer.read().decode()
    finally:
        client.close()


def get_many(port, count):
    """Who answered how often, over one connection."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    who = {}
    for _ in range(count):
        client.request("GET", "/")
        body = client.getresponse().read().decode()
        who[body] = who.get(body, 0) + 1
    client.close()
    return who


def tool(*words):
    """Runs swap_traffic once; what it printed, or None."""
    done = subprocess.run([TOOL, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    return json.loads(done.stdout) if done.stdout else None


class Talker:
    """swap_traffic that stays: a line in, a line of JSON out."""

    def __init__(self, *words):
        self.popen = subprocess.Popen([TOOL, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.pid = self.popen.pid

    def read(self):
        line = self.popen.stdout.readline()
        assert line, self.popen.stderr.read()
        return json.loads(line)

    def ask(self, *words):
        self.popen.stdin.write(" ".join(map(str, words)) + "\n")
        self.popen.stdin.flush()
        return self.read()

    def stop(self):
        self.popen.stdin.close()
        errors = self.popen.stderr.read()
        assert self.popen.wait(PATIENCE) == 0, errors
        assert not SANITIZER.search(errors), errors
        self.popen.stdout.close()


class Counter(Talker):
    """Counts from the log, with limits of 100 ms and 1 s."""

    def __init__(self, *words):
        super().__init__("count", *words, "limit=100ms", "limit=1s")
        self.opened = self.read()

    def view(self):
        return self.ask("view")

    def lines(self, colour):
        side = self.view()[colour]
        return side["requests"] + side["aborted"]

    def await_lines(self, count):
        """The view once this many lines of both colours are counted; that more never come is for the caller to see."""
        wait_until(f"{count} lines in the log", lambda: self.lines(BLUE) + self.lines(GREEN) >= count)
        return self.view()


class Haproxy:
    """HAProxy as master and worker, on a configuration that names its folder."""

    def __init__(self, folder, config):
        self.folder, self.config = folder, folder / "haproxy.cfg"
        self.config.write_text(config)
        self.socket = folder / "admin.sock"
        with open(folder / "haproxy.log", "ab") as log:
            self.popen = subprocess.Popen([shutil.which("haproxy", path=PATH), "-W", "-db", "-f", self.config],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until("HAProxy to listen", self.answers)

    def answers(self):
        assert self.popen.poll() is None, (self.folder / "haproxy.log").read_text()
        return self.ask("show info")

    def ask(self, command):
        """The answer of the runtime socket, or "" when nobody is there."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            try:
                s.connect(str(self.socket))
                s.sendall(command.encode() + b"\n")
                parts = []
                while part := s.recv(65536):
                    parts.append(part)
            except OSError:
                return ""
        return b"".join(parts).decode()

    def worker(self):
        return int(re.search(r"^Pid: (\d+)", self.ask("show info"), re.MULTILINE)[1])

    def reload(self):
        before, sent = self.worker(), 0

        def other():
            nonlocal sent
            info = self.ask("show info")
            if info and f"\nPid: {before}\n" not in info:
                return True
            # A master that is just starting loses a signal.
            if time.monotonic() > sent + 2:
                self.popen.send_signal(signal.SIGUSR2)
                sent = time.monotonic()
            return False
        wait_until("HAProxy to have another worker", other)

    def stop(self):
        self.popen.terminate()
        try:
            self.popen.wait(PATIENCE)
        finally:
            if self.popen.poll() is None:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()


class Rude:
    """A unix socket on which somebody else answers: calls talk(connection) for each."""

    def __init__(self, path, talk):
        self.path, self.talk = path, talk
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with connection:
            try:
                self.talk(connection)
            except OSError:
                pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
