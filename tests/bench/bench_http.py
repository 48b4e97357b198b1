#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP checks beside Debian's blackbox_exporter: the same nginx on loopback, asked by eight at a time, at a fixed pace and as
fast as each can. The server counts the requests; processor time is that of the agent's whole tree, and of the exporter without
whoever asks it."""

import argparse
import multiprocessing
import re
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
PACE = 200  # checks a second
FLAT_OUT = 6000  # more than anybody reaches here
AT_A_TIME = 8

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=1024;
    location /health {{ default_type application/json; return 200 '{{"status": "up"}}'; }}
    location /count {{ stub_status; }} }}
}}
"""


class Missing(Exception):
    """What is to be measured isn't there."""


def program(name, path="/usr/sbin:/usr/bin"):
    found = shutil.which(name, path=path)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


class Server:
    def __init__(self, folder):
        folder = Path(folder, "nginx")
        folder.mkdir()
        self.port = measure.free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=self.port))
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = measure.start([program("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e",
                                      str(folder / "log")], folder / "log")
        if not measure.wait_for(self.count, 10, self.process, 0.05):
            raise Missing("nginx did not start: " + (folder / "log").read_text()[-300:])

    def count(self):
        """Requests so far, those of this function left out."""
        try:
            text = urllib.request.urlopen(self.url + "/count", timeout=5).read().decode()
        except OSError:
            return 0
        self.asked = getattr(self, "asked", 0) + 1
        return int(re.search(r"^ \d+ \d+ (\d+)", text, re.M)[1]) - self.asked + 1


class Gavea:
    name = "gavea, http"

    def __init__(self, build, folder, server, pace):
        self.folder = Path(folder, f"gavea-{pace}")
        (self.folder / "conf/conf.d").mkdir(parents=True)
        (self.folder / "conf/gavea.conf").write_text('agent: { name = "bench"; };\n')
        checks = ",\n".join(f'{{ name = "c{i}"; url = "{server.url}/health"; expect = [ "status == 200" ]; }}'
                            for i in range(pace))
        (self.folder / "conf/conf.d/http.conf").write_text(f'http: {{ every = "1s"; checks = (\n{checks}\n); }};\n')
        for name in ("gavead", "gavea-worker", "plugins/http.so"):
            if not Path(build, name).exists():
                raise Missing(f"{name} is not built")
        self.process = measure.start(
            [f"{build}/gavead", "--config", str(self.folder / "conf"), "--state", str(self.folder / "state"), "--run",
             str(self.folder / "run"), "--plugins", f"{build}/plugins", "--worker", f"{build}/gavea-worker"],
            self.folder / "log")

    def stop(self):
        measure.stop(self.process)


def ask(port, target, pace, number):
    """One client that keeps its connection: asks for probes, evenly."""
    request = f"GET /probe?module=http_2xx&target={target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        due = time.monotonic() + number / pace
        while True:
            time.sleep(max(0, due - time.monotonic()))
            due += AT_A_TIME / pace
            connection.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
                body += connection.recv(65536)


class Blackbox:
    name = "blackbox_exporter"

    def __init__(self, _build, folder, server, pace):
        executable, port = program("prometheus-blackbox-exporter"), measure.free_port()
        config = Path(folder, f"blackbox-{pace}.yml")
        config.write_text("modules:\n  http_2xx:\n    prober: http\n    http:\n      preferred_ip_protocol: ip4\n")
        self.process = measure.start([executable, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
                                      "--log.level=error"], Path(folder, "blackbox.log"))
        self.askers = []

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        if not measure.wait_for(listens, 20, self.process, 0.05):
            self.stop()
            raise Missing("blackbox_exporter did not start")
        for number in range(AT_A_TIME):
            self.askers.append(multiprocessing.Process(target=ask, args=(port, server.url + "/health", pace, number),
                                                       daemon=True))
            self.askers[-1].start()

    def stop(self):
        for asker in self.askers:
            asker.kill()
            asker.join()
        measure.stop(self.process)


def measure_one(kind, build, folder, server, pace, seconds):
    subject = kind(build, folder, server, pace)
    try:
        time.sleep(3)
        cpu, count, begin = sum(measure.cpu_ns(subject.process.pid).values()), server.count(), time.monotonic()
        time.sleep(seconds)
        cpu = sum(measure.cpu_ns(subject.process.pid).values()) - cpu
        count, elapsed = server.count() - count, time.monotonic() - begin
        if count <= 0:
            raise Missing(f"{kind.name} asked nothing")
        return {"name": f"{kind.name}, {'flat out' if pace == FLAT_OUT else f'{pace}/s'}", "rate": count / elapsed,
                "cpu": cpu / 1e6 / count, "pss": sum(measure.pss_kib(subject.process.pid).values())}
    finally:
        subject.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()
    seconds = max(3, args.cycles // 3)

    print("== HTTP checks side by side ==\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as folder:
        rows, server = [], None
        try:
            server = Server(folder)
            for pace in (PACE, FLAT_OUT):
                for kind in (Gavea, Blackbox):
                    try:
                        rows.append(measure_one(kind, args.build, folder, server, pace, seconds))
                    except Missing as reason:
                        print(f"left out: {reason}")
        except Missing as reason:
            print(f"left out: {reason}")
        finally:
            if server:
                measure.stop(server.process)
    if rows:
        print(measure.table(rows, [("", "name", "{}"), ("checks/s", "rate", "{:.0f}"), ("CPU ms/check", "cpu", "{:.3f}"),
                                   ("PSS KiB", "pss", "{}")]))
        print(f"\n{AT_A_TIME} at a time, {seconds} s each, HTTP without TLS. The exporter's figures are without whoever asks it;"
              "\nthe agent's are with its schedule, its spool and its 11 samples of each check.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
