#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent beside Debian's collectd and node_exporter: the same figures of the same host, once a second."""

import argparse
import http.client
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
WARM_UP = 5  # seconds before anything is counted
TRACED = 5  # seconds under strace
STARTS = 5  # of which the median time to the first sample is shown
COLLECTORS = ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure", "stat"]


class Missing(Exception):
    """What is to be measured isn't there."""


class Subject:
    """Something that is measured: it starts, says how long its first sample took, and stops."""

    name = "?"
    note = None  # a line below the table
    process = None

    def __init__(self, build, folder):
        self.build = Path(build)
        self.folder = Path(folder, type(self).__name__)
        self.folder.mkdir()
        self.log = self.folder / "log"

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise Missing(f"{name} is not built")
        return str(path)

    def prepare(self):
        """Finds and writes what is needed to start it. Raises Missing."""

    def tick(self):
        """Called once a second."""

    def first_sample(self):
        """Starts it; milliseconds until the first sample can be had, or None."""
        raise NotImplementedError

    def stop(self):
        if self.process:
            measure.stop(self.process)

    def done(self):
        """After the last stop."""


class Floor(Subject):
    name = "floor (reading alone)"

    def prepare(self):
        self.program("bench/floor")

    def first_sample(self):
        self.process = measure.start([self.program("bench/floor")], self.log)


class NodeExporter(Subject):
    name = "node_exporter, scraped"
    executable = "prometheus-node-exporter"
    collectors = ["--collector.disable-defaults"] + [f"--collector.{name}" for name in COLLECTORS]
    connection = None

    def prepare(self):
        if not shutil.which(self.executable):
            raise Missing(f"{self.executable} is not installed")

    def first_sample(self):
        port = measure.free_port()
        begin = time.monotonic()
        self.process = measure.start(
            [self.executable, f"--web.listen-address=127.0.0.1:{port}", "--web.disable-exporter-metrics"]
            + self.collectors, self.log)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        if not measure.wait_for(self.tick, 20, self.process):
            raise Missing("node_exporter did not start: " + self.log.read_text(errors="replace")[-300:])
        return 1000 * (time.monotonic() - begin)

    def tick(self):
        try:
            self.connection.request("GET", "/metrics")
            return self.connection.getresponse().read().count(b"\nnode_")
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0

    def stop(self):
        super().stop()
        if self.connection:
            self.connection.close()


class NodeExporterComplete(NodeExporter):
    """With the collectors that it has by default."""

    name = "node_exporter, default collectors"
    collectors = []


class Collectd(Subject):
    """As near to the same values as its plugins come."""

    name = "collectd, no writer"
    plugins = ["cpu", "memory", "load", "df", "disk", "interface", "contextswitch"]

    def config(self, folder, csv):
        """A configuration without a writer gives it the advantage; csv shows when the first values are there."""
        folder.mkdir()
        lines = ['Hostname "bench"', "FQDNLookup false", "Interval 1", f'BaseDir "{folder}"',
                 f'PIDFile "{folder}/pid"', 'PluginDir "/usr/lib/collectd"',
                 'TypesDB "/usr/share/collectd/types.db"', "LoadPlugin logfile",
                 f'<Plugin logfile>\nLogLevel err\nFile "{folder}/log"\n</Plugin>']
        lines += [f"LoadPlugin {name}" for name in self.plugins]
        lines += ["<Plugin cpu>\nReportByCpu true\nReportByState true\n</Plugin>",
                  '<Plugin df>\nMountPoint "/"\nReportInodes true\n</Plugin>',
                  '<Plugin interface>\nInterface "lo"\nIgnoreSelected true\n</Plugin>',
                  '<Plugin disk>\nDisk "/^loop/"\nIgnoreSelected true\n</Plugin>']
        if csv:
            lines += ["LoadPlugin csv", f'<Plugin csv>\nDataDir "{folder}/csv"\n</Plugin>']
        (folder / "conf").write_text("\n".join(lines) + "\n")

    def prepare(self):
        self.executable = shutil.which("collectd", path="/usr/sbin:/usr/bin")
        if not self.executable:
            raise Missing("collectd is not installed")
        self.plain, self.csv = self.folder / "plain", self.folder / "csv"
        self.config(self.plain, csv=False)
        self.config(self.csv, csv=True)

    def start(self, folder):
        return measure.start([self.executable, "-f", "-C", str(folder / "conf")], self.log)

    def first_sample(self):
        shutil.rmtree(self.csv / "csv", ignore_errors=True)
        begin = time.monotonic()
        process = self.start(self.csv)
        try:
            seen = measure.wait_for(lambda: any((self.csv / "csv").glob("bench/*/*")), 10, process)
            elapsed = 1000 * (time.monotonic() - begin)
        finally:
            measure.stop(process)
        if not seen:
            raise Missing("collectd wrote nothing: " + self.log.read_text(errors="replace")[-300:])
        self.process = self.start(self.plain)
        return elapsed


