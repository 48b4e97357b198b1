# SPDX-License-Identifier: Apache-2.0
"""The host plugin against Debian's prometheus-node-exporter: the same series, types and values.

The exporter is scraped before and after the plugin runs, so that what only grows must lie between the two."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GAVEA = os.environ.get("GAVEA", str(ROOT / "build/release/gavea"))
EXPORTER = "prometheus-node-exporter"
COLLECTORS = ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure", "stat", "time", "uname"]

# What the exporter has in these collectors and the plugin has not; its README says why.
LEFT_OUT = {
    "node_cpu_core_throttles_total",
    "node_cpu_package_throttles_total",
    "node_disk_ata_rotation_rate_rpm",
    "node_disk_ata_write_cache",
    "node_disk_ata_write_cache_enabled",
    "node_disk_device_mapper_info",
    "node_disk_filesystem_info",
    "node_disk_info",
    "node_network_receive_nohandler_total",
    "node_scrape_collector_duration_seconds",
    "node_scrape_collector_success",
    "node_time_clocksource_available_info",
    "node_time_clocksource_current_info",
    "node_time_zone_offset_seconds",
}

# Gauges that stay as they are while nobody changes the machine.
STATIC = re.compile(
    r"node_(boot_time_seconds|uname_info|memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|Hugepagesize)_bytes"
    r"|memory_HugePages_\w+|filesystem_(size_bytes|files|readonly|device_error))$")
# Gauges that change only now and then: the value is that of one scrape or the other, or between them.
BETWEEN = re.compile(r"node_(load1|load5|load15|time_seconds)$")
# How far the others may lie outside of the two scrapes.
SLACK = [
    (re.compile(r"node_(memory|filesystem)_\w+_bytes$"), 256 << 20),
    (re.compile(r"node_filesystem_files_free$"), 20000),
    (re.compile(r"node_(procs_running|procs_blocked|disk_io_now)$"), 1000),
    # The kernel's own idle times step back now and then; the exporter remembers, a fresh process can't.
    (re.compile(r"node_cpu_seconds_total$"), 0.1),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def parse_exposition(text):
    """{(name, labels): value} and {name: type}"""
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            pairs = frozenset((k, unescape(v)) for k, v in LABEL.findall(labels or ""))
            values[name, pairs] = float(value)
    return values, types


@pytest.fixture
def exporter(tmp_path):
    """The address of a running exporter with just the collectors that the plugin has too."""
    program = shutil.which(EXPORTER)
    assert program, f"{EXPORTER} is not installed (tools/install-deps)"
    for _ in range(5):
        port = free_port()
        log = open(tmp_path / "exporter.log", "wb")
        process = subprocess.Popen(
            [program, f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults"]
            + [f"--collector.{name}" for name in COLLECTORS],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        url = f"http://127.0.0.1:{port}/metrics"
        try:
            deadline = time.monotonic() + 20
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    scrape(url)
                except (urllib.error.URLError, OSError):
                    time.sleep(0.05)
                    continue
                yield url
                return
        finally:
            process.kill()
            process.wait()
    pytest.fail("the exporter did not start: " + (tmp_path / "exporter.log").read_text())


def scrape(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        values, types = parse_exposition(answer.read().decode())
    return {k: v for k, v in values.items() if k[0].startswith("node_") and k[0] != "node_exporter_build_info"}, types


def run_plugin():
    done = subprocess.run([GAVEA, "run", "host", "remote=true", "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1, 2), done.stderr.decode()
    result = json.loads(done.stdout)
    values, types = {}, {}
    for sample in result["samples"]:
        key = sample["name"], frozenset(sample["labels"].items())
        assert key not in values, f"{key} was given twice"
        values[key] = sample["value"]
        types[sample["name"]] = sample["type"]
    return result, values, types


def show(key):
    return key[0] + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(key[1])) + "}"


def is_near(key, kind, first, value, second):
    low, high = min(first, second), max(first, second)
    name = key[0]
    for pattern, slack in SLACK:
        if pattern.match(name) and not STATIC.match(name):
            return low - slack <= value <= high + slack
    if STATIC.match(name) or BETWEEN.match(name) or kind == "counter":
        return low <= value <= high
    # A gauge in bytes or a count that nobody thought of yet: 1 % and a little.
    return low * 0.99 - 64 <= value <= high * 1.01 + 64


@pytest.mark.skipif(not os.access(GAVEA, os.X_OK), reason=f"{GAVEA} is not built")
def test_the_plugin_has_the_series_types_and_values_of_the_exporter(exporter):
    scrape(exporter)
    first, types = scrape(exporter)
    result, ours, our_types = run_plugin()
    second, _ = scrape(exporter)

    assert result["check"].startswith("host")
    expected = {key for key in first if key in second and key[0] not in LEFT_OUT}
    assert sorted(map(show, expected - set(ours))) == [], "the exporter has them, the plugin has not"
    assert sorted(map(show, set(ours) - expected)) == [], "the plugin has them, the exporter has not"

    wrong_types = {name: (kind, types[name]) for name, kind in our_types.items() if types[name] != kind}
    assert wrong_types == {}

    wrong = [f"{show(key)}: {first[key]!r} <= {ours[key]!r} <= {second[key]!r}"
             for key in sorted(expected, key=show)
             if not is_near(key, types[key[0]], first[key], ours[key], second[key])]
    assert wrong == []

    # Every collector that always has something was compared.
    for prefix in ("node_cpu_seconds", "node_filesystem_size", "node_load", "node_memory_Mem", "node_boot_time",
                   "node_time_seconds", "node_uname_info"):
        assert any(key[0].startswith(prefix) for key in expected), prefix
    assert len(expected) >= 80
    statics = [key for key in expected if STATIC.match(key[0])]
    assert len(statics) >= 8


def test_what_is_left_out_is_in_the_readme():
    readme = (ROOT / "plugins/host/README.md").read_text()
    assert [name for name in sorted(LEFT_OUT) if f"`{name}`" not in readme] == []


def test_an_exposition_is_parsed_with_its_labels_and_types():
    values, types = parse_exposition(
        '# HELP a x\n# TYPE a counter\na{b="c\\"d",e="f\\\\g"} 1.5e+09\n# TYPE h gauge\nh 2\n')
    assert values == {("a", frozenset({("b", 'c"d'), ("e", "f\\g")})): 1.5e9, ("h", frozenset()): 2.0}
    assert types == {"a": "counter", "h": "gauge"}
