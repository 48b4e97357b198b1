# SPDX-License-Identifier: Apache-2.0
"""The host plugin against Debian's prometheus-node-exporter: the same series, types, labels and values, on this machine and
on a made-up one with hardware that this one lacks.

Here the exporter is scraped before and after the plugin runs, so that what only grows must lie between the two. There
nothing moves, and all values are the same."""

import math
import os
import re
import sys

import pytest
from host_scrape import GAVEA, ROOT, exporter, parse_exposition, run_plugin, scrape, show, wrong_types

sys.path.insert(0, str(ROOT / "tests/support"))
import host_tree  # noqa: E402

pytestmark = pytest.mark.skipif(not os.access(GAVEA, os.X_OK), reason=f"{GAVEA} is not built")

# What the exporter has by default and the plugin has not; its README says why.
LEFT_OUT = {"node_scrape_collector_duration_seconds", "node_scrape_collector_success"}
LEFT_OUT_COLLECTORS = {"bcache", "btrfs", "fibrechannel", "infiniband", "ipvs", "powersupplyclass", "rapl", "systemd",
                       "tapestats"}

# Gauges that stay as they are while nobody changes the machine.
STATIC = re.compile(
    r"node_(boot_time_seconds|\w+_info|memory_(MemTotal|SwapTotal|CommitLimit|VmallocTotal|Hugepagesize)_bytes"
    r"|memory_HugePages_\w+|filesystem_(size_bytes|files|readonly|device_error)|filefd_maximum|entropy_pool_size_bits"
    r"|network_(address_assign_type|device_id|dormant|flags|iface_\w+|mtu_bytes|name_assign_type|net_dev_group"
    r"|protocol_type|speed_bytes|transmit_queue_length|up|carrier)|nf_conntrack_entries_limit|os_version"
    r"|selinux_enabled|textfile_scrape_error|timex_(status|sync_status|tick_seconds|tai_offset_seconds)"
    r"|time_zone_offset_seconds)$")
# Gauges that change only now and then: the value is that of one scrape or the other, or between them.
BETWEEN = re.compile(r"node_(load1|load5|load15|time_seconds|timex_\w+)$")
# How far the others may lie outside of the two scrapes.
SLACK = [
    (re.compile(r"node_(memory|filesystem|sockstat)_\w+_bytes$"), 256 << 20),
    (re.compile(r"node_filesystem_files_free$"), 20000),
    (re.compile(r"node_(procs_running|procs_blocked|disk_io_now|arp_entries)$"), 1000),
    (re.compile(r"node_(filefd_allocated|entropy_available_bits|nf_conntrack_entries|sockstat_\w+|udp_queues)$"), 100000),
    (re.compile(r"node_netstat_Tcp_CurrEstab$"), 1000),
    # The kernel's own idle times step back now and then; the exporter remembers, a fresh process can't.
    (re.compile(r"node_cpu_seconds_total$"), 0.1),
]


def is_near(key, kind, first, value, second):
    low, high = min(first, second), max(first, second)
    name = key[0]
    for pattern, slack in SLACK:
        if pattern.match(name) and not STATIC.match(name):
            return low - slack <= value <= high + slack
    if STATIC.match(name) or BETWEEN.match(name) or kind in ("counter", "untyped"):
        return low <= value <= high
    # A gauge in bytes or a count that nobody thought of yet: 1 % and a little.
    return low * 0.99 - 64 <= value <= high * 1.01 + 64


def without_left_out(values):
    return {key: value for key, value in values.items() if key[0] not in LEFT_OUT}


def test_this_machine_is_seen_as_the_exporter_sees_it(tmp_path):
    with exporter(tmp_path) as url:
        scrape(url)
        first, types = scrape(url)
        result, ours, our_types = run_plugin("remote=true")
        second, _ = scrape(url)

    assert result["check"].startswith("host")
    first, second = without_left_out(first), without_left_out(second)
    expected = {key for key in first if key in second}
    assert sorted(map(show, expected - set(ours))) == [], "the exporter has them, the plugin has not"
    assert sorted(map(show, set(ours) - set(first) - set(second))) == [], "the plugin has them, the exporter has not"
    assert wrong_types(our_types, types) == {}
    wrong = [f"{show(key)}: {first[key]!r} <= {ours[key]!r} <= {second[key]!r}"
             for key in sorted(expected, key=show)
             if not is_near(key, types[key[0]], first[key], ours[key], second[key])]
    assert wrong == []

    # Every collector that always has something was compared.
    for prefix in ("node_cpu_seconds", "node_filesystem_size", "node_load", "node_memory_Mem", "node_boot_time",
                   "node_time_seconds", "node_uname_info", "node_network_info", "node_netstat_", "node_sockstat_",
                   "node_softnet_", "node_vmstat_", "node_timex_", "node_filefd_", "node_entropy_", "node_os_info",
                   "node_udp_queues", "node_textfile_scrape_error", "node_selinux_enabled"):
        assert any(key[0].startswith(prefix) for key in expected), prefix
    assert len(expected) >= 200
    assert len([key for key in expected if STATIC.match(key[0])]) >= 20


