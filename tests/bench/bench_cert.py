#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The cert plugin beside Debian's blackbox_exporter: the same TLS ports of loopback, each certificate verified."""

import argparse
import http.client
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from authority import Authority  # noqa: E402  pylint: disable=wrong-import-position

PORTS = 200
SCRAPERS = 64  # requests to the exporter at the same time, as many as gavea has connections
MODULE = """
modules:
  tls:
    prober: tcp
    timeout: 30s
    tcp: {{ tls: true, tls_config: {{ ca_file: {ca}, server_name: www.test }} }}
"""


class Missing(Exception):
    """What is to be measured isn't there."""


def gavea(build, ports, ca, folder):
    """One run over all ports: seconds, and CPU seconds of the worker, the command line and all else that it needs."""
    program = Path(build, "gavea")
    if not program.exists():
        raise Missing("gavea is not built")
    endpoints = ",".join(f"127.0.0.1:{port}" for port in ports)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with open(Path(folder, "out"), "wb") as out:
        subprocess.run([str(program), "run", "cert", "--json", f"endpoints={endpoints}", "server_name=www.test", f"ca={ca}",
                        "timeout=1min"], stdout=out, check=False)
    elapsed, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(Path(folder, "out").read_text())
    good = sum(item["status"] == "ok" for item in result["items"])
    if good != len(ports):
        raise SystemExit(f"gavea saw {good} of {len(ports)} certificates: {result['summary']}")
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Blackbox:
    def __init__(self, ca, folder):
        program = shutil.which("prometheus-blackbox-exporter")
        if not program:
            raise Missing("prometheus-blackbox-exporter is not installed")
        config = Path(folder, "blackbox.yml")
        config.write_text(MODULE.format(ca=ca))
        self.port = measure.free_port()
        self.process = measure.start([program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{self.port}"],
                                     Path(folder, "blackbox.log"))
        if not measure.wait_for(lambda: self.probe(1) is not None, 20, self.process):
            raise Missing("prometheus-blackbox-exporter did not start")

    def probe(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", f"/probe?module=tls&target=127.0.0.1:{port}")
            return b"\nprobe_success 1" in connection.getresponse().read()
        except OSError:
            return None
        finally:
            connection.close()

    def round(self, ports):
        before, begin = measure.process_cpu_ns(self.process.pid), time.monotonic()
        with ThreadPoolExecutor(SCRAPERS) as pool:
            good = sum(pool.map(self.probe, ports))
        elapsed, cpu = time.monotonic() - begin, (measure.process_cpu_ns(self.process.pid) - before) / 1e9
        if good != len(ports):
            raise SystemExit(f"blackbox_exporter saw {good} of {len(ports)} certificates")
        return elapsed, cpu


def rounds(name, once, seconds):
    """Repeats it for so long; a row of the table."""
    once()
    count, elapsed, cpu, end = 0, 0.0, 0.0, time.monotonic() + seconds
    while time.monotonic() < end or count < 3:
        spent, used = once()
        count, elapsed, cpu = count + 1, elapsed + spent, cpu + used
    checks = count * PORTS
    return {"name": name, "rate": checks / elapsed, "cpu": 1000 * cpu / checks, "rounds": count}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=30, help="seconds that are measured, for both together")
    parser.add_argument("--build", default="build/release", help="where the programs are")
    args = parser.parse_args()
    server_program = Path(args.build, "bench/tls_ports")
    if not server_program.exists():
        print("left out: cert: bench/tls_ports is not built")
        return
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as folder:
        os.chmod(folder, 0o755)
        authority = Authority(Path(folder, "ca"))
        middle = authority.issue("Test CA", None, issuer=authority.root, ca=True, end=1000)
        leaf = authority.issue("www.test", issuer=middle)
        ca, rows = authority.root.certificate, []
        server = subprocess.Popen([str(server_program), str(leaf.chain), str(leaf.key), str(PORTS)],
                                  stdout=subprocess.PIPE, text=True)
        blackbox = None
        try:
            ports = [int(port) for port in server.stdout.readline().split()]
            try:
                rows.append(rounds("gavea run cert", lambda: gavea(args.build, ports, ca, folder), args.cycles / 2))
                start = min(gavea(args.build, ports[:1], ca, folder)[1] for _ in range(5))
                rows.append({"name": "  less its start", "cpu": rows[-1]["cpu"] - 1000 * start / PORTS})
            except Missing as missing:
                print(f"left out: {missing}")
            try:
                blackbox = Blackbox(ca, folder)
                rows.append(rounds("blackbox_exporter", lambda: blackbox.round(ports), args.cycles / 2))
            except Missing as missing:
                print(f"left out: {missing}")
        finally:
            measure.stop(server)
            if blackbox:
                measure.stop(blackbox.process)
    print(measure.table(rows, [(f"{PORTS} TLS ports", "name", "{}"), ("checks/s", "rate", "{:.0f}"),
                               ("CPU ms/check", "cpu", "{:.3f}"), ("rounds", "rounds", "{}")]))
    print("\nThe CPU of gavea is that of the whole one-shot: command line, describing worker, worker; less its start: without\n"
          "what a run with one port takes, as in the daemon. The exporter's leaves out whoever asks it. Rates include the\n"
          "server, which shares the processors.")


if __name__ == "__main__":
    main()
