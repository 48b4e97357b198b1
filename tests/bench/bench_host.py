#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent beside Debian's collectd and node_exporter: the same figures of the same host, once a second."""

import argparse
import http.client
import shutil
import socket
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
COLLECTORS = ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure", "stat"]


class Missing(Exception):
    """What is to be measured isn't there."""


class Subject:
    """Something that is measured: it starts, says how long its first sample took, and stops."""

    name = "?"
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

    def tick(self):
        """Called once a second."""

    def first_sample(self):
        """Starts it; milliseconds until the first sample can be had, or None."""
        raise NotImplementedError

    def stop(self):
        if self.process:
            measure.stop(self.process)


class Floor(Subject):
    name = "floor (reading alone)"

    def first_sample(self):
        self.process = measure.start([self.program("bench/floor")], self.log)


class NodeExporter(Subject):
    name = "node_exporter, scraped"
    connection = None

    def first_sample(self):
        program = shutil.which("prometheus-node-exporter")
        if not program:
            raise Missing("prometheus-node-exporter is not installed")
        port = measure.free_port()
        begin = time.monotonic()
        self.process = measure.start(
            [program, f"--web.listen-address=127.0.0.1:{port}", "--web.disable-exporter-metrics",
             "--collector.disable-defaults"] + [f"--collector.{name}" for name in COLLECTORS], self.log)
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
        return str(folder / "conf")

    def start(self, program, csv):
        folder = self.folder / ("csv" if csv else "plain")
        return folder, measure.start([program, "-f", "-C", self.config(folder, csv)], self.log)

    def first_sample(self):
        program = shutil.which("collectd", path="/usr/sbin:/usr/bin")
        if not program:
            raise Missing("collectd is not installed")
        begin = time.monotonic()
        folder, process = self.start(program, csv=True)
        try:
            seen = measure.wait_for(lambda: any((folder / "csv").glob("bench/*/*")), 10, process)
            elapsed = 1000 * (time.monotonic() - begin)
        finally:
            measure.stop(process)
        if not seen:
            raise Missing("collectd wrote nothing: " + self.log.read_text(errors="replace")[-300:])
        _, self.process = self.start(program, csv=False)
        return elapsed


class CollectdProcesses(Collectd):
    """Forks and running processes it only has from its look at every process."""

    name = "collectd, with processes"
    plugins = Collectd.plugins + ["processes"]


class Gavea(Subject):
    """The manager and its workers, with nothing to send to."""

    name = "gavea, host"

    def outputs(self):
        return ""

    def first_sample(self):
        gavead, _ = self.program("gavead"), self.program("gavea-worker")
        conf, run = self.folder / "conf", self.folder / "run"
        (conf / "conf.d").mkdir(parents=True)
        (conf / "gavea.conf").write_text(f'agent: {{ name = "bench"; plugin_directory = "{self.build}/plugins"; }};\n')
        collectors = ", ".join(f'"{name}"' for name in COLLECTORS)
        (conf / "conf.d/host.conf").write_text(
            f'host: {{ every = "1s"; checks = ( {{ name = "main"; collectors = [ {collectors} ]; }} ); }};\n')
        outputs = self.outputs()
        if outputs:
            (conf / "conf.d/fleet.conf").write_text(outputs)
        begin = time.monotonic()
        self.process = measure.start(
            [gavead, "--config", str(conf), "--state", str(self.folder / "state"), "--run", str(run)], self.log)
        if not measure.wait_for(lambda: self.has_sample(run), 20, self.process):
            raise Missing("gavead did not start: " + self.log.read_text(errors="replace")[-300:])
        return 1000 * (time.monotonic() - begin)

    def has_sample(self, run):
        done = subprocess.run([self.program("gavea"), "status", "--json", "--run", str(run)], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
        return b'"status":"ok"' in done.stdout.replace(b" ", b"")


class GaveaFleet(Gavea):
    """The same with reports to a server on loopback, which is not counted."""

    name = "gavea, host + fleet"
    server = None

    def outputs(self):
        fleetd = self.program("gavea-fleetd")
        if not (self.build / "plugins/fleet.so").exists():
            raise Missing("plugins/fleet.so is not built")
        port = measure.free_port()
        token = self.folder / "token"
        token.write_text("bench-token\n")
        token.chmod(0o600)
        conf = self.folder / "fleet.conf"
        conf.write_text(f'fleet: {{ listen = "127.0.0.1:{port}"; state_directory = "{self.folder}/fleetd"; '
                        f'token = "${{file:{token}}}"; }};\n')
        self.server = measure.start([fleetd, "--config", str(conf)], self.folder / "fleetd.log")

        def listening():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        if not measure.wait_for(listening, 10, self.server, pause=0.01):
            raise Missing("gavea-fleetd did not start: " +
                          (self.folder / "fleetd.log").read_text(errors="replace")[-300:])
        return (f'fleet: {{ checks = ( {{ name = "main"; every = "1s"; url = "http://127.0.0.1:{port}"; '
                f'token = "${{file:{token}}}"; }} ); }};\n')

    def stop(self):
        super().stop()
        if self.server:
            measure.stop(self.server)


def start_all(build, folder):
    """The subjects that run, and a row for each."""
    running, rows = [], []
    for kind in (Floor, Gavea, GaveaFleet, NodeExporter, Collectd, CollectdProcesses):
        subject = kind(build, folder)
        try:
            first = subject.first_sample()
        except Missing as missing:
            print(f"left out: {kind.name}: {missing}")
            subject.stop()
            continue
        running.append(subject)
        rows.append({"name": subject.name, "first": first})
    return running, rows


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
        row["cpu"] = (new - old) / elapsed / 1e6
        row["pss"] = measure.pss_kib(subject.process.pid)
    for subject, row in zip(subjects, rows):
        row["syscalls"] = measure.syscalls(subject.process.pid, TRACED, folder)


def show(rows, cycles):
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
            subjects, rows = start_all(args.build, folder)
            ticker = threading.Thread(target=keep_ticking, args=(subjects, done))
            ticker.start()
            try:
                measure_all(subjects, rows, args.cycles, folder)
            finally:
                done.set()
                ticker.join()
            print()
            show(rows, args.cycles)
        finally:
            for subject in subjects:
                subject.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
