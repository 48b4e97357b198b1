# SPDX-License-Identifier: Apache-2.0
"""A made-up machine: trees that stand for /proc, /sys and / of a host with the hardware that test machines lack.

Every number is a different one where the format allows it, so that two columns that were swapped show."""

from itertools import count
from pathlib import Path


def write(root, files):
    for name, text in files.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\n") else text + "\n")


def numbered(start, how_many):
    return " ".join(str(start + i) for i in range(how_many))


def kstat(names, start=1000):
    numbers = count(start)
    return "6 1 0x01 91 4368 5266997922 97951858082072\nname                            type data\n" + "".join(
        f"{name:<31} 4    {next(numbers)}\n" for name in names)


MDSTAT = """Personalities : [linear] [raid0] [raid1] [raid10] [raid6] [raid5] [raid4] [multipath]
md0 : active raid1 sdb1[1] sda1[0]
      5855740928 blocks super 1.2 [2/2] [UU]
      bitmap: 0/1 pages [0KB], 65536KB chunk

md1 : active raid5 sde1[4](F) sdd1[2] sdc1[1] sdb2[3](S)
      195310144 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec

md2 : active raid0 sdf1[0] sdg1[1]
      4186624 blocks super 1.2 512k chunks

md3 : inactive sdh1[0](S)
      204800 blocks super 1.2

md4 : active (auto-read-only) raid1 sdi1[1] sdj1[0]
      1048 blocks super 1.2 [2/2] [UU]
      [=========>...........]  check = 48.0% (503/1048) finish=5.0min speed=17829K/sec

md5 : active raid1 sdk1[1] sdl1[0]
      26748928 blocks super 1.2 [2/2] [UU]
      	resync=PENDING

md6 : active raid1 sdm1[1] sdn1[0]
      16748928 blocks super 1.2 [2/2] [UU]
      [==>..................]  resync = 12.5% (2093616/16748928) finish=1.1min speed=209361K/sec

unused devices: <none>
"""

NFS_CLIENT = f"""net 70 71 72 73
rpc 1218785755 374636 1218815394
proc2 18 {numbered(200, 18)}
proc3 22 {numbered(300, 22)}
proc4 61 {numbered(400, 61)}
"""

NFSD = f"""rc 10 11 12
fh 20 21 22 23 24
io 30 31
th 8 40 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000
ra 32 0 0 0 0 0 0 0 0 0 0 50
net 60 61 62 63
rpc 70 71 72 73 74
proc2 18 {numbered(200, 18)}
proc3 22 {numbered(300, 22)}
proc4 2 2 10853
proc4ops 72 {numbered(600, 72)}
"""

XFS = f"""extent_alloc {numbered(100, 4)}
abt {numbered(110, 4)}
blk_map {numbered(120, 7)}
bmbt {numbered(130, 4)}
dir {numbered(140, 4)}
trans {numbered(150, 3)}
ig {numbered(160, 7)}
log {numbered(170, 5)}
push_ail {numbered(180, 10)}
xstrat {numbered(190, 2)}
rw {numbered(200, 2)}
attr {numbered(210, 4)}
icluster {numbered(220, 3)}
vnodes {numbered(230, 8)}
buf {numbered(240, 9)}
abtb2 {numbered(250, 15)}
abtc2 {numbered(270, 15)}
bmbt2 {numbered(290, 15)}
ibt2 {numbered(310, 15)}
fibt2 {numbered(330, 15)}
qm {numbered(350, 8)}
xpc {numbered(360, 3)}
debug 0
"""


