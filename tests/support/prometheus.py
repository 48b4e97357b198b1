# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus on a free port of the loopback, with a configuration of the test's."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, headers=None, timeout=30):
    """(status, headers, body) of a request, without any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


class Prometheus:
    """prometheus = Prometheus(folder, yaml); prometheus.query("up") once it is ready."""

    def __init__(self, folder, config):
        program = shutil.which("prometheus")
        assert program, "prometheus is not installed (tools/install-deps)"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(config)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(folder, "prometheus.log")
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(os.environ, NO_PROXY="*", GOMAXPROCS="1"))
        self.pid = self.process.pid

    def ready(self, patience=60):
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if get(self.url + "/-/ready")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.stop()
        raise AssertionError("prometheus did not start: " + self.log.read_text(errors="replace")[-2000:])

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        status, _, body = get(f"{self.url}/api/v1/{path}?{query}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expression):
        """{labels as a frozenset of pairs: value} of an instant query."""
        result = self.ask("query", query=expression)["result"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in result}

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
