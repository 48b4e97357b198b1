#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many programs a second the exec plugin runs, beside bare loops of posix_spawn()."""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "bare": "posix_spawn, waitpid",
    "piped": "the same, its output read",
    "kit": "the kit's program_run()",
    "plugin": "the exec plugin's run()",
}
BATCH = 100  # programs of one subject before it is the next one's turn
TARGET = 0.95


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=30, help="rounds")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    args = parser.parse_args()

    print("== Running programs ==\n", flush=True)
    done = subprocess.run([f"{args.build}/bench/exec_rate", f"{args.build}/plugins/exec.so", str(args.cycles), str(BATCH)],
                          capture_output=True, text=True, check=True)
    rates = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in done.stdout.splitlines()}
    rows = []
    for key, name in NAMES.items():
        ratios = sorted(ours / bare for ours, bare in zip(rates[key], rates["bare"]))
        rows.append({"name": name, "rate": statistics.median(rates[key]), "ratio": statistics.median(ratios),
                     "low": ratios[len(ratios) // 4], "high": ratios[len(ratios) * 3 // 4]})
    print(measure.table(rows, [
        ("/bin/true", "name", "{}"),
        ("a second", "rate", "{:.0f}"),
        ("ratio", "ratio", "{:.3f}"),
        ("quartile", "low", "{:.3f}"),
        ("quartile", "high", "{:.3f}")]))
    print(f"\nMedians of {args.cycles} rounds of {BATCH} each; ratios are to the first line of the same round. "
          f"Target: {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
