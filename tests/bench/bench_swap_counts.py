#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many lines of HAProxy's log a second one core counts, beside a loop that only receives them."""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "floor": "recvmmsg(), dropped",
    "counts": "the plugin's thread",
    "alone": "the plugin, no socket",
}
LINES = 100000  # a round
TARGET = 100000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30, help="rounds")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()

    print("== Counting requests from HAProxy's log ==\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([f"{args.build}/bench/swap_counts", f"{folder}/log.sock", str(args.cycles), str(LINES)],
                              capture_output=True, text=True, check=True)
    rows = []
    for line in done.stdout.splitlines():
        key, *rates = line.split()
        rates = sorted(float(rate) for rate in rates)
        rows.append({"name": NAMES[key], "rate": statistics.median(rates), "low": rates[len(rates) // 4],
                     "high": rates[len(rates) * 3 // 4]})
    for row in rows:
        row["ratio"] = row["rate"] / rows[0]["rate"]
    print(measure.table(rows, [
        ("reader", "name", "{}"),
        ("lines a second", "rate", "{:.0f}"),
        ("quartile", "low", "{:.0f}"),
        ("quartile", "high", "{:.0f}"),
        ("ratio", "ratio", "{:.2f}")]))
    print(f"\nMedians of {args.cycles} rounds of {LINES} lines, by the reader's processor time. Target: {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