def proc(root):
    write(root, {
        "mdstat": MDSTAT,
        "net/rpc/nfs": NFS_CLIENT,
        "net/rpc/nfsd": NFSD,
        "schedstat": "version 15\ntimestamp 15819019232\n"
                     "cpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 2045936778163039 343796328169361 4767485306\n"
                     "domain0 00000000,00000003 212499247 210112015 1861015 1860405436 536440 369895 32599 210079416\n"
                     "cpu1 518377256 0 4155211005 2778589869 10466382 2867629021 1904686152592476 364107263788241 5145567945\n",
        "net/stat/nf_conntrack": "entries  searched found new invalid ignore delete delete_list insert insert_failed drop "
                                 "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
                                 "00000021  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 "
                                 "00000009 0000000a 0000000b 0000000c  0000000d 0000000e 0000000f 00000010\n"
                                 "00000021  00000101 00000102 00000103 00000104 00000105 00000106 00000107 00000108 "
                                 "00000109 0000010a 0000010b 0000010c  0000010d 0000010e 0000010f 00000110\n",
        "sys/net/netfilter/nf_conntrack_count": "123",
        "sys/net/netfilter/nf_conntrack_max": "65536",
        "sys/kernel/random/entropy_avail": "1337",
        "sys/kernel/random/poolsize": "4096",
        "sys/fs/file-nr": "1024\t0\t1631329",
        "net/arp": "IP address       HW type     Flags       HW address            Mask     Device\n"
                   "192.168.1.1      0x1         0x2         cc:aa:dd:ee:aa:bb     *        eth0\n"
                   "192.168.1.2      0x1         0x0         bb:cc:dd:ee:ff:gg     *        eth0\n"
                   "10.0.0.1         0x1         0x2         bb:cc:dd:ee:ff:11     *        nope\n",
        "net/softnet_stat": "00015c73 00020e76 00000769 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
                            "00000000\n"
                            "01663fb2 00000000 00000109 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
                            "00000000\n",
        "net/sockstat": "sockets: used 229\nTCP: inuse 4 orphan 1 tw 5 alloc 17 mem 2\nUDP: inuse 3 mem 6\n"
                        "UDPLITE: inuse 8\nRAW: inuse 9\nFRAG: inuse 10 memory 11\n",
        "net/sockstat6": "TCP6: inuse 17\nUDP6: inuse 9\nUDPLITE6: inuse 1\nRAW6: inuse 2\nFRAG6: inuse 3 memory 4\n",
        "net/udp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                   "    0: 00000000:0016 00000000:0000 0A 00000002:00000011 00:00000000 00000000     0        0 2740\n"
                   "    1: 0302A8C0:B82D 0202A8C0:0C83 0A 00000001:00000001 00:00000000 00000000     0        0 2741\n",
        "net/udp6": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                    " 1315: 00000000000000000000000000000000:14EB 00000000000000000000000000000000:0000 07 "
                    "00000003:00000005 00:00000000 00000000   981        0 21040 2 0000000013726323 0\n",
        "net/netstat": "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts ListenOverflows ListenDrops "
                       "TCPTimeouts TCPSynRetrans\nTcpExt: 1 2 3 4 5 6 7 8\nIpExt: InNoRoutes InOctets OutOctets\n"
                       "IpExt: 11 12 13\n",
        "net/snmp": "Ip: Forwarding DefaultTTL\nIp: 1 64\nIcmp: InMsgs InErrors OutMsgs\nIcmp: 21 22 23\n"
                    "Tcp: RtoMin MaxConn ActiveOpens PassiveOpens CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts\n"
                    "Tcp: 200 -1 31 32 33 34 35 36 37 38\n"
                    "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 41 42 43 44 45 46\n"
                    "UdpLite: InDatagrams NoPorts InErrors\nUdpLite: 51 52 53\n",
        "net/snmp6": "Ip6InReceives                   \t7\nIp6InOctets                     \t460\n"
                     "Ip6OutOctets                    \t536\nIcmp6InMsgs                     \t61\n"
                     "Icmp6InErrors                   \t62\nUdp6InDatagrams                 \t63\n"
                     "Udp6InErrors                    \t64\nUdpLite6InErrors                \t65\n",
        "vmstat": "nr_free_pages 977769\npgpgin 7344136\npgpgout 1541180779\npswpin 1476\npswpout 35045\n"
                  "pgfault 2320168809\npgmajfault 507162\noom_kill 3\nunevictable_pgs_culled 3\n",
        "stat": "cpu  30 0 0 0 0 0 0 0 0 0\ncpu0 11 2 3 456789 5 6 7 8 9 10\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 5 1 2\n"
                "ctxt 420894\nbtime 1795344366\nprocesses 8747\nprocs_running 3\nprocs_blocked 1\nsoftirq 16 0 2 1 1 1 1 1 1 1 1\n",
        "cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\n",
        "meminfo": "MemTotal:       1000 kB\nMemAvailable:    770 kB\nActive(anon):      3 kB\nHugePages_Total:       4\n",
        "pressure/cpu": "some avg10=0.49 avg60=0.88 avg300=0.31 total=8013443\n"
                        "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        "pressure/io": "some avg10=0.19 avg60=0.05 avg300=0.13 total=6572756\n"
                       "full avg10=0.19 avg60=0.05 avg300=0.13 total=6264813\n",
        "pressure/memory": "some avg10=0.1 avg60=0.2 avg300=0.3 total=30\nfull avg10=0.1 avg60=0.2 avg300=0.3 total=20\n",
        "loadavg": "0.31 12.07 3.00 1/91 8747",
        "diskstats": "   8       0 sda 35352 9127 3037370 26866 30006 9324 1965816 4182 2 9952 31936 8935 70 308424 730 "
                     "4553 156\n 253       0 dm-0 1 2 3 4 5 6 7 8 0 9 10 11 12 13 14 15 16\n",
        "spl/kstat/zfs/arcstats": kstat(["hits", "misses", "size", "c", "c_max", "anon_evictable_data"]),
        "spl/kstat/zfs/zil": kstat(["zil_commit_count", "zil_itx_count"], 1100),
        "spl/kstat/zfs/zfetchstats": kstat(["hits", "misses"], 1200),
        "spl/kstat/zfs/vdev_cache_stats": kstat(["delegations", "hits"], 1300),
        "spl/kstat/zfs/vdev_mirror_stats": kstat(["rotating_linear"], 1350),
        "spl/kstat/zfs/xuio_stats": kstat(["onloan_read_buf"], 1400),
        "spl/kstat/zfs/dmu_tx": kstat(["dmu_tx_assigned", "dmu_tx_delay"], 1500),
        "spl/kstat/zfs/dbuf_stats": kstat(["cache_count", "hash_hits"], 1600),
        "spl/kstat/zfs/dnodestats": kstat(["dnode_hold_alloc_hits"], 1700),
        "spl/kstat/zfs/fm": kstat(["erpt-dropped", "fmri-set-failed"], 1800),
        "spl/kstat/zfs/abdstats": kstat(["struct_size", "linear_cnt"], 1900) + "signed_one                      3    -7\n",
        "spl/kstat/zfs/pool1/io": "12 3 0x00 1 80 79205351707403 395818011156865\nnread    nwritten reads    writes   "
                                  "wtime    wlentime wupdate  rtime    rlentime rupdate  wcnt     rcnt\n"
                                  "1884160 3206144 22 132 7155162 104112268 79210489694949 24168078 104112269 "
                                  "79210489849220 1 2\n",
        "spl/kstat/zfs/pool1/state": "ONLINE",
        "spl/kstat/zfs/pool1/objset-0x36": "30 1 0x01 7 2160 6165792836 1634992995579\n"
                                           "name                            type data\n"
                                           "dataset_name                    7    pool1/data set\n"
                                           "writes                          4    0\nnwritten                        4    1\n"
                                           "reads                           4    2\nnread                           4    3\n",
    })


