# SPDX-License-Identifier: Apache-2.0
"""Debian's prometheus-node-exporter beside the host plugin: starting it, scraping it, and running the plugin."""

import contextlib
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

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("GAVEA_BUILD", str(ROOT / "build/release")))
GAVEA = os.environ.get("GAVEA", str(BUILD / "gavea"))
EXPORTER = "prometheus-node-exporter"

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def parse_exposition(text):
    """{(name, labels): value} and {name: type}; a label without a value is no label."""
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            pairs = frozenset((k, unescape(v)) for k, v in LABEL.findall(labels or "") if v)
            values[name, pairs] = float(value)
    return values, types


@contextlib.contextmanager
def exporter(folder, *arguments):
    """The address of a running exporter."""
    program = shutil.which(EXPORTER)
    assert program, f"{EXPORTER} is not installed (tools/install-deps)"
    for _ in range(5):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        log = Path(folder, "exporter.log")
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [program, f"--web.listen-address=127.0.0.1:{port}", "--web.disable-exporter-metrics", *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        url = f"http://127.0.0.1:{port}/metrics"
        try:
            deadline = time.monotonic() + 60
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
    raise AssertionError("the exporter did not start: " + log.read_text())


def scrape(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        values, types = parse_exposition(answer.read().decode())
    own = ("node_exporter_build_info", "promhttp_metric_handler_errors_total")
    return {key: value for key, value in values.items() if key[0] not in own}, types


def number(value):
    """JSON has no word for what is no number."""
    return float("nan") if value is None else float(value)


def run_plugin(*options):
    done = subprocess.run([GAVEA, "run", "host", *options, "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 2, 3), done.stderr.decode()
    result = json.loads(done.stdout)
    values, types = {}, {}
    for sample in result["samples"]:
        key = sample["name"], frozenset((k, v) for k, v in sample["labels"].items() if v)
        assert key not in values, f"{key} was given twice"
        values[key] = number(sample["value"])
        types[sample["name"]] = sample["type"]
    return result, values, types


def show(key):
    return key[0] + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(key[1])) + "}"


def wrong_types(ours, theirs):
    """What the exporter leaves untyped is a counter or a gauge here: the plugin's contract has no third."""
    return {name: (kind, theirs[name]) for name, kind in ours.items()
            if name in theirs and theirs[name] not in ("untyped", kind)}
