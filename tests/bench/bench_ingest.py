#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many reports a second a fresh gavea-fleetd acknowledges, durably, and what one costs it.

bench_ingest.py [--build DIRECTORY] [--folder DIRECTORY] [--reports N] [--connections N] [--json]; the folder should lie
on a real disk.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def measure(fleetd, folder, arguments, tls):
    folder = pathlib.Path(folder)
    settings = []
    extra = []
    context = None
    if tls:
        context = fleetd.tls_context(folder)
        settings = [f'certificate = "{folder}/cert.pem";', f'key = "{folder}/key.pem";']
        extra = [str(folder / "cert.pem")]
    server = fleetd.Fleet(folder, settings, context=context).start()
    try:
        done = subprocess.run([fleetd.BUILD / "bench" / "ingest", str(server.popen.pid), "127.0.0.1", str(server.port),
                               str(arguments.connections), str(arguments.reports), *extra],
                              stdout=subprocess.PIPE, check=True)
        figures = json.loads(done.stdout)
        stored = server.metric('gavea_fleet_reports_total{outcome="accepted"}')
        assert stored == figures["reports"], f"{stored} reports stored, {figures['reports']} acknowledged"
        figures["reports_per_commit"] = round(stored / server.metric("gavea_fleet_commit_seconds_count"), 1)
        return figures
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build" / "release"))
    parser.add_argument("--cycles", help="ignored: reports are counted, not seconds")
    parser.add_argument("--folder", help="where the state goes (default: the build)")
    parser.add_argument("--reports", type=int, default=40000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ["GAVEA_BUILD"] = arguments.build
    from tests.support import fleetd
    for program in (fleetd.PROGRAM, fleetd.BUILD / "bench" / "ingest"):
        if not program.exists():
            print(f"ingest: {program} is not built")
            return
    rows = {}
    for name, tls in (("plain", False), ("TLS", True)):
        with tempfile.TemporaryDirectory(dir=arguments.folder or fleetd.BUILD / "bench") as folder:
            rows[name] = measure(fleetd, folder, arguments, tls)
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"ingest: reports of 20 results, {arguments.connections} kept connections, synced before the answer")
    print(f"{'':8}{'reports/s':>12}{'CPU us each':>14}{'p50 ms':>10}{'p99 ms':>10}{'a commit':>10}")
    for name, row in rows.items():
        print(f"{name:8}{row['reports_per_s']:>12.0f}{row['server_cpu_us_per_report']:>14.1f}{row['p50_ms']:>10.2f}"
              f"{row['p99_ms']:>10.2f}{row['reports_per_commit']:>10.1f}")


if __name__ == "__main__":
    main()