def hwmon(chip, **files):
    return {f"class/hwmon/{chip}/{name}": value for name, value in files.items()}


def cpufreq(cpu, **files):
    """What one CPU has; the exporter wants all of it, but for the current frequency."""
    files = {"scaling_available_governors": "performance powersave", "scaling_driver": "intel_pstate",
             "scaling_governor": "powersave", "scaling_setspeed": "<unsupported>", "related_cpus": str(cpu),
             "cpuinfo_transition_latency": "0"} | files
    return {f"devices/system/cpu/cpu{cpu}/cpufreq/{name}": text for name, text in files.items()}


def sys(root):
    write(root, cpufreq(0, scaling_cur_freq="1219917", scaling_min_freq="800000", scaling_max_freq="2400000",
                        cpuinfo_min_freq="800001", cpuinfo_max_freq="2400001", cpuinfo_cur_freq="1699981"))
    write(root, cpufreq(1, scaling_cur_freq="1219918", scaling_min_freq="800003", scaling_max_freq="2400003",
                        cpuinfo_min_freq="800004", cpuinfo_max_freq="2400004"))
    write(root, {
        "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "5",
        "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "30",
        "devices/system/cpu/cpu0/topology/core_id": "0",
        "devices/system/cpu/cpu0/topology/physical_package_id": "0",
        "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "6",
        "devices/system/cpu/cpu1/thermal_throttle/package_throttle_count": "30",
        "devices/system/cpu/cpu1/topology/core_id": "1",
        "devices/system/cpu/cpu1/topology/physical_package_id": "0",
        "devices/system/edac/mc/mc0/ce_count": "1",
        "devices/system/edac/mc/mc0/ce_noinfo_count": "2",
        "devices/system/edac/mc/mc0/ue_count": "5",
        "devices/system/edac/mc/mc0/ue_noinfo_count": "6",
        "devices/system/edac/mc/mc0/csrow0/ce_count": "3",
        "devices/system/edac/mc/mc0/csrow0/ue_count": "4",
        "devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm ",
        "devices/system/clocksource/clocksource0/current_clocksource": "tsc",
        "class/thermal/thermal_zone0/type": "bcm2835_thermal",
        "class/thermal/thermal_zone0/policy": "step_wise",
        "class/thermal/thermal_zone0/temp": "49925",
        "class/thermal/thermal_zone0/mode": "enabled",
        "class/thermal/thermal_zone1/type": "acpitz",
        "class/thermal/thermal_zone1/policy": "step_wise",
        "class/thermal/thermal_zone1/temp": "-44000",
        "class/thermal/cooling_device0/type": "Processor",
        "class/thermal/cooling_device0/max_state": "50",
        "class/thermal/cooling_device0/cur_state": "7",
        "class/dmi/id/bios_vendor": "Dell Inc.",
        "class/dmi/id/bios_version": "2.2.4",
        "class/dmi/id/bios_date": "04/12/2021",
        "class/dmi/id/bios_release": "2.2",
        "class/dmi/id/board_name": "07PXPY",
        "class/dmi/id/board_serial": ".7N62AI2.GRTCL6944100GP.",
        "class/dmi/id/board_vendor": "Dell Inc.",
        "class/dmi/id/board_version": "A01",
        "class/dmi/id/chassis_asset_tag": "",
        "class/dmi/id/chassis_vendor": "Dell Inc.",
        "class/dmi/id/product_name": "PowerEdge R6515",
        "class/dmi/id/product_family": "PowerEdge",
        "class/dmi/id/product_sku": "SKU=NotProvided;ModelName=PowerEdge R6515",
        "class/dmi/id/product_uuid": "83340ca8-cb49-4474-8c29-d2088ca84dd9",
        "class/dmi/id/sys_vendor": "Dell Inc.",
        "class/net/eth0/addr_assign_type": "3",
        "class/net/eth0/addr_len": "6",
        "class/net/eth0/address": "01:01:01:01:01:01",
        "class/net/eth0/broadcast": "ff:ff:ff:ff:ff:ff",
        "class/net/eth0/carrier": "1",
        "class/net/eth0/carrier_changes": "2",
        "class/net/eth0/carrier_down_count": "1",
        "class/net/eth0/carrier_up_count": "4",
        "class/net/eth0/dev_id": "0x20",
        "class/net/eth0/dormant": "1",
        "class/net/eth0/duplex": "full",
        "class/net/eth0/flags": "0x1303",
        "class/net/eth0/ifalias": "up\"link",
        "class/net/eth0/ifindex": "2",
        "class/net/eth0/iflink": "5",
        "class/net/eth0/link_mode": "6",
        "class/net/eth0/mtu": "1500",
        "class/net/eth0/name_assign_type": "7",
        "class/net/eth0/netdev_group": "8",
        "class/net/eth0/operstate": "up",
        "class/net/eth0/phys_port_id": "",
        "class/net/eth0/phys_port_name": "p0",
        "class/net/eth0/phys_switch_id": "",
        "class/net/eth0/speed": "1000",
        "class/net/eth0/tx_queue_len": "1001",
        "class/net/eth0/type": "9",
        "class/net/eth1/operstate": "down",
        "class/net/eth1/mtu": "1400",
        "class/net/eth1/speed": "-1",
        "class/net/bonding_masters": "bond0 bond9",
        "class/net/bond0/operstate": "up",
        "class/net/bond0/bonding/slaves": "eth0 eth1",
        "class/net/bond0/lower_eth0/bonding_slave/mii_status": "up",
        "class/net/bond0/lower_eth1/bonding_slave/mii_status": "down",
        "class/net/bond9/operstate": "up",
        "class/net/bond9/bonding/slaves": "eth7",
        "class/net/bond9/slave_eth7/bonding_slave/mii_status": "up",
        "class/nvme/nvme0/firmware_rev": "1B2QEXP7",
        "class/nvme/nvme0/model": "Samsung SSD 970 PRO 512GB",
        "class/nvme/nvme0/serial": "S680HF8N190894I",
        "class/nvme/nvme0/state": "live",
        "fs/xfs/sda1/stats/stats": XFS,
        "fs/selinux/enforce": "1",
    })
    chips = [
        ("hwmon0", dict(name="coretemp", temp1_input="55000", temp1_label="Physical id 0", temp1_crit="100000",
                        temp1_crit_alarm="0", temp1_max="84000", temp2_input="54000", temp2_label="Core 0")),
        ("hwmon1", dict(name="nct6779", fan2_input="1098", fan2_alarm="0", fan2_beep="0", fan2_min="0", fan2_pulses="2",
                        fan2_tolerance="0", in0_input="792", in0_alarm="1", in0_max="1744", in0_min="0",
                        intrusion0_alarm="1", intrusion0_beep="0", pwm1="98", pwm1_enable="5", pwm1_mode="1",
                        pwm1_auto_point1_pwm="153", beep_enable="0", power1_accuracy="3.5", curr1_input="1500",
                        energy1_input="2000000", humidity1_input="45300", power1_input="30000000",
                        freq1_input="214000000", cpu0_vid="1200", power1_average="29000000", vrm="90",
                        update_interval="1000", power1_average_interval="5000", power1_cap="150000000",
                        fan1_target="2000", fan1_fault="1", temp1_type="4", temp1_input="-1500",
                        in1_lcrit_alarm="1", pwm1_freq="25000", temp1_max_hyst="75000", fan1_div="8",
                        intrusion1_fault="0", curr1_alarm="0", temp1_beep="1", humidity1_label="air")),
        ("hwmon2", dict(temp1_input="123456", name="odd chip")),
        ("hwmon3", dict(name="bad", fan1_input="x")),
    ]
    for chip, files in chips:
        write(root, hwmon(chip, **files))
    device = Path(root, "devices/platform/it87.656/hwmon")
    write(device.parent, {"temp3_input": "31000", "hwmon/hwmon4/name": "it8728", "hwmon/hwmon4/in3_input": "3300"})
    Path(device, "hwmon4/device").symlink_to("../..")
    Path(root, "class/hwmon/hwmon4").symlink_to("../../devices/platform/it87.656/hwmon/hwmon4")
    for disk in ("sda", "dm-0"):
        write(root, {f"block/{disk}/queue/rotational": "1", f"block/{disk}/stat": numbered(1, 17)})


