#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a record costs on its way into the spool, without the sync, beside plain writes of the same bytes."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
RECORDS = 100000
TARGET = 5.0  # microseconds, for a record of up to 1 KiB
SIZES = {"an event, 120 bytes": 120, "samples of the host, 1 KiB": 1024, "a large result, 4 KiB": 4096}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30, help="a third of it are rounds")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()
    rounds = max(3, args.cycles // 3)

    print("== The spool: appending a record, without the sync ==\n", flush=True)
    rows = []
    for name, size in SIZES.items():
        got = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([f"{args.build}/bench/spool_append", folder, str(RECORDS), str(size)],
                                      capture_output=True, text=True, check=True)
                got.append(json.loads(done.stdout))
        rows.append({"name": name, "spool": statistics.median(g["spool_us"] for g in got),
                     "floor": statistics.median(g["floor_us"] for g in got)})
    print(measure.table(rows, [("record", "name", "{}"), ("us in the spool", "spool", "{:.2f}"),
                               ("us in plain writes", "floor", "{:.2f}")]))
    print(f"\nMedians of {rounds} rounds of {RECORDS} records, a flush every 100. Target: {TARGET} us for a record of up to 1 KiB.")
    return 1 if max(row["spool"] for row in rows[:2]) > TARGET else 0


if __name__ == "__main__":
    sys.exit(main())
