# SPDX-License-Identifier: Apache-2.0
"""A gavea-fleetd for the tests of its pages, with agents that do what they are told.

usage: server.py FOLDER [LINE OF ITS CONFIGURATION…]

Reads a JSON object a line from standard input, does it, and answers with one on standard output; the first answer
comes unasked: {"port": …}. What can be told:

{"report": NUMBER, "name": …, "labels": {…}, "within_ms": …, "history": MINUTES, "checks": {NAME: {"state": …,
 "summary": …, "status": …, "attempt": …, "flapping": …, "since_s": …, "every_ms": …,
 "items": [[NAME, STATE, SUMMARY, {…}], …]}}, "events": [[KIND, CHECK, STATE, SUMMARY], …]}
{"stop": true}, {"start": true}: the server; it keeps its port
"""
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.support import fleetd  # noqa: E402

SERIES = (
    ("node_load1", {}, "GAUGE", lambda i, n: 1.5 + n % 3 + math.sin(i / 17 + n) + 0.3 * math.sin(i * 1.7)),
    ("node_cpu_seconds_total", {"cpu": "0", "mode": "idle"}, "COUNTER",
     lambda i, n: 15 * i * 0.62 + 40 * math.sin(i / 11 + n)),
    ("node_memory_MemAvailable_bytes", {}, "GAUGE", lambda i, n: 3e9 + 4e8 * math.sin(i / 40 + n)),
    ("node_memory_MemTotal_bytes", {}, "GAUGE", lambda i, n: 8e9),
    ("node_filesystem_avail_bytes", {"mountpoint": "/"}, "GAUGE", lambda i, n: 2e10 - 2e7 * i),
    ("node_filesystem_size_bytes", {"mountpoint": "/"}, "GAUGE", lambda i, n: 5e10),
    ("node_network_receive_bytes_total", {"device": "eth0"}, "COUNTER",
     lambda i, n: 15 * 9e5 * i + 2e6 * math.sin(i / 7 + n)),
    ("node_network_transmit_bytes_total", {"device": "eth0"}, "COUNTER",
     lambda i, n: 15 * 2e5 * i + 9e5 * math.sin(i / 5 + n)),
)


class Host:
    """An agent whose checks are numbered as they come up."""

    def __init__(self, pb, number):
        self.pb, self.number = pb, number
        self.agent = fleetd.Agent(pb, number)
        self.agent.declared = True
        self.checks = {}
        self.has_series = False

    def status(self, name):
        return getattr(self.pb, name.upper())

    def declare(self, report, name, told):
        check = self.agent.add(report.records).check
        self.checks[name] = check.number = len(self.checks) + 1
        check.name, check.every_ms, check.timeout_ms = name, told.get("every_ms", 60000), 10000

    def result(self, report, name, told):
        if name not in self.checks:
            self.declare(report, name, told)
        if "state" not in told:
            return
        record = self.agent.add(report.records)
        result = record.result
        result.check, result.summary = self.checks[name], told.get("summary", "")
        result.state = self.status(told["state"])
        result.status = self.status(told.get("status", told["state"]))
        result.attempt, result.flapping = told.get("attempt", 0), told.get("flapping", False)
        result.started_at_ms, result.duration_us = record.time_ms - 4000, told.get("duration_us", 12400)
        result.state_since_ms = record.time_ms - int(told.get("since_s", 1) * 1000)
        for item_name, state, summary, attributes in told.get("items", []):
            item = result.items.add(name=item_name, status=self.status(state), summary=summary)
            item.attributes.update(attributes)

    def history(self, report, minutes):
        if not self.has_series:
            self.has_series = True
            for number, (name, labels, kind, _) in enumerate(SERIES, 1):
                series = self.agent.add(report.records).series
                series.number, series.name, series.type = number, name, getattr(self.pb, kind)
                series.labels.update(labels)
        now, count = self.agent.now_ms(), minutes * 4
        for i in range(count):
            if 100 < i < 112 and self.number % 4 == 1:
                continue  # an outage
            record = self.agent.add(report.records)
            record.time_ms = now - (count - 1 - i) * 15000
            record.samples.series.extend([1] * len(SERIES))
            record.samples.values.extend([make(i, self.number) for _, _, _, make in SERIES])

    def report(self, told):
        self.agent.name = told.get("name", self.agent.name)
        self.agent.within_ms = told.get("within_ms", 60000)
        report = self.agent.report()
        report.agent.labels.clear()
        report.agent.labels.update(told.get("labels", {"role": "app"}))
        for name, check in told.get("checks", {}).items():
            self.result(report, name, check)
        if "history" in told:
            self.history(report, told["history"])
        for kind, check, state, summary in told.get("events", []):
            event = self.agent.add(report.records).event
            event.kind, event.status, event.summary = kind, self.status(state), summary
            event.check = self.checks.get(check, 0)
        return report


def obey(told, fleet, pb, hosts):
    if "report" in told:
        host = hosts.setdefault(told["report"], Host(pb, told["report"]))
        host.agent.send(fleet, host.report(told))
        return {"id": host.agent.agent_id}
    if told.get("stop"):
        fleet.stop()
    elif told.get("start"):
        fleet.arguments = ["--listen", f"127.0.0.1:{fleet.port}"]
        fleet.start()
    return {}


def main():
    folder = pathlib.Path(sys.argv[1])
    pb = fleetd.report_pb2(folder / "proto")
    fleet = fleetd.Fleet(folder, sys.argv[2:]).start()
    hosts = {}
    try:
        print(json.dumps({"port": fleet.port}), flush=True)
        for line in sys.stdin:
            print(json.dumps(obey(json.loads(line), fleet, pb, hosts)), flush=True)
    finally:
        fleet.stop()


if __name__ == "__main__":
    main()
