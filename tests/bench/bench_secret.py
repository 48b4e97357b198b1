#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scans of a source tree for secrets: the plugin with all its rules, beside a program that only walks and reads the same files,
and beside grep -r with a handful of expressions. Files are in the page cache; the best of several runs counts; one core each."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = "/usr/include"
# Prefixes of tokens, in pieces so that no scanner takes this file for a finding.
WORDS = ["AKIA", "gh" + "p_", "xox" + "b-", "AIza", "sk_" + "live_", "BEGIN RSA " + "PRIVATE KEY"]
EXPRESSIONS = [r"\bAKIA[A-Z2-7]{16}\b", r"\bgh" + r"p_[0-9A-Za-z]{36}\b", r"\bAIza[0-9A-Za-z_-]{35}",
               r"(password|secret)\s*[:=]\s*[\"'][^\"']{8,}[\"']"]


def run(command, env=None):
    """(output, seconds, seconds of processor time)"""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                          env=dict(os.environ, **(env or {})))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, time.monotonic() - begin, \
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def floor(build):
    words = run([f"{build}/bench/secret_floor", TREE])[0].split()
    return int(words[1]), float(words[2])


def gavea(build):
    result = json.loads(run([f"{build}/gavea", "run", "secret", f"scan={TREE}", "timeout=10min", "--json"])[0])
    values = {s["name"]: s["value"] for s in result["samples"] if not s["labels"]}
    return int(values["gavea_secret_scanned_bytes"]), result["duration_ms"] / 1000


def grep(arguments):
    begin = time.monotonic()
    run(["grep", "-rI", *arguments, TREE], {"LC_ALL": "C"})
    return None, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()
    tries = max(3, args.cycles // 6)

    print(f"== Scans of {TREE} for secrets ==\n", flush=True)
    for name in ("gavea", "plugins/secret.so", "bench/secret_floor"):
        if not Path(args.build, name).exists():
            print(f"left out: {name} is not built")
            return 0
    subjects = {
        "floor: walk and read": lambda: floor(args.build),
        "gavea, all rules": lambda: gavea(args.build),
        f"grep -rF, {len(WORDS)} words": lambda: grep([a for w in WORDS for a in ("-F", "-e", w)]),
        f"grep -rE, {len(EXPRESSIONS)} expressions": lambda: grep([a for e in EXPRESSIONS for a in ("-E", "-e", e)]),
    }
    size, best = 0, {}
    for _ in range(tries):
        for name, subject in subjects.items():
            count, seconds = subject()
            size = count if name.startswith("floor") else size
            best[name] = min(best.get(name, seconds), seconds)
    base = best["floor: walk and read"]
    print(f"{size / 1e6:.0f} MB; best of {tries}\n")
    print(f"{'':<32} {'seconds':>8} {'MB/s':>8} {'of the floor':>13}")
    for name, seconds in best.items():
        print(f"{name:<32} {seconds:8.3f} {size / 1e6 / seconds:8.0f} {seconds / base:12.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