def test_every_collector_of_the_exporter_is_there_or_named_as_left_out(tmp_path):
    with exporter(tmp_path) as url:
        values, _ = scrape(url)
    theirs = {dict(labels)["collector"] for name, labels in values if name == "node_scrape_collector_success"}
    options = (ROOT / "plugins/host/options.c").read_text()
    default = "".join(re.findall(r'"([^"]*)"', re.search(r'"collectors",[^"]*((?:"[^"]*"\s*)+),', options)[1]))
    assert theirs - set(default.split(",")) == LEFT_OUT_COLLECTORS


# Both read the network's counters and the time from the kernel, not from the trees; times of other files differ.
REAL = re.compile(r"node_(network_(receive|transmit)_\w+_total|time_seconds|timex_\w+|uname_info|time_zone_\w+)$")


def same(a, b):
    # JSON has no word for infinity and not-a-number.
    return a == b or (math.isnan(b) and not math.isfinite(a))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """What the exporter and the plugin say of a made-up machine: (values, types), (result, values, types)."""
    folder = tmp_path_factory.mktemp("host")
    procfs, sysfs, root, textfiles = host_tree.make(folder)
    with exporter(folder, f"--path.procfs={procfs}", f"--path.sysfs={sysfs}", f"--path.rootfs={root}",
                  f"--path.udev.data={root}/run/udev/data", f"--collector.textfile.directory={textfiles}") as url:
        theirs = scrape(url)
    ours = run_plugin(f"procfs={procfs}", f"sysfs={sysfs}", f"rootfs={root}", f"textfile_directory={textfiles}")
    return theirs, ours


def test_hardware_that_is_not_here_is_seen_as_the_exporter_sees_it(made_up):
    (theirs, types), (_, ours, our_types) = made_up
    theirs = {key: value for key, value in without_left_out(theirs).items() if not REAL.match(key[0])}
    ours = {key: value for key, value in ours.items() if not REAL.match(key[0])}
    assert sorted(map(show, set(theirs) - set(ours))) == [], "the exporter has them, the plugin has not"
    assert sorted(map(show, set(ours) - set(theirs))) == [], "the plugin has them, the exporter has not"
    assert [f"{show(key)}: {theirs[key]!r}, not {ours[key]!r}" for key in sorted(theirs, key=show)
            if not same(theirs[key], ours[key])] == []
    assert wrong_types({name: kind for name, kind in our_types.items() if not name.startswith("lat_")}, types) == {}
    for prefix in ("node_hwmon_", "node_edac_", "node_md_", "node_nfs_", "node_nfsd_", "node_xfs_", "node_zfs_",
                   "node_cpu_scaling_", "node_thermal_", "node_dmi_", "node_schedstat_", "node_nf_conntrack_",
                   "node_disk_info", "node_nvme_info", "node_bonding_", "node_cpu_core_throttles", "node_arp_entries", "mine_total"):
        assert any(key[0].startswith(prefix) for key in ours), prefix


def test_what_fails_in_that_hardware_is_named(made_up):
    _, (result, _, _) = made_up
    items = {item["name"]: item for item in result["items"]}
    assert result["status"] == "critical"
    assert result["summary"].startswith(
        "3 of ") and "raid md3: inactive: it was not assembled; see mdadm --detail /dev/md3" in result["summary"]
    assert items["raid md1"]["status"] == "warning"
    assert items["raid md1"]["summary"] == "2 of 3 disks, rebuilding: 9 % done"
    assert items["raid md0"] | {"attributes": {}} == {
        "name": "raid md0", "status": "ok", "summary": "2 disks", "attributes": {}}
    assert items["bond bond0"]["summary"] == (
        "1 of 2 links up, down: eth1; see its cable and the switch (/proc/net/bonding/bond0)")
    assert items["zpool pool1"]["status"] == "ok"


def test_what_is_left_out_is_in_the_readme():
    readme = (ROOT / "plugins/host/README.md").read_text()
    assert [name for name in sorted(LEFT_OUT | LEFT_OUT_COLLECTORS) if f"`{name}`" not in readme] == []


def test_an_exposition_is_parsed_with_its_labels_and_types():
    values, types = parse_exposition(
        '# HELP a x\n# TYPE a counter\na{b="c\\"d",e="f\\\\g",n=""} 1.5e+09\n# TYPE h gauge\nh 2\n')
    assert values == {("a", frozenset({("b", 'c"d'), ("e", "f\\g")})): 1.5e9, ("h", frozenset()): 2.0}
    assert types == {"a": "counter", "h": "gauge"}