class CollectdProcesses(Collectd):
    """Forks and running processes it only has from its look at every process."""

    name = "collectd, with processes"
    plugins = Collectd.plugins + ["processes"]


def control_answers(path, request):
    """The packets with which the manager answers a request, without their end; none while it does not listen."""
    packets = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        try:
            s.connect(str(path))
            s.send(request)
            # Answer.end is field 1.
            while (packet := s.recv(1 << 20)) and packet[0] != 0x0A:
                packets.append(packet)
        except OSError:
            return []
    return packets


class Gavea(Subject):
    """The manager and its workers, with nothing to send to."""

    name = "gavea, host"

    def collectors(self):
        return "collectors = [ " + ", ".join(f'"{name}"' for name in COLLECTORS) + " ];"

    def outputs(self):
        return ""

    def prepare(self):
        gavead, worker = self.program("gavead"), self.program("gavea-worker")
        conf = self.folder / "conf"
        (conf / "conf.d").mkdir(parents=True)
        (conf / "gavea.conf").write_text('agent: { name = "bench"; };\n')
        (conf / "conf.d/host.conf").write_text(
            f'host: {{ every = "1s"; {self.collectors()} checks = ( {{ name = "main"; }} ); }};\n')
        outputs = self.outputs()
        if outputs:
            (conf / "conf.d/fleet.conf").write_text(outputs)
        self.run = self.folder / "run"
        self.command = [gavead, "--config", str(conf), "--state", str(self.folder / "state"), "--run", str(self.run),
                        "--plugins", str(self.build / "plugins"), "--worker", worker]

    def first_sample(self):
        begin = time.monotonic()
        self.process = measure.start(self.command, self.log)
        if not measure.wait_for(lambda: self.has_sample(self.run / "control.sock"), 20, self.process):
            raise Missing("gavead has no sample: " + self.log.read_text(errors="replace")[-300:])
        elapsed = 1000 * (time.monotonic() - begin)
        if not self.note:
            self.note = f"{self.name}: {elapsed:.1f} ms on the very first start, which makes spool and identity."
        return elapsed

    @staticmethod
    def has_sample(path):
        # Request.status.check = "host/main"; the summary of its first result speaks of the CPUs.
        name = b"host/main"
        status = bytes([0x12, len(name)]) + name
        answers = control_answers(path, bytes([0x0A, len(status)]) + status)
        return any(b" CPU" in packet for packet in answers)


class GaveaComplete(Gavea):
    """With all that the plugin has, which is its default."""

    name = "gavea, host complete"

    def collectors(self):
        return ""


class GaveaFleet(Gavea):
    """The same with reports to a server on loopback, which is not counted; as often as they are by default."""

    name = "gavea, host + fleet"
    interval = "10s"
    server = None

    def outputs(self):
        fleetd = self.program("gavea-fleetd")
        self.program("plugins/fleet.so")
        conf, port_file, log = self.folder / "fleetd.conf", self.folder / "port", self.folder / "fleetd.log"
        conf.write_text('log_level = "warning";\n')
        self.server = measure.start([fleetd, "--config", str(conf), "--state", str(self.folder / "fleetd"),
                                     "--listen", "127.0.0.1:0", "--port-file", str(port_file)], log)
        port = measure.wait_for(lambda: port_file.exists() and port_file.read_text().strip(), 10, self.server)
        if not port:
            raise Missing("gavea-fleetd did not start: " + log.read_text(errors="replace")[-300:])
        return (f'fleet: {{ every = "{self.interval}"; checks = ( '
                f'{{ name = "central"; url = "http://127.0.0.1:{port}"; }} ); }};\n')

    def done(self):
        if self.server:
            measure.stop(self.server)


class GaveaFleetEachSecond(GaveaFleet):
    """Reports each cycle, each synced to disk first."""

    name = "gavea, host + fleet each second"
    interval = "1s"


def start_one(subject):
    """Starts it a few times; the median time to its first sample, or None."""
    times = [subject.first_sample()]
    for _ in range(STARTS if times[0] else 0):
        subject.stop()
        times.append(subject.first_sample())
    return statistics.median(times[1:]) if times[1:] else None


