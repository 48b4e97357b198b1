#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How a gavea-fleetd bears agents that all come back at once, each with an hour's backlog.

bench_storm.py [--build DIRECTORY] [--folder DIRECTORY] [--agents N] [--reports N] [--cycles N] [--setting LINE]... [--tls]
               [--json];
the folder should lie on a real disk. It also proves that every part of every backlog was stored exactly once.
"""
import argparse
import json
import os
import pathlib
import resource
import sqlite3
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


class Probe(threading.Thread):
    """Looks at a page and at /healthz meanwhile."""

    def __init__(self, server):
        super().__init__()
        self.server, self.over, self.waits = server, threading.Event(), []

    def run(self):
        while not self.over.wait(0.1):
            began = time.monotonic()
            for path in ("/healthz", "/"):
                status = self.server.request("GET", path)[0]
                assert status == 200, (path, status)
            self.waits.append(time.monotonic() - began)


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def measure(fleetd, storm, folder, arguments):
    folder = pathlib.Path(folder)
    pb = fleetd.report_pb2(folder)
    context, settings = None, arguments.setting
    if arguments.tls:
        context = fleetd.tls_context(folder)
        settings = [*settings, f'certificate = "{folder}/cert.pem";', f'key = "{folder}/key.pem";']
    server = fleetd.Fleet(folder, settings, context=context).start()
    backlog = storm.Backlog(pb, arguments.reports, arguments.cycles)
    probe = Probe(server)
    probe.start()
    try:
        done = storm.Storm(pb, backlog, arguments.agents, server.port, patience=1800, context=context).run()
        memory = memory_kib(server.popen.pid)
    finally:
        probe.over.set()
        probe.join()
        server.stop()
    with sqlite3.connect(f"file:{server.state}/fleet.db?mode=ro", uri=True) as db:
        events, distinct = db.execute("SELECT count(*), count(DISTINCT agent_id || summary) FROM event").fetchone()
    assert events == distinct == arguments.agents * arguments.reports, (events, distinct)
    finished = sorted(done.finished)
    return {"agents": arguments.agents, "reports": events, "records": events * arguments.cycles * storm.RESULTS,
            "seconds": round(done.seconds, 1), "half_after_s": round(finished[len(finished) // 2], 1),
            "statuses": {str(key): value for key, value in done.statuses.items()},
            "busiest_second": max(done.by_second.values()), "slowest_answer_s": round(done.worst, 2),
            "slowest_page_s": round(max(probe.waits, default=0), 2), "memory_mib": round(memory / 1024)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build" / "release"))
    parser.add_argument("--cycles", type=int, default=30, help="in a report: with 8 reports, 240 of them make an hour")
    parser.add_argument("--folder", help="where the state goes (default: the build)")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=8)
    parser.add_argument("--setting", action="append", default=[], help="a line of the server's configuration")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ["GAVEA_BUILD"] = arguments.build
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, arguments.agents + 200)), hard))
    from tests.support import fleetd, storm
    if not fleetd.PROGRAM.exists():
        print(f"storm: {fleetd.PROGRAM} is not built")
        return
    rows = {}
    for name, settings in (("defaults", []), ("narrow", ["queue = 64;", 'queue_memory = "16MiB";'])):
        arguments.setting = arguments.setting if arguments.setting else settings
        with tempfile.TemporaryDirectory(dir=arguments.folder or fleetd.BUILD) as folder:
            rows[name] = measure(fleetd, storm, folder, arguments)
        if arguments.setting != settings:
            break
        arguments.setting = []
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"storm: {arguments.agents} agents return at once with {arguments.reports} reports each, all stored once")
    for name, row in rows.items():
        print(f"{name:9} {row['seconds']} s (half of the agents after {row['half_after_s']} s), answers {row['statuses']}, busiest "
              f"second {row['busiest_second']}, slowest answer {row['slowest_answer_s']} s, slowest look at pages "
              f"{row['slowest_page_s']} s, server's peak {row['memory_mib']} MiB")


if __name__ == "__main__":
    main()
