#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The prometheus output beside Debian's node exporter: what a scrape costs with 500 and with 5,000 series, and what 500 series
every 10 s cost a day: in the spool, on the wire of each output, and as node exporter + Prometheus with remote_write."""

import argparse
import gzip
import http.client
import http.server
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure
import zstandard

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.support import prometheus, protos  # noqa: E402

DAY = 86400
INTERVAL = 10
LONG_CYCLES = 6
WARM_UP = 4
OWN = "node_scrape_"  # what the exporter says about itself; the agent has as much in its own name


class Missing(Exception):
    """What is to be measured isn't there."""


def scrape(port):
    """(bytes of the answer with its head, samples) of one scrape as Prometheus asks; (0, 0): no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics", headers={
            "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "Accept-Encoding": "gzip", "User-Agent": "Prometheus/2.42.0", "X-Prometheus-Scrape-Timeout-Seconds": "10"})
        answer = connection.getresponse()
        body = answer.read()
        head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders()) + 19
        return head + len(body), body
    except OSError:
        return 0, b""
    finally:
        connection.close()


def count_series(body, without=None):
    text = gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode()
    return sum(1 for line in text.splitlines() if line and line[0] != "#" and not (without and line.startswith(without)))


class Counter:
    """A server on loopback that takes whatever is posted and counts it, heads included."""

    def __init__(self, answer):
        self.bytes = self.requests = 0
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                counter.bytes += len(self.raw_requestline) + len(str(self.headers).replace("\n", "\r\n")) + len(body)
                counter.requests += 1
                status, content_type, content = answer(self.headers, body)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def fleet_counter(folder):
    report, _ = protos.load(folder / "protos")

    def answer(headers, body):
        raw = zstandard.decompress(body) if headers["Content-Encoding"] == "zstd" else body
        records = report.Report.FromString(raw).records
        acked = report.ReportAck(acked_seq=records[-1].seq if records else 0)
        return 200, "application/x-protobuf", acked.SerializeToString()
    return Counter(answer)


class Subject:
    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, folder, None
        folder.mkdir(parents=True)

    def run(self, command):
        self.process = measure.start(command, self.folder / "log")

    def wait(self, port):
        self.port = port
        if not measure.wait_for(lambda: len(scrape(port)[1]) > 2000, 20, self.process, 0.05):
            raise Missing(f"{self.name} does not answer: " + (self.folder / "log").read_text(errors="replace")[-300:])

    def stop(self):
        if self.process:
            measure.stop(self.process)


class Gavea(Subject):
    def __init__(self, folder, build, textfiles, interval, more=""):
        super().__init__("gavea, host + prometheus", folder)
        if not (build / "gavead").exists() or not (build / "plugins/prometheus.so").exists():
            raise Missing("the agent is not built")
        conf = folder / "conf"
        (conf / "conf.d").mkdir(parents=True)
        port = measure.free_port()
        (conf / "gavea.conf").write_text('agent: { name = "bench"; };\n')
        (conf / "conf.d/all.conf").write_text(
            f'host: {{ every = "{interval}s"; checks = ( {{ name = "main"; textfile_directory = "{textfiles}"; }} ); }};\n'
            f'prometheus: {{ every = "{interval}s"; checks = ( {{ name = "main"; listen = "127.0.0.1:{port}"; }} ); }};\n' + more)
        self.run([str(build / "gavead"), "--config", str(conf), "--state", str(folder / "state"), "--run", str(folder / "run"),
                  "--plugins", str(build / "plugins"), "--worker", str(build / "gavea-worker")])
        self.wait(port)

    def spool_bytes(self):
        return sum(path.stat().st_size for path in (self.folder / "state/spool").rglob("*") if path.is_file())


class Exporter(Subject):
    def __init__(self, folder, textfiles):
        super().__init__("node exporter", folder)
        program = shutil.which("prometheus-node-exporter")
        if not program:
            raise Missing("prometheus-node-exporter is not installed")
        port = measure.free_port()
        self.run([program, f"--web.listen-address=127.0.0.1:{port}", f"--collector.textfile.directory={textfiles}",
                  "--web.disable-exporter-metrics", "--log.level=error"])
        self.wait(port)


def make_textfiles(folder, count):
    """Series beside those of the host, so that there are about count."""
    folder.mkdir()
    (folder / "more.prom").write_text("# HELP bench_value x\n# TYPE bench_value gauge\n" + "".join(
        f'bench_value{{queue="orders-{i:05}",instance="app-{i % 7}"}} {i * 1.25}\n' for i in range(count)))
    return folder


def cpu_by_name(process):
    return {pid: (measure.process_name(pid), ns) for pid, ns in measure.cpu_ns(process.pid).items()}


def cpu_since(process, before):
    """{name: ns} of the tree since then."""
    spent = {}
    for pid, (name, ns) in cpu_by_name(process).items():
        spent[name] = spent.get(name, 0) + ns - before.get(pid, (name, 0))[1]
    return spent


def each_interval(subjects, cycles, interval):
    """Scrapes all at each interval; the bytes of the last answer of each."""
    sizes, next_time = {}, time.monotonic()
    for _ in range(cycles):
        next_time += interval
        time.sleep(max(0, next_time - time.monotonic()))
        for subject in subjects:
            sizes[subject] = scrape(subject.port)[0]
    return sizes


def scrapes(build, folder, cycles):
    rows = []
    for series in (500, 5000):
        here = folder / str(series)
        here.mkdir()
        subjects = []
        try:
            host = Exporter(here / "probe", make_textfiles(here / "none", 0))
            own = count_series(scrape(host.port)[1], OWN)
            host.stop()
            textfiles = make_textfiles(here / "textfiles", max(series - own, 0))
            subjects.append(Gavea(here / "gavea", build, textfiles, 1))
            subjects.append(Exporter(here / "exporter", textfiles))
            time.sleep(WARM_UP)
            before = [cpu_by_name(subject.process) for subject in subjects]
            sizes = each_interval(subjects, cycles, 1)
            for subject, old in zip(subjects, before):
                cpu = cpu_since(subject.process, old)
                rows.append({"name": subject.name, "series": count_series(scrape(subject.port)[1]),
                             "cpu": sum(cpu.values()) / cycles / 1e6, "pss": sum(measure.pss_kib(subject.process.pid).values()),
                             "bytes": sizes[subject],
                             "output": next((ns / cycles / 1e6 for name, ns in cpu.items() if name.endswith("prometheus")), None)})
                if subject.name.startswith("gavea"):
                    pss = {measure.process_name(pid): kib for pid, kib in measure.pss_kib(subject.process.pid).items()}
                    rows[-1]["note"] = ", ".join(f"{name} {ns / cycles / 1e6:.3f} ms, {pss.get(name, 0)} KiB" for name, ns in cpu.items())
        finally:
            for subject in subjects:
                subject.stop()
    print(measure.table(rows, [("a scrape a second", "name", "{}"), ("series", "series", "{}"), ("CPU ms/cycle", "cpu", "{:.3f}"),
                               ("of it the output", "output", "{:.3f}"), ("PSS KiB", "pss", "{}"), ("bytes, gzip", "bytes", "{}")]))
    for row in rows:
        if "note" in row:
            print(f"{row['series']} series: {row['note']}.")


def samples_sent(server):
    """What Prometheus says that it has sent."""
    text = prometheus.get(server.url + "/metrics")[2].decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("prometheus_remote_storage_samples_total"))


def a_day(build, folder):
    """500 series every 10 s."""
    folder.mkdir()
    counters, subjects, rows = [], [], []
    try:
        host = Exporter(folder / "probe", make_textfiles(folder / "none", 0))
        own = count_series(scrape(host.port)[1], OWN)
        host.stop()
        textfiles = make_textfiles(folder / "textfiles", max(500 - own, 0))
        fleet, remote = fleet_counter(folder), Counter(lambda *_: (204, "text/plain", b""))
        counters += [fleet, remote]
        gavea = Gavea(folder / "gavea", build, textfiles, INTERVAL,
                      f'fleet: {{ every = "{INTERVAL}s"; checks = ( {{ name = "main"; url = "http://127.0.0.1:{fleet.port}"; }} ); }};\n')
        subjects.append(gavea)
        exporter = Exporter(folder / "exporter", textfiles)
        subjects.append(exporter)
        if not shutil.which("prometheus"):
            raise Missing("prometheus is not installed")
        server = prometheus.Prometheus(folder / "prometheus", f"""
