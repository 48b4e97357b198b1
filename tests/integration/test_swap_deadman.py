# SPDX-License-Identifier: Apache-2.0
"""gavea-swap-deadman: takes the traffic back from a swap that nobody watches, whatever became of the agent."""
import json
import os
import subprocess
import time

import pytest

from conftest import BUILD, PATIENCE, SANITIZER, wait_until

PROGRAM = BUILD / "gavea-swap-deadman"


def boottime():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip().replace("-", "")


class Swap:
    """The folder of an app's check, with a command that notes what share it was told to set."""

    def __init__(self, state, name, due, boot=None, fails=False, patience=60):
        self.files = state / name / "files"
        self.files.mkdir(parents=True)
        self.heartbeat, self.mark, self.told = (self.files / n for n in ("heartbeat", "deadman", "told"))
        script = self.files / "set"
        script.write_text(f'#!/bin/sh\necho "$1" >>{self.told}\nexit {1 if fails else 0}\n')
        script.chmod(0o755)
        self.heartbeat.write_text(json.dumps({
            "form": "gavea-swap-heartbeat-1", "app": name, "swap": "s1", "boot": boot or boot_id(), "due_ns": due,
            "patience_ns": patience * 10**9, "share": 0, "traffic": "exec",
            "settings": {"set_command": [str(script), "%s"], "observe_command": ["/bin/echo", "{}"]}}))


def run(state, *options):
    done = subprocess.run([PROGRAM, *options, state], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def test_a_swap_that_is_watched_is_left_alone(tmp_path):
    swap = Swap(tmp_path, "shop", boottime() + 600 * 10**9)
    assert run(tmp_path).returncode == 0
    assert swap.heartbeat.exists() and not swap.told.exists() and not swap.mark.exists()


def test_one_that_is_overdue_has_its_will_done_once(tmp_path):
    swap, other = Swap(tmp_path, "shop", boottime() - 1), Swap(tmp_path, "other", boottime() + 600 * 10**9)
    done = run(tmp_path)
    assert done.returncode == 0 and "shop, swap s1: nobody watched it" in done.stderr
    assert swap.told.read_text() == "0\n"
    assert not swap.heartbeat.exists() and json.loads(swap.mark.read_text())["swap"] == "s1"
    assert other.heartbeat.exists() and not other.told.exists()
    assert run(tmp_path).returncode == 0
    assert swap.told.read_text() == "0\n"


def test_one_of_another_boot_is_overdue_after_its_patience(tmp_path):
    up = int(boottime() / 10**9)
    early = Swap(tmp_path, "early", 1, boot="0" * 32, patience=min(up + 3600, 86400))
    late = Swap(tmp_path, "late", boottime() + 600 * 10**9, boot="0" * 32, patience=0)
    assert run(tmp_path).returncode == 0
    assert early.heartbeat.exists() and not early.told.exists()
    assert late.told.exists() and late.mark.exists()


def test_one_that_can_not_be_helped_is_tried_again_and_keeps_no_other(tmp_path):
    bad, good = Swap(tmp_path, "bad", 1, fails=True), Swap(tmp_path, "good", 1)
    (tmp_path / "ugly/files").mkdir(parents=True)
    (tmp_path / "ugly/files/heartbeat").write_text("{")
    done = run(tmp_path)
    assert done.returncode == 1
    assert "bad, swap s1: nobody watches it, and its traffic could not be taken back" in done.stderr
    assert "ugly/files/heartbeat: it is no heartbeat of a swap" in done.stderr
    assert bad.heartbeat.exists() and not bad.mark.exists()
    assert good.mark.exists()
    (bad.files / "set").write_text(f"#!/bin/sh\necho \"$1\" >>{bad.told}\n")
    run(tmp_path)
    assert bad.mark.exists()


def test_without_systemd_it_watches_for_as_long_as_there_is_a_swap(tmp_path):
    swap = Swap(tmp_path, "shop", boottime() + 600 * 10**9)
    with subprocess.Popen([PROGRAM, "--every", "1", tmp_path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as watcher:
        try:
            heartbeat = json.loads(swap.heartbeat.read_text())
            heartbeat["due_ns"] = 1
            (swap.files / "new").write_text(json.dumps(heartbeat))
            os.rename(swap.files / "new", swap.heartbeat)
            wait_until("the will to be done", swap.mark.exists)
            assert watcher.wait(PATIENCE) == 0
        finally:
            watcher.kill()


@pytest.mark.parametrize("arguments", [[], ["--every", "0", "/"], ["--every", "x", "/"], ["--help"], ["/", "/"]])
def test_it_says_how_it_is_used(arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and done.stderr.startswith("usage: ")
