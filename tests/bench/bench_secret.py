#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scans of a source tree for secrets: the plugin with all its rules, beside a program that only walks and reads the same files,
and beside grep -r with a handful of expressions. Files are in the page cache; the best of several runs counts. The
plugin stands back for others: on a busy host, processor time tells more than the clock."""

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
START = "start"  # what it takes to start and to compile the rules, which the agent does once
# Prefixes of tokens, in pieces so that no scanner takes this file for a finding.
WORDS = ["AKIA", "gh" + "p_", "xox" + "b-", "AIza", "sk_" + "live_", "BEGIN RSA " + "PRIVATE KEY"]
EXPRESSIONS = [r"\bAKIA[A-Z2-7]{16}\b", r"\bgh" + r"p_[0-9A-Za-z]{36}\b", r"\bAIza[0-9A-Za-z_-]{35}",
               r"(password|secret)\s*[:=]\s*[\"'][^\"']{8,}[\"']"]


def run(command, env=None):
    """(output, seconds, seconds of processor time)"""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                          env=dict(os.environ, **(env or {})))
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def floor(build):
    said, _, cpu = run([f"{build}/bench/secret_floor", TREE])
    return int(said.split()[1]), float(said.split()[2]), cpu


def gavea(build, path=TREE):
    said, _, cpu = run([f"{build}/gavea", "run", "secret", "timeout=10min", "--json", f"scan={path}"])
    return None, json.loads(said)["duration_ms"] / 1000, cpu


def grep(arguments):
    return None, *run(["grep", "-rI", *arguments, TREE], {"LC_ALL": "C"})[1:]


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
        START: lambda: gavea(args.build, "/etc/hostname"),
        "gavea, all rules": lambda: gavea(args.build),
        f"grep -rF, {len(WORDS)} words": lambda: grep([a for w in WORDS for a in ("-F", "-e", w)]),
        f"grep -rE, {len(EXPRESSIONS)} expressions": lambda: grep([a for e in EXPRESSIONS for a in ("-E", "-e", e)]),
    }
    size, best = 0, {}
    for _ in range(tries):
        for name, subject in subjects.items():
            count, *seconds = subject()
            size = count or size
            best[name] = [min(pair) for pair in zip(best.get(name, seconds), seconds)]
    best["gavea, all rules"][1] -= best.pop(START)[1]
    base = best["floor: walk and read"][1]
    print(f"{size / 1e6:.0f} MB; best of {tries}\n")
    print(f"{'':<32} {'seconds':>8} {'of a core':>10} {'MB/s a core':>12} {'of the floor':>13}")
    for name, (seconds, cpu) in best.items():
        print(f"{name:<32} {seconds:8.3f} {cpu:10.3f} {size / 1e6 / cpu:12.0f} {cpu / base:12.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