global: {{ scrape_interval: {INTERVAL}s, scrape_timeout: {INTERVAL}s }}
remote_write: [ {{ url: "http://127.0.0.1:{remote.port}/" }} ]
scrape_configs: [ {{ job_name: node, static_configs: [ {{ targets: [ "127.0.0.1:{exporter.port}" ] }} ] }} ]
""")
        subjects.append(server)
        server.ready()
        time.sleep(2 * INTERVAL + WARM_UP)  # declarations and metadata are out
        spool, sent, reports, written, samples = (gavea.spool_bytes(), fleet.bytes, fleet.requests, remote.bytes, samples_sent(server))
        cpu = [cpu_by_name(subject.process) for subject in subjects]
        sizes = each_interval([gavea], LONG_CYCLES, INTERVAL)
        ours = cpu_since(gavea.process, cpu[0])
        # How many cycles fell into that time: it may be one more or less.
        per_day = DAY / INTERVAL / (fleet.requests - reports)
        size = {"gavead": (gavea.spool_bytes() - spool) * per_day, "gavea-worker fleet": (fleet.bytes - sent) * per_day,
                "gavea-worker prometheus": sizes[gavea] * DAY / INTERVAL}
        for name, ns in ours.items():
            rows.append({"name": {"gavead": "gavead: bytes in the spool", "gavea-worker fleet": "output fleet: bytes on the wire",
                                  "gavea-worker prometheus": "output prometheus: bytes scraped"}.get(name, name),
                         "cpu": ns * per_day / 1e9, "bytes": size[name] / 1e6 if name in size else None})
        per_day = DAY / INTERVAL / ((samples_sent(server) - samples) / (list(server.query("scrape_samples_scraped").values())[0] + 5))
        rows.append({"name": "node exporter: bytes scraped", "bytes": scrape(exporter.port)[0] * DAY / INTERVAL / 1e6,
                     "cpu": sum(cpu_since(exporter.process, cpu[1]).values()) * per_day / 1e9})
        rows.append({"name": "Prometheus: remote_write", "bytes": (remote.bytes - written) * per_day / 1e6,
                     "cpu": sum(cpu_since(server.process, cpu[2]).values()) * per_day / 1e9})
        for row, subject in zip(rows[-2:], subjects[1:]):
            row["pss"] = sum(measure.pss_kib(subject.process.pid).values())
        rows[0]["pss"] = sum(measure.pss_kib(gavea.process.pid).values())
        print(measure.table(rows, [("500 series every 10 s, a day", "name", "{}"), ("MB", "bytes", "{:.2f}"),
                                   ("CPU s", "cpu", "{:.1f}"), ("PSS KiB of the tree", "pss", "{}")]))
        print(f"From {LONG_CYCLES} cycles; heads of HTTP counted, TCP and TLS not.")
    finally:
        for thing in subjects + counters:
            thing.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()

    print("== The prometheus output ==\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as folder:
        for what in (lambda: scrapes(Path(args.build), Path(folder), args.cycles),
                     lambda: a_day(Path(args.build), Path(folder, "day"))):
            try:
                what()
            except Missing as missing:
                print(f"left out: {missing}")
            print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