def start_all(subjects, build, folder):
    """Adds the subjects that run to the list; returns a row for each."""
    rows = []
    for kind in (Floor, Gavea, GaveaComplete, GaveaFleet, GaveaFleetEachSecond, NodeExporter, NodeExporterComplete,
                 Collectd, CollectdProcesses):
        subject = kind(build, folder)
        subjects.append(subject)
        try:
            subject.prepare()
            rows.append({"name": subject.name, "first": start_one(subject)})
        except Missing as missing:
            print(f"left out: {subject.name}: {missing}")
            subjects.remove(subject)
            subject.stop()
            subject.done()
    return rows


def keep_ticking(subjects, done):
    next_tick = time.monotonic()
    while not done.wait(max(0, next_tick - time.monotonic())):
        for subject in subjects:
            subject.tick()
        next_tick += 1


def measure_all(subjects, rows, cycles, folder):
    time.sleep(WARM_UP)
    before = [measure.cpu_ns(subject.process.pid) for subject in subjects]
    begin = time.monotonic()
    time.sleep(cycles)
    after = [measure.cpu_ns(subject.process.pid) for subject in subjects]
    elapsed = time.monotonic() - begin
    for subject, row, old, new in zip(subjects, rows, before, after):
        if subject.process.poll() is not None:
            raise SystemExit(f"{subject.name} ended: {subject.log.read_text(errors='replace')[-300:]}")
        cpu = {pid: (ns - old.get(pid, 0)) / elapsed / 1e6 for pid, ns in new.items()}
        pss = measure.pss_kib(subject.process.pid)
        row["cpu"] = sum(cpu.values())
        row["pss"] = sum(pss.values()) or None
        if len(cpu) > 1:
            row["parts"] = [f"{measure.process_name(pid)} {cpu[pid]:.3f} ms, {pss.get(pid, 0)} KiB" for pid in cpu]
    for subject, row in zip(subjects, rows):
        row["syscalls"] = measure.syscalls(subject.process.pid, TRACED, folder)


def show(subjects, rows, cycles):
    ours = next((row for row in rows if row["name"] == GaveaFleet.name),
                next((row for row in rows if row["name"] == Gavea.name), None))
    for row in rows:
        row["ratio"] = row["cpu"] / ours["cpu"] if ours and ours["cpu"] else None
        row["pss_ratio"] = row["pss"] / ours["pss"] if ours and ours["pss"] and row["pss"] else None
    print(measure.table(rows, [
        ("at 1 s", "name", "{}"),
        ("CPU ms/cycle", "cpu", "{:.3f}"),
        ("ratio", "ratio", "{:.2f}"),
        ("PSS KiB", "pss", "{}"),
        ("ratio", "pss_ratio", "{:.2f}"),
        ("syscalls/cycle", "syscalls", "{:.1f}"),
        ("first sample ms", "first", "{:.1f}")]))
    print(f"\n{cycles} cycles, all at the same time; whole process trees. Ratios are to "
          f"{ours['name'] if ours else 'nothing: the agent is not built'}.")
    for subject, row in zip(subjects, rows):
        if "parts" in row:
            print(f"{row['name']}: {'; '.join(row['parts'])}.")
        if subject.note:
            print(subject.note)


def plugin_alone(build):
    cycle, plugin = Path(build, "bench/host_cycle"), Path(build, "plugins/host.so")
    if not cycle.exists() or not plugin.exists():
        print("left out: the host plugin alone: not built")
        return
    for words in ([], [",".join(COLLECTORS)]):
        done = subprocess.run([str(cycle), str(plugin), "500"] + words, capture_output=True, text=True, check=True)
        print(f"host plugin alone, without pause, {'the compared' if words else 'all'} collectors: "
              + done.stdout.partition(":")[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()

    print("== Host agents side by side ==\n", flush=True)
    plugin_alone(args.build)
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as folder:
        subjects, done = [], threading.Event()
        try:
            rows = start_all(subjects, args.build, folder)
            ticker = threading.Thread(target=keep_ticking, args=(subjects, done))
            ticker.start()
            try:
                measure_all(subjects, rows, args.cycles, folder)
            finally:
                done.set()
                ticker.join()
            print()
            show(subjects, rows, args.cycles)
        finally:
            for subject in subjects:
                subject.stop()
                subject.done()
    return 0


if __name__ == "__main__":
    sys.exit(main())
