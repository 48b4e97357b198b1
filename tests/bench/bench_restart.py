#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a gavea-fleetd that was killed takes until it serves again, with a large database.

bench_restart.py [--build DIRECTORY] [--folder DIRECTORY] [--bytes N] [--hosts N] [--series N] [--starts N] [--json]

The database is filled by the server itself: hosts with their series, reports until no more of the log is kept without
snapshots, and events up to the size. Kept in --folder, it is used again. The time runs from exec to the first 200 of
/healthz; each start follows a kill -9.
"""
import argparse
import json
import os
import pathlib
import random
import sqlite3
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
CHECKS = 20
CYCLES = 4  # in a report


def declare(pb, report, series):
    for number in range(1, CHECKS + 1):
        check = report.records.add(seq=len(report.records) + 1, time_ms=1).check
        check.number, check.name, check.every_ms, check.timeout_ms = number, f"host/check-{number:02}", 15000, 10000
    for number in range(1, series + 1):
        one = report.records.add(seq=len(report.records) + 1, time_ms=1).series
        one.number, one.name, one.type, one.check = number, f"node_metric_{number // 8}_total", pb.COUNTER, number % CHECKS + 1
        one.labels["device"] = f"dev{number % 8}"
        one.labels["mode"] = "rw"


def cycle(pb, report, series, seq, chance):
    now = int(time.time() * 1000)
    for number in range(1, CHECKS + 1):
        seq += 1
        result = report.records.add(seq=seq, time_ms=now).result
        result.check, result.status, result.state, result.summary = number, pb.OK, pb.OK, f"{chance.random()} of the limit"
        result.items.add(name="/var/lib", status=pb.OK, summary=f"{chance.random()} left")
    seq += 1
    samples = report.records.add(seq=seq, time_ms=now).samples
    samples.series.extend([1] * series)
    samples.values.extend(chance.random() * 1e6 for _ in range(series))
    return seq


def reports_of(fleetd, pb, hosts, series):
    """A function that makes the report of a host and a round. Rounds share their records: only the heads differ."""
    chance = random.Random(1)
    tails = {}

    def report(host, number):
        if number not in tails:
            tails.clear()
            part = pb.Report()
            seq = CHECKS + series + number * (CHECKS + 1) * CYCLES
            if number == 0:
                declare(pb, part, series)
            for _ in range(CYCLES):
                seq = cycle(pb, part, series, seq, chance)
            tails[number] = part.SerializeToString()
        agent = fleetd.Agent(pb, host + 1)
        head = agent.report()
        return head.SerializeToString() + tails[number]
    return report


def fill(fleetd, pb, folder, arguments):
    """A folder with the state of a server that was killed when it had so many bytes."""
    import zstandard
    server = fleetd.Fleet(folder, ['snapshot_every = "1h";', "agent_reports = 0;", 'agent_bytes = "0B";',
                                   "max_events = 100000000;"]).start()
    make, packer = reports_of(fleetd, pb, arguments.hosts, arguments.series), zstandard.ZstdCompressor(level=1)
    connection = server.connect()
    sent, number = 0, 0
    while sent < min(arguments.bytes, arguments.log):
        for host in range(arguments.hosts):
            body = packer.compress(make(host, number))
            connection.request("POST", "/v1/report", body, {"Content-Type": "application/x-protobuf",
                                                            "Content-Encoding": "zstd"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
            sent += len(body)
        number += 1
    server.kill()
    path = server.state / "fleet.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        row = ("deploy", "", 0, "x" * 150, '{"release":"1.2.3"}')
        while path.stat().st_size < arguments.bytes:
            now = int(time.time() * 1000)
            db.executemany("INSERT INTO event(agent_id, host, received, time, kind, check_name, status, summary, attributes) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           ((f"{n % arguments.hosts + 1:032x}", f"host-{n % arguments.hosts:03}", now, now, *row)
                            for n in range(100000)))
            db.commit()
    db.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build" / "release"))
    parser.add_argument("--cycles", help="ignored")
    parser.add_argument("--folder", help="where the state goes (default: the build)")
    parser.add_argument("--bytes", type=int, default=1 << 30)
    parser.add_argument("--log", type=int, default=300 << 20, help="bytes of reports, at most")
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ["GAVEA_BUILD"] = arguments.build
    from tests.support import fleetd
    if not fleetd.PROGRAM.exists():
        print(f"restart: {fleetd.PROGRAM} is not built")
        return
    with tempfile.TemporaryDirectory(dir=fleetd.BUILD) as temporary:
        folder = pathlib.Path(arguments.folder or temporary)
        pb = fleetd.report_pb2(pathlib.Path(temporary))
        if not (folder / "state/fleet.db").exists():
            fill(fleetd, pb, folder, arguments)
        server = fleetd.Fleet(folder, ['snapshot_every = "1h";', "max_events = 100000000;"])
        times = []
        for _ in range(arguments.starts):
            began = time.monotonic()
            server.start()
            assert server.request("GET", "/healthz")[0] == 200
            times.append(round(time.monotonic() - began, 2))
            server.kill()
        replayed = next(line for line in reversed(server.log.splitlines()) if "replayed" in line)
        row = {"mib": round(sum(f.stat().st_size for f in (folder / "state").iterdir()) / (1 << 20)), "seconds": times,
               "found": replayed.partition(">")[2]}
    if arguments.json:
        print(json.dumps(row))
    else:
        print(f"restart: {row['mib']} MiB of database, after kill -9: ready after {times} s ({row['found']})")


if __name__ == "__main__":
    main()
