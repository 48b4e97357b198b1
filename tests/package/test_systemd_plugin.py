# SPDX-License-Identifier: Apache-2.0
"""The systemd plugin against a real systemd, in a container: units that fail, flap, time out, refuse, and log errors."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import nspawn

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
HERE = "/opt/gavea-test"  # inside
EXPORTER = Path("/usr/bin/prometheus-node-exporter")
UNITS = {
    "broken.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 7'\n",
    "steady.service": "[Service]\nExecStart=/bin/sleep infinity\nMemoryAccounting=yes\nCPUAccounting=yes\n",
    "flapping.service": "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'sleep 0.3'\n"
                        "Restart=always\nRestartSec=100ms\n",
    "noisy.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'for i in 1 2 3 4 5; do echo \"<3>bad $i\"; done; "
                     "echo fine'\n",
    "backup.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "backup.timer": "[Timer]\nOnCalendar=yearly\n",
    "often.timer": "[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=1h\nAccuracySec=100ms\nUnit=backup.service\n",
    "busy.socket": "[Socket]\nListenStream=127.0.0.1:7777\nAccept=yes\nMaxConnections=1\n",
    "slow.socket": "[Socket]\nListenStream=127.0.0.1:7778\nListenStream=[::1]:7778\nBacklog=16\n",
    "slow.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "busy@.service": "[Service]\nExecStart=/bin/sleep 1000\nStandardInput=socket\n",
}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="booting containers needs root")


@pytest.fixture(scope="module")
def box():
    """A container with our programs, and those units, none of them started but the steady one."""
    if not shutil.which("systemd-nspawn") or not shutil.which("debootstrap"):
        pytest.skip("systemd-nspawn or debootstrap is not installed")
    subprocess.run(["make", "-s", "all"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    root = ROOT / "build" / f"nspawn-run-{os.getpid()}"
    try:
        container = nspawn.Container(nspawn.base_tree(ROOT / "build"), root)
        folder = root / HERE.lstrip("/")
        (folder / "plugins").mkdir(parents=True)
        for name in ("gavea", "gavead", "gavea-worker"):
            shutil.copy(BUILD / name, folder)
        shutil.copy(BUILD / "plugins/systemd.so", folder / "plugins")
        for name, text in UNITS.items():
            (root / "etc/systemd/system" / name).write_text(text)
        with container:
            container.run("systemctl", "start", "steady")
            yield container
    finally:
        shutil.rmtree(root, ignore_errors=True)


def run(box, *options):
    """One run of the plugin: its result, with items by name under "named" and samples under "values"."""
    done = box.run(f"{HERE}/gavea", "run", "systemd", "--plugins", f"{HERE}/plugins", "--json", "ignore=systemd-*,dev-*",
                   *options, check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    result["named"] = {item["name"]: item for item in result["items"]}
    result["values"] = {s["name"] + "".join(f",{v}" for _, v in sorted(s["labels"].items())): s["value"]
                        for s in result["samples"]}
    return result


def test_a_healthy_host_is_ok_and_counted(box):
    result = run(box)
    assert result["status"] == "ok", result
    assert result["summary"].endswith("units, 0 failed")
    assert result["values"]["node_systemd_units,active"] > 10
    assert result["values"]["node_systemd_units,failed"] == 0


def test_a_failed_unit_is_critical_with_its_exit_status_until_it_is_ignored(box):
    box.run("systemctl", "start", "broken", check=False)
    result = run(box)
    assert (result["status"], result["named"]["broken.service"]["summary"]) == (
        "critical", "failed: exit-code, exit status 7; see systemctl status broken.service")
    assert result["summary"].startswith("1 problem among ")
    assert run(box, "failed=false")["status"] == "ok"
    assert run(box, "ignore=broken*")["status"] == "ok"
    assert run(box, "expect=broken.service")["status"] == "critical"
    box.run("systemctl", "reset-failed", "broken")


def test_expected_units_are_found_whether_they_are_loaded_or_not(box):
    assert run(box, "expect=steady.service running")["status"] == "ok"
    result = run(box, "expect=no-such-thing.service", "expect=backup.timer waiting")
    assert result["named"]["no-such-thing.service"]["summary"] == "there is no such unit, but it should be active"
    assert result["named"]["backup.timer"]["summary"] == "is inactive (dead), but should be waiting"
    result = run(box, "units=nothing-*")
    assert (result["status"], result["named"]["units"]["summary"]) == ("unknown", "no unit fits `units`")


def test_a_backup_that_did_not_run_is_critical(box):
    result = run(box, "timer_age=backup.timer 26h")
    assert result["named"]["backup.timer schedule"]["summary"] == "is inactive: it will not run"
    box.run("systemctl", "start", "backup.timer", "often.timer")
    result = run(box, "timer_age=backup.timer 1s")
    assert result["status"] == "critical"
    assert result["named"]["backup.timer schedule"]["summary"].startswith("has not run since boot, ")
    assert run(box, "timer_age=gone.timer 1d")["named"]["gone.timer schedule"]["status"] == "critical"

    def has_run():
        return run(box, "timer_age=often.timer 1h")["named"]["often.timer schedule"]["summary"].startswith("last ran")
    box.wait("often.timer to run", has_run)
    assert run(box)["status"] == "ok"


def test_memory_and_processor_time_can_be_judged(box):
    result = run(box, "metrics=steady.service")
    assert result["values"]["node_systemd_unit_state,steady.service,active,simple"] == 1
    assert result["values"]["node_systemd_unit_state,steady.service,failed,simple"] == 0
    assert result["values"]["node_systemd_service_restart_total,steady.service"] == 0
    assert result["values"]["node_systemd_unit_start_time_seconds,steady.service"] > 1e9
    result = run(box, "critical=steady.service memory > 1B", "warning=steady.service cpu < 100000%")
    memory = result["named"]["steady.service memory"]
    if "gavea_systemd_unit_memory_bytes,steady.service" in result["values"]:
        assert memory["status"] == "critical" and memory["summary"].startswith("memory is ")
    else:
        assert memory["status"] == "unknown" and memory["summary"] == "memory is not accounted for this unit"
    assert result["named"]["steady.service cpu"]["status"] in ("warning", "unknown")
    result = run(box, "critical=gone.service memory > 1B")
    assert result["named"]["gone.service memory"]["status"] == "unknown"


def test_connections_that_a_socket_refused_are_seen(box):
    box.run("systemctl", "start", "busy.socket")
    assert run(box, "warning=busy.socket refused 0")["named"]["busy.socket refused"]["status"] == "ok"
    box.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7777; sleep 0.5; exec 4<>/dev/tcp/127.0.0.1/7777; "
            "read -t 60 -u 4 || true")

    def refused():
        result = run(box, "warning=busy.socket refused 0")
        return result["named"]["busy.socket refused"]["status"] == "warning"
    box.wait("a refused connection", refused)
    assert run(box, "metrics=*.socket")["values"]["node_systemd_socket_refused_connections_total,busy.socket"] >= 1
    box.run("systemctl", "stop", "busy.socket", "busy@*")


def test_connections_that_wait_to_be_accepted_are_counted(box):
    box.run("systemctl", "start", "slow.socket")
    critical = "critical=slow.socket backlog > 2"
    assert run(box, critical)["named"]["slow.socket backlog"]["status"] == "ok"
    # The service that is started never accepts.
    box.run("bash", "-c", "for i in 1 2 3; do exec {fd}<>/dev/tcp/127.0.0.1/7778; done; exec {fd}<>/dev/tcp/::1/7778; "
            f"{HERE}/gavea run systemd --plugins {HERE}/plugins 'metrics=slow.socket' '{critical}' --json >/tmp/backlog.json || true")
    result = json.loads(box.run("cat", "/tmp/backlog.json").stdout)
    item = {i["name"]: i for i in result["items"]}["slow.socket backlog"]
    assert (item["status"], item["summary"]) == ("critical", "backlog is 4, threshold ~:2")
    assert {s["name"]: s["value"] for s in result["samples"]}["gavea_systemd_socket_backlog"] == 4
    box.run("systemctl", "stop", "slow.socket", "slow.service")


@pytest.mark.skipif(not EXPORTER.exists(), reason="prometheus-node-exporter is not installed")
def test_samples_have_the_names_and_values_of_node_exporter(box):
    shutil.copy(EXPORTER, box.root / HERE.lstrip("/"))
    box.run("systemctl", "start", "often.timer", "busy.socket")
    box.run("systemd-run", "--unit=exporter", f"{HERE}/{EXPORTER.name}", "--collector.disable-defaults", "--collector.systemd",
            "--collector.systemd.enable-task-metrics", "--collector.systemd.enable-restarts-metrics",
            "--collector.systemd.enable-start-time-metrics", "--web.listen-address=127.0.0.1:9100")

    def scrape():
        return box.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9100 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3",
                       check=False).stdout
    try:
        text = box.wait("node_exporter", lambda: (scrape() if "node_systemd_units" in scrape() else None))
        result = run(box, "metrics=steady.service,busy.socket,often.timer")
    finally:
        box.run("systemctl", "stop", "exporter", "busy.socket", check=False)
    theirs = {}
    for name, labels, value in re.findall(r"^(node_systemd_\w+)(?:\{(.*)\})? (\S+)$", text, re.M):
        theirs[name, labels or ""] = float(value)
    missing, compared = [], 0
    for sample in result["samples"]:
        labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample["labels"].items()))
        if not sample["name"].startswith("node_") or sample["name"] == "node_systemd_units":
            continue
        if (sample["name"], labels) not in theirs:
            missing.append((sample["name"], labels))
        elif "current" not in sample["name"]:
            assert abs(theirs[sample["name"], labels] - sample["value"]) < 1e-3, sample
            compared += 1
    assert not missing and compared >= 12, (missing, [key for key in theirs if "often" in key[1] or "busy" in key[1]])
    assert {state for name, state in theirs if name == "node_systemd_units"} == {
        f'state="{s["labels"]["state"]}"' for s in result["samples"] if s["name"] == "node_systemd_units"}


def test_the_daemon_remembers_restarts_and_its_place_in_the_journal(box):
    folder = box.root / HERE.lstrip("/") / "etc"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d/systemd.conf").write_text(
        'systemd: { checks = ( { name = "all"; every = "1s"; ignore = [ "systemd-*", "dev-*" ]; restarts_critical = 0; '
        'journal_errors = "3"; } ); };\n')
    box.run("systemd-run", "--unit=agent", f"{HERE}/gavead", "--config", f"{HERE}/etc", "--state", f"{HERE}/state", "--run",
            f"{HERE}/run", "--plugins", f"{HERE}/plugins")

    def items():
        done = box.run(f"{HERE}/gavea", "--socket", f"{HERE}/run/control.sock", "status", "systemd/all", "--json",
                       check=False)
        return done.stdout
    try:
        box.wait("the first run", lambda: "units, 0 failed" in items())
        box.run("systemctl", "start", "noisy")
        box.wait("errors in the journal", lambda: "logged 5 errors since the last look" in items())
        box.wait("the errors to be over", lambda: "logged 5 errors" not in items())
        box.run("systemctl", "start", "flapping")
        box.wait("restarts", lambda: re.search(r"restarted ([3-9]|[1-9]\d+) times in 1h", items()))
    finally:
        box.run("systemctl", "stop", "flapping", "agent", check=False)


def test_the_agents_user_may_ask_the_bus_but_not_read_the_journal(box):
    box.run("systemd-sysusers", "--inline", "u gavea-user - - /")
    command = ["setpriv", "--reuid=gavea-user", "--regid=gavea-user", "--clear-groups", f"{HERE}/gavea", "run", "systemd",
               "--plugins", f"{HERE}/plugins", "--json", "ignore=systemd-*,dev-*"]
    result = json.loads(box.run(*command, check=False).stdout)
    assert result["status"] == "ok", result
    result = json.loads(box.run(*command, "journal_errors=3", check=False).stdout)
    assert result["status"] == "unknown"
    assert "make user gavea a member of group systemd-journal" in result["summary"]


def test_without_the_bus_it_is_unknown_and_says_why(box):
    box.run("systemctl", "stop", "dbus.socket", "dbus.service")
    try:
        result = run(box)
        assert result["status"] == "unknown"
        assert result["summary"].startswith("cannot reach the system bus at unix:path=/run/dbus/system_bus_socket: ")
    finally:
        box.run("systemctl", "start", "dbus.socket")
