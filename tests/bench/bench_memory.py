#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent takes of memory with every check plugin loaded and at work, beside the exporters that it stands in for.

Each worker has run its check and waits for the next run, as it does most of the time at an interval of a minute; none is
let go. PSS counts a page that N processes share as 1/N each."""

import argparse
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure

SETTLED = 8  # seconds, for the first runs
TARGET = 10 * 1024  # KiB
RIVALS = [("node_exporter", ["prometheus-node-exporter", "--web.listen-address=127.0.0.1:0"]),
          ("blackbox_exporter", ["prometheus-blackbox-exporter", "--web.listen-address=127.0.0.1:0",
                                 "--config.file=/etc/prometheus/blackbox.yml"])]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def configure(folder, url):
    """A check of every plugin, each with something real to look at."""
    certificate = folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=bench", "-days", "90", "-keyout", folder / "key.pem", "-out", certificate],
                   check=True, capture_output=True)
    texts = {
        "host": "",
        "systemd": "",
        "cert": f'file = "{certificate}";',
        "dns": 'query = "www.example.com"; server = "127.0.0.1:9"; tries = 1; query_timeout = "100ms";',
        "http": f'url = "{url}";',
        "exec": 'command = [ "/bin/true" ];',
    }
    (folder / "etc/conf.d").mkdir(parents=True)
    (folder / "etc/gavea.conf").write_text('agent: { worker_idle = "1h"; };')
    for name, text in texts.items():
        (folder / f"etc/conf.d/{name}.conf").write_text(f'{name}: {{ every = "1min"; checks = ( {{ name = "a"; {text} }} ); }};\n')
    return list(texts)


def names(pid):
    """{pid: what it is} of the agent's tree"""
    found = {}
    for process in measure.tree(pid):
        try:
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found[process] = " ".join(Path(w.decode()).name for w in words[:2] if w and not w.startswith(b"-"))
    return found


def agent(build, folder, url):
    plugins = configure(folder, url)
    process = measure.start([str(build / "gavead"), "--config", str(folder / "etc"), "--state", str(folder / "state"), "--run",
                             str(folder / "run")], folder / "log")
    try:
        time.sleep(SETTLED)
        rows = sorted((name, measure.process_pss_kib(pid)) for pid, name in names(process.pid).items())
    finally:
        measure.stop(process)
    missing = [p for p in plugins if not any(name.endswith(f" {p}") for name, _ in rows)]
    if missing:
        sys.exit(f"not running: {', '.join(missing)}\n{(folder / 'log').read_text()}")
    return rows


def rival(command, folder):
    if not shutil.which(command[0]):
        return None
    process = measure.start(command, folder / "rival.log")
    try:
        time.sleep(2)
        return measure.process_pss_kib(process.pid)
    finally:
        measure.stop(process)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--build", default="build/release")
    args = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as name:
        rows = agent(Path(args.build).resolve(), Path(name), f"http://127.0.0.1:{server.server_port}/")
        total = sum(kib for _, kib in rows)
        print(f"{'memory with every check plugin at work':42} PSS KiB  ratio")
        for what, kib in rows:
            print(f"  {what:40} {kib:7} {kib / total:6.2f}")
        print(f"{'gavea, all of it':42} {total:7} {1:6.2f}   (target {TARGET})")
        for what, command in RIVALS:
            kib = rival(command, Path(name))
            print(f"{what:42} {kib:7} {kib / total:6.2f}" if kib else f"{what:42} not installed")


if __name__ == "__main__":
    main()
