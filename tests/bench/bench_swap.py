#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How soon a swap sees that a release is bad, behind a real HAProxy with real clients, and what its looks cost.

    bench_swap.py [--build DIRECTORY] [--rates 100,20] [--every 1s] [--cycles N]

The time runs from the first request that the faulty release got to the beginning of the rollback; where no client ever
gets to it, from its start. N: how many seconds the cost is measured."""

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
SHARE = 20  # percent that the first step gives to the release
THREADS = 20  # of clients
PATIENCE = 300
LIMIT = 200 << 20  # bytes that a copy that leaks may have
GATES = ["error_rate < 1%", "p95 < 100ms"]
# name, what the release does, what is done to it, which rates
CASES = [
    ("will not start", {"refuse_start": True}, None, 1),
    ("dies 3 s after its start", {"die_after": 3}, None, 1),
    ("30 % errors", {"errors": 0.3}, None, 2),
    ("5 % errors", {"errors": 0.05}, None, 2),
    ("slow p95: 30 % take 0.3 s", {"slow": 0.3, "slow_for": 0.3}, None, 2),
    ("cuts 30 %: only HAProxy sees it", {"hang": 0.3}, None, 2),
    ("killed while it serves", {}, "kill", 2),
    ("leaks 2 MiB a request of 200", {"leak": 2}, "limit", 2),
]


def unix_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def events_of(site, kind):
    lines = site.agent.cli("events", "--json").stdout.splitlines()
    return [event for event in map(json.loads, filter(None, lines)) if event["kind"] == kind]


def starts_of_green(site):
    """When the release's copy was started, as the swap says: with its state STARTED."""
    return next(unix_of(event["time"]) for event in events_of(site, "swap-step") if event["attributes"]["state"] == "STARTED")


def reason_of(event):
    text = event["summary"].partition(": going back to blue from ")[2]
    return text.partition(": ")[2].partition(" (")[0].partition(": after ")[0]


def one_case(swap_site, folder, name, behaviour, deed, arguments, rate):
    site = swap_site.Site(folder, clients=0, every=arguments.every, strategy="canary",
                          steps=[f"{SHARE}% 1h", "100% 1h"], gates=GATES, deadman="0s", start_timeout="1min")
    try:
        clients = site.shop.clients = swap_site.Clients(site.shop.front, THREADS, pause=THREADS / rate)
        began = time.monotonic()
        site.shop.supervisor.memory = LIMIT if deed == "limit" else None
        site.swap("v2", **behaviour)
        from_when = None
        if deed == "kill":
            site.wait_for("HOLD 1")
            if not measure.wait_for(lambda: clients.seen("v2"), PATIENCE):
                raise AssertionError("no client got to the release")
            from_when = time.time()
            site.shop.supervisor.kill("green")
        back = measure.wait_for(lambda: events_of(site, "swap-rolling-back"), PATIENCE, pause=0.25)
        rate = sum(clients.answers.values()) / (time.monotonic() - began)
        if not back:
            return {"name": name, "rate": rate, "why": "not seen"}
        to = unix_of(back[0]["time"])
        if from_when is None:
            from_when = clients.first.get("v2") or starts_of_green(site)
        served = sum(count for (_, version, _), count in clients.answers.items() if version == "v2")
        return {"name": name, "rate": rate, "served": served, "failed": len(clients.failures), "seconds": to - from_when,
                "why": reason_of(back[0])}
    finally:
        site.close()


def worker_of(site):
    return next(pid for pid in measure.tree(site.agent.pid) if measure.process_name(pid) == "gavea-worker swap")


def worker_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def ticks_cost(site, name, cycles, rate):
    """The worker's own user and system time for each look, the count of requests included."""
    pid = worker_of(site)
    time.sleep(2)
    before, exact = worker_seconds(pid), measure.process_cpu_ns(pid)
    began = time.monotonic()
    time.sleep(cycles)
    elapsed = time.monotonic() - began
    return {"name": name, "rate": rate, "ticks": elapsed, "ticked": (worker_seconds(pid) - before) / elapsed * 1e3,
            "exact": (measure.process_cpu_ns(pid) - exact) / elapsed / 1e6}


def costs(swap_site, folder, cycles, rate):
    site = swap_site.Site(folder, clients=0, every="1s", strategy="canary", steps=["50% 1h", "100% 1h"], gates=GATES,
                          deadman="2min")
    try:
        rows = [ticks_cost(site, "at rest, no clients", cycles, 0)]
        site.shop.clients = swap_site.Clients(site.shop.front, THREADS, pause=THREADS / rate)
        rows.append(ticks_cost(site, "at rest", cycles, rate))
        site.swap("v2")
        site.wait_for("HOLD 1")
        rows.append(ticks_cost(site, "in a hold", cycles, rate))
        return rows
    finally:
        site.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--rates", default="100,20", help="requests a second of all clients")
    parser.add_argument("--every", default="1s", help="how often the swap looks")
    arguments = parser.parse_args()
    os.environ["GAVEA_BUILD"] = arguments.build
    sys.path.insert(0, str(ROOT / "tests/support"))
    import swap_site
    print("== How soon a bad release is seen ==\n", flush=True)
    if swap_site.needs_haproxy.args[0]:
        print("haproxy is not installed")
        return 0
    rates = [int(rate) for rate in arguments.rates.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folders = (Path(temporary, str(number)) for number in range(1000))
        rows = [one_case(swap_site, next(folders), name, behaviour, deed, arguments, rate)
                for name, behaviour, deed, count in CASES for rate in rates[:count]]
        ticks = costs(swap_site, next(folders), arguments.cycles, rates[0])
    print(measure.table(rows, [
        ("release", "name", "{}"), ("requests/s", "rate", "{:.0f}"), ("it served", "served", "{}"), ("failed", "failed", "{}"),
        ("s until rollback", "seconds", "{:.1f}"), ("why", "why", "{}")]))
    print(f"\n{SHARE} % of the requests go to the release; gates {', '.join(GATES)}; a look each {arguments.every}. From the first request to "
          "the\nrelease; \"killed\" from its kill; where no client gets to it from its start.\n")
    print("== What its looks cost ==\n")
    print(measure.table(ticks, [
        ("swap", "name", "{}"), ("requests/s", "rate", "{}"), ("looks", "ticks", "{:.0f}"), ("utime+stime, ms a look", "ticked", "{:.2f}"),
        ("by the scheduler, ms", "exact", "{:.2f}")]))
    print("\nOf gavea-worker swap alone, with what counts the requests and starts the programs of `service = \"exec\"`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
