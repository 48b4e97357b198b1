# SPDX-License-Identifier: Apache-2.0
"""What a tree of processes costs: processor time, memory, system calls."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


def parents():
    """{pid: parent's pid} of all processes"""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            found[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    return found


def tree(root):
    """root and all that descend from it"""
    by_child, pids = parents(), [root]
    for pid in pids:
        pids += [child for child, parent in by_child.items() if parent == pid]
    return pids


def process_cpu_ns(pid):
    """Processor time of all threads of a process that live, in nanoseconds."""
    total = 0
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    for thread in threads:
        try:
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue
    return total


def process_pss_kib(pid):
    """Proportional set size of a process; 0 where the kernel does not tell."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
    return int(match[1]) if match else 0


def process_name(pid):
    """Its command line without folders and options: "gavea-worker host"."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    plain = [words[0].rpartition("/")[2]]
    for word in words[1:]:
        if not word or word.startswith("-"):
            break
        plain.append(word)
    return " ".join(plain)


def cpu_ns(root):
    """{pid: processor time} of the tree"""
    return {pid: process_cpu_ns(pid) for pid in tree(root)}


def pss_kib(root):
    """{pid: proportional set size} of the tree"""
    return {pid: process_pss_kib(pid) for pid in tree(root)}


def syscalls(root, seconds, folder):
    """System calls a second of the tree, by strace; None when it can't be had."""
    strace = shutil.which("strace")
    if not strace:
        return None
    out = Path(folder, f"strace.{root}")
    command = [strace, "-c", "-U", "calls,name", "-f", "-qq", "-o", str(out)]
    for pid in tree(root):
        command += ["-p", str(pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as tracer:
        begin = time.monotonic()
        time.sleep(seconds)
        tracer.send_signal(signal.SIGINT)
        elapsed = time.monotonic() - begin
        tracer.wait()
    if not out.exists():
        return None
    match = re.search(r"^\s*(\d+) total$", out.read_text(), re.M)
    return int(match[1]) / elapsed if match else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, log, **more):
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)


def stop(process):
    """Ends one process that start() started: first kindly, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition, seconds, process=None, pause=0.0005):
    """What condition() returned when it was true; None when time ran out or the process ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        if process and process.poll() is not None:
            return None
        time.sleep(pause)
    return None


def table(rows, columns):
    """Plain text: columns are (heading, key, format); what is None becomes a dash."""
    cells = [[heading for heading, _, _ in columns]]
    for row in rows:
        cells.append(["-" if row.get(key) is None else form.format(row[key]) for _, key, form in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                  for i, (text, width) in enumerate(zip(line, widths))).rstrip()
        for line in cells)