def root(folder):
    write(folder, {
        "etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
                          'ID=debian\nID_LIKE="linux unix"\nPRETTY_NAME=\'Debian GNU/Linux 12 (bookworm)\'\n'
                          'BUILD_ID=20220801.0\n# comment\nVARIANT="Cloud \\"edge\\" $x"\nIMAGE_ID=img\nIMAGE_VERSION=7.2\n',
        "run/udev/data/b8:0": "S:disk/by-id/wwn-0x5000039ff2b\nI:1234567\nE:ID_SERIAL=TOSHIBA_X\nE:ID_SERIAL_SHORT=521\nE:ID_SCSI_SERIAL=S1\nE:SCSI_IDENT_SERIAL=S2\n"
                              "E:ID_MODEL=TOSHIBA MG08\nE:ID_REVISION=0101\nE:ID_WWN=0x5000039ff2b\n"
                              "E:ID_PATH=pci-0000:00:1f.2-ata-3\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\n"
                              "E:ID_ATA_WRITE_CACHE_ENABLED=0\nE:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_FS_TYPE=ext4\n"
                              "E:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=abc-1\nE:ID_FS_VERSION=1.0\n",
        "run/udev/data/b253:0": "E:DM_NAME=nvme0n1_crypt\nE:DM_UUID=CRYPT-LUKS2-jolaulot80fy9zsiobkxyxo7y2dqeho2\n"
                                "E:DM_VG_NAME=vg0\nE:DM_LV_NAME=lv0\nE:DM_LV_LAYER=layer\nE:ID_FS_LABEL=data\n",
    })


def textfiles(folder):
    write(folder, {
        "good.prom": "# HELP mine_total Mine\n# TYPE mine_total counter\nmine_total{a=\"b\\\"c\",z=\"\"} 1.5e3\n"
                     "plain 7\n# TYPE lat histogram\nlat_bucket{le=\"1\"} 2\nlat_bucket{le=\"+Inf\"} 3\nlat_sum 4.5\n"
                     "lat_count 3\nnan_value NaN\ninf_value -Inf\n",
        "bad.prom": "this is no metric{\n",
        "stamp.prom": "stamped 1 1441205977284\n",
        "ignored.txt": "other 1\n",
    })


def make(folder):
    """The folders as (procfs, sysfs, rootfs, textfiles)."""
    folders = [Path(folder, name) for name in ("proc", "sys", "root", "textfiles")]
    for path, fill in zip(folders, (proc, sys, root, textfiles)):
        path.mkdir()
        fill(path)
    return folders
