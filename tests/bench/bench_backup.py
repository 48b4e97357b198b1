#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The backup plugin beside the tools that people have cron run: a dump read to its end beside `gzip -t` and `zstd -t`, and a look
at a folder of 1,000 files beside `find`."""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import measure

FILES = 1000
MEBIBYTES = 64


def write_dump(path):
    """SQL that packs about as well as people's data do."""
    words = [str(random.Random(number).getrandbits(32)) for number in range(5000)]
    pick = random.Random(1)
    with path.open("w") as out:
        out.write("-- PostgreSQL database dump\n")
        while out.tell() < MEBIBYTES << 20:
            out.writelines("INSERT INTO t VALUES (" + ", ".join(pick.choices(words, k=8)) + ");\n" for _ in range(1000))
        out.write("-- PostgreSQL database dump complete\n")


def run(command):
    """Seconds, and CPU seconds of it and all that it started."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    elapsed, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "--json" in command and json.loads(done.stdout)["status"] != "ok":
        raise SystemExit(f"gavea saw {json.loads(done.stdout)['summary']}")
    if "--json" not in command and done.returncode:
        raise SystemExit(f"{command[0]} failed")
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def best(name, command, seconds, **row):
    """A row with the best of the runs in so many seconds."""
    runs, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(runs) < 3:
        runs.append(run(command))
    return {"name": name, "seconds": min(one[0] for one in runs), "cpu": min(one[1] for one in runs), "rounds": len(runs), **row}


def dumps(gavea, folder, seconds):
    plain, rows = folder / "dump.sql", []
    write_dump(plain)
    size = plain.stat().st_size / (1 << 20)
    for program, suffix in (("gzip", "gz"), ("zstd", "zst")):
        if not shutil.which(program):
            print(f"left out: {program} is not installed")
            continue
        packed = folder / f"dump.sql.{suffix}"
        with packed.open("wb") as out:
            subprocess.run([program, "-c", "-q", str(plain)], stdout=out, check=True)
        look = [gavea, "run", "backup", "kind=dump", f"files={packed}", "verify_every=0s", "--json", "--timeout", "5min"]
        for name, command in ((f"gavea, .{suffix}", look), (f"{program} -t", [program, "-t", "-q", packed])):
            row = best(name, command, seconds / 4)
            rows.append({**row, "rate": size / row["seconds"], "cpu": row["cpu"] * 1000 / size})
    print(measure.table(rows, [(f"a dump of {size:.0f} MiB", "name", "{}"), ("MiB/s", "rate", "{:.0f}"),
                               ("CPU ms/MiB", "cpu", "{:.2f}"), ("rounds", "rounds", "{}")]))


def folders(gavea, folder, seconds):
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        (many / f"{number:04}.tar").write_text("x")
    empty = folder / "one"
    empty.mkdir()
    (empty / "one").write_text("x")
    rows = [
        best("gavea, directory", [gavea, "run", "backup", "kind=directory", f"directory={many}", "--json"], seconds / 4),
        best("gavea, dump", [gavea, "run", "backup", "kind=dump", f"files={many}/*.tar", "verify_every=0s", "--json"], seconds / 4),
        best("gavea with one file", [gavea, "run", "backup", "kind=directory", f"directory={empty}", "--json"], seconds / 4),
        best("find", ["find", many, "-type", "f", "-printf", "%T@ %s %p\\n"], seconds / 4),
    ]
    for row in rows:
        row.update(seconds=row["seconds"] * 1000, cpu=row["cpu"] * 1000)
    print(measure.table(rows, [(f"a look at {FILES} files", "name", "{}"), ("ms", "seconds", "{:.2f}"), ("CPU ms", "cpu", "{:.2f}"),
                               ("rounds", "rounds", "{}")]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=30, help="seconds that are measured, for all together")
    parser.add_argument("--build", default="build/release", help="where the programs are")
    args = parser.parse_args()
    gavea = Path(args.build, "gavea")
    if not gavea.exists():
        print("left out: gavea is not built")
        return
    with tempfile.TemporaryDirectory(prefix="gavea-bench-") as name:
        os.chmod(name, 0o755)
        dumps(gavea, Path(name), args.cycles / 2)
        print()
        folders(gavea, Path(name), args.cycles / 2)
    print("\nThe best of the rounds. gavea's are one-shots: command line, describing worker, worker; what that takes is the row with\n"
          "one file, and falls away in the daemon. Beside unpacking, gavea looks at what is in the dump.")


if __name__ == "__main__":
    main()
