# SPDX-License-Identifier: Apache-2.0
"""A gavea-fleetd that a test started, and agents that report to it."""
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import time

import zstandard

from tests.support import protos

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = protos.build()
PROGRAM = BUILD / "gavea-fleetd"
PATIENCE = 60 if "san" in BUILD.name else 20


def report_pb2(folder):
    """The wire contract as a Python module, generated into folder."""
    return protos.load(folder)[0]


def wait_until(what, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {patience} s in vain for {what}"
        time.sleep(0.02)


STARTED = []  # processes, until kill_started()


def kill_started():
    """Ends those that a test which failed left behind."""
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


class Fleet:
    """The server with its state in folder/state. settings are lines of its configuration file."""

    def __init__(self, folder, settings=(), arguments=(), state=None, context=None):
        self.folder, self.context = folder, context
        self.state = state or folder / "state"
        self.log_path = folder / "fleetd.log"
        self.config = folder / "fleet.conf"
        self.config.write_text("\n".join(settings) + "\n")
        self.arguments = list(arguments)
        self.listen = "127.0.0.1:0"  # None: as the configuration says
        self.popen = None
        self.port = None

    def spawn(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [PROGRAM, "--config", self.config, "--state", self.state, "--port-file", port_file,
                 *(["--listen", self.listen] if self.listen else []), *self.arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        STARTED.append(self.popen)
        return port_file

    def start(self):
        port_file = self.spawn()
        wait_until("gavea-fleetd to listen", lambda: port_file.exists() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.log
        self.port = int(port_file.read_text())
        return self

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        """Ends it politely and sees that it ended well."""
        if self.popen and self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            assert self.popen.wait(PATIENCE) == 0, self.log
        for bad in ("Sanitizer", "runtime error"):
            assert bad not in self.log, self.log

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def restart(self):
        self.stop()
        return self.start()

    def connect(self, timeout=PATIENCE):
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body)"""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, status=200, headers=None):
        """The JSON of an answer that must have this status."""
        actual, _, body = self.request("GET", path, headers=headers)
        assert actual == status, (path, actual, body)
        return json.loads(body)

    def metric(self, line):
        text = self.request("GET", "/metrics")[2].decode()
        return float(next(row for row in text.splitlines() if row.startswith(line + " ")).rsplit(" ", 1)[1])


class Agent:
    """Makes reports with rising seq, as the agent's output would."""

    def __init__(self, pb, number=1, name=None, spool="a", machine="m1"):
        self.pb = pb
        self.agent_id = f"{number:032x}"
        self.spool_id = (spool * 32)[:32]
        self.name = name or f"host-{number:03}"
        self.machine = machine
        self.stream = 1
        self.seq = 0
        self.within_ms = 60000
        self.declared = False

    def now_ms(self):
        return int(time.time() * 1000)

    def report(self):
        report = self.pb.Report(protocol=1, agent_id=self.agent_id, spool_id=self.spool_id, stream=self.stream,
                                sent_at_ms=self.now_ms(), next_within_ms=self.within_ms)
        report.agent.name = self.name
        report.agent.version = "1.0"
        report.agent.machine_id = self.machine
        report.agent.boot_id = "boot"
        report.agent.labels["role"] = "app"
        return report

    def add(self, records):
        self.seq += 1
        return records.add(seq=self.seq, time_ms=self.now_ms())

    def declare(self, records):
        for number, name in ((1, "host/cpu"), (2, "cert/www")):
            check = self.add(records).check
            check.number, check.name, check.every_ms, check.timeout_ms = number, name, 60000, 10000
        for number, name, kind, labels in (
                (1, "node_load1", self.pb.GAUGE, {}),
                (2, "node_cpu_seconds_total", self.pb.COUNTER, {"mode": "idle", "cpu": "0"}),
                (3, "latency_seconds", self.pb.HISTOGRAM, {"path": 'a"b\\c\nd'})):
            series = self.add(records).series
            series.number, series.name, series.type, series.check = number, name, kind, 1
            for key, value in labels.items():
                series.labels[key] = value

    def full(self, state=None, load=1.5, idle=10.0):
        """Declarations when needed, two results and a set of samples."""
        report = self.report()
        if not self.declared:
            self.declare(report.records)
            self.declared = True
        self.add_result(report, 1, self.pb.OK, "all is well")
        self.add_result(report, 2, state or self.pb.OK, "certificate of www", items=2)
        samples = self.add(report.records).samples
        samples.check = 1
        samples.series.extend([1, 1])
        samples.values.extend([load, idle])
        histogram = samples.histograms.add(series=3, sum=4.5, zero_count=1, first=3)
        histogram.buckets.extend([1, 2])
        return report

    def add_result(self, report, check, state, summary, items=0):
        record = self.add(report.records)
        result = record.result
        result.check, result.status, result.state, result.summary = check, state, state, summary
        result.started_at_ms, result.duration_us, result.state_since_ms = record.time_ms, 1500, record.time_ms - 1000
        for i in range(items):
            item = result.items.add(name=f"item-{i}", status=state, summary=f"item {i}")
            item.attributes["days"] = str(i)
        return record

    def send(self, fleet, report, status=200, token=None, raw=None, connection=None):
        """Posts a report (or raw bytes) and returns the ReportAck; its status must be this."""
        body = zstandard.compress(report.SerializeToString()) if raw is None else raw
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        own = connection is None
        connection = connection or fleet.connect()
        try:
            connection.request("POST", "/v1/report", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            if own:
                connection.close()
        assert answer.status == status, (answer.status, content)
        if answer.headers["Content-Type"] == "application/x-protobuf":
            return self.pb.ReportAck.FromString(content)
        return json.loads(content)


def tls_context(folder):
    """Makes folder/cert.pem and folder/key.pem, and returns a client's context that trusts them."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=fleet",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))
