# SPDX-License-Identifier: Apache-2.0
"""What the host plugin says of the machine: on a file system that fails for real, of processes that really run, and within
the worker's sandbox."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import wait_until
from host_scrape import GAVEA, run_plugin

pytestmark = pytest.mark.skipif(not os.access(GAVEA, os.X_OK), reason=f"{GAVEA} is not built")


def items_of(result):
    return {item["name"]: item for item in result["items"]}


def test_everything_on_this_machine_can_be_judged():
    result, values, _ = run_plugin()
    items = items_of(result)
    assert {"memory", "steal", "file descriptors", "oom kills", "reboot"} <= set(items)
    assert {name: item["summary"] for name, item in items.items() if item["status"] == "unknown"} == {}
    assert "load " in result["summary"] and " CPU" in result["summary"]
    assert len(values) > 200


def test_processes_that_use_most_are_named_when_asked_for():
    program = "x = bytearray(b'x' * (96 << 20))\nprint('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout.readline() == b"on\n"
            result, _, _ = run_plugin("collectors=loadavg", "processes=always", "top=20")
        finally:
            busy.kill()
    told = items_of(result)["processes"]
    assert told["status"] == "ok"
    assert told["summary"].startswith("CPU: ")
    cpu, memory = told["summary"].split("; memory: ")
    assert f"[{busy.pid}] " in cpu
    assert f"[{busy.pid}] " in memory


def test_processes_are_attached_to_what_is_wrong():
    result, _, _ = run_plugin("collectors=meminfo", "memory_warning=100%", "top=3")
    items = items_of(result)
    assert items["memory"]["status"] == "warning"
    assert " MiB" in items["memory"]["attributes"]["top_memory"] or " GiB" in items["memory"]["attributes"]["top_memory"]
    assert items["memory"]["attributes"]["top_memory"].count("[") == 3
    assert "processes" in items


def test_text_files_are_read_from_within_the_sandbox(tmp_path):
    (tmp_path / "good.prom").write_text("mine_total 3\n")
    (tmp_path / "bad.prom").write_bytes(b"\xff\xfe{\n")
    (tmp_path / "link.prom").symlink_to("/root/nothing")
    result, values, _ = run_plugin("collectors=textfile", f"textfile_directory={tmp_path}", "ntp=off",
                                   "reboot_required=ok")
    assert result["status"] == "ok"
    assert values["mine_total", frozenset()] == 3
    assert values["node_textfile_scrape_error", frozenset()] == 1


# In a mount namespace of its own: an ext4 in a file, and the plugin before and after it failed.
FAIL = """set -e
mount --make-rprivate /
mount -o loop,errors=remount-ro "$1/image" "$1/mnt"
device=$(basename "$(findmnt -n -o SOURCE "$1/mnt")")
run() { "$GAVEA" run host "procfs=$1/proc" collectors=filesystem ntp=off reboot_required=ok --json >"$1/$2" || :; }
run "$1" before
echo made-up >"/sys/fs/ext4/$device/trigger_fs_error"
run "$1" after
echo "$device" >"$1/device"
umount "$1/mnt"
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and mkfs.ext4")
def test_a_file_system_that_fails_is_critical_at_first_sight(tmp_path):
    (tmp_path / "mnt").mkdir()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/1").symlink_to("/proc/self")
    with open(tmp_path / "image", "wb") as image:
        image.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(tmp_path / "image")], check=True, timeout=60)
    done = subprocess.run(["unshare", "--mount", "sh", "-c", FAIL, "sh", str(tmp_path)],
                          env=os.environ | {"GAVEA": GAVEA}, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                          check=False)
    if b"mount:" in done.stderr and not (tmp_path / "before").exists():
        pytest.skip("no loop device: " + done.stderr.decode())
    assert done.returncode == 0, done.stderr.decode()
    device = (tmp_path / "device").read_text().strip()
    mount_point = str(tmp_path / "mnt")
    before = items_of(json.loads((tmp_path / "before").read_text()))
    assert before[mount_point]["status"] == "ok"
    after = items_of(json.loads((tmp_path / "after").read_text()))
    # Another process, which has never seen it writable: mount table and statfs(2) disagree.
    assert after[mount_point]["status"] == "critical"
    assert after[mount_point]["summary"].startswith("turned read-only: nothing can be written; ")
    assert after["disks"]["status"] == "warning"
    assert f"ext4 on {device} has 1 error on record: run fsck on it" in after["disks"]["summary"]


@contextlib.contextmanager
def memory_group():
    """A memory cgroup of 32 MiB below this process's own, of the first version; None where there can't be one."""
    own = [line.rstrip("\n").split(":", 2)[2] for line in open("/proc/self/cgroup", encoding="utf-8")
           if ":memory:" in line]
    group = Path("/sys/fs/cgroup/memory" + own[0], f"gavea-test-host-{os.getpid()}") if own else None
    try:
        if group:
            group.mkdir()
            (group / "memory.limit_in_bytes").write_text(str(32 << 20))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        if group:
            group.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_process_that_the_kernel_ends_is_seen_over_a_restart_of_the_agent(start_agent):
    config = ('host: { every = "200ms"; collectors = [ "vmstat" ]; ntp = "off"; reboot_required = "ok"; top = 3; '
              'checks = ( { name = "main"; } ); };')
    files = {"gavea.conf": 'agent: { name = "t"; };', "host.conf": config}

    def status(agent):
        done = agent.cli("status", "host/main", "--json", check=False)
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def has(agent, text):
        return wait_until(text, lambda: (s := status(agent)) and text in json.dumps(s) and s)

    with memory_group() as group:
        if not group:
            pytest.skip("no memory cgroup of the first version")
        agent = start_agent(files)
        has(agent, "since boot")
        program = ("import os, sys\nopen(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))\n"
                   "x = bytearray(b'x' * (256 << 20))")
        hog = subprocess.run([sys.executable, "-c", program, str(group)], stdin=subprocess.DEVNULL, timeout=60,
                             check=False)
        assert hog.returncode == -9, "the kernel did not end it"
        has(agent, "ended for want of memory")
        assert '"top_memory"' in json.dumps(status(agent))
        agent.stop()
        has(start_agent(files), "ended for want of memory")
