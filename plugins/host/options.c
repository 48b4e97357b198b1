/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

const struct gavea_option host_options[HOST_OPTIONS] = {
	{"collectors", GAVEA_OPTION_STRINGS, 0,
		"arp,bonding,conntrack,cpu,cpufreq,diskstats,dmi,edac,entropy,filefd,filesystem,hwmon,"
		"loadavg,mdadm,"
		"meminfo,netclass,netdev,netstat,nfs,nfsd,nvme,os,pressure,schedstat,selinux,sockstat,"
		"softnet,stat,"
		"textfile,thermal_zone,time,timex,udp_queues,uname,vmstat,xfs,zfs",
		NULL, "What is collected; what a collector's files are not there for costs nothing"},

	{"disk_warning", GAVEA_OPTION_PERCENT, 0, "90%", "0%..100%",
		"A file system with more of its space or inodes used is a warning"},
	{"disk_critical", GAVEA_OPTION_PERCENT, 0, "97%", "0%..100%",
		"A file system with more of its space or inodes used is critical"},
	{"disk_full_warning", GAVEA_OPTION_DURATION, 0, "24h", "0..",
		"A file system that will be full sooner, if it goes on as it did, is a warning"},
	{"disk_full_critical", GAVEA_OPTION_DURATION, 0, "2h", "0..",
		"A file system that will be full sooner, if it goes on as it did, is critical"},
	{"disk_trend_window", GAVEA_OPTION_DURATION, 0, "6h", "10min..30d",
		"How far back the trend of a file system is looked at"},
	{"disk_trend_from", GAVEA_OPTION_PERCENT, 0, "60%", "0%..100%",
		"The trend of a file system counts when more of its space is used"},
	{"disk_readonly", GAVEA_OPTION_CHOICE, 0, "critical", "ok|warning|critical",
		"The status of a file system that could be written to and can't any more"},
	{"remote", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Ask file systems of other machines and of FUSE too; one that hangs makes the check overrun"},

	{"memory_warning", GAVEA_OPTION_PERCENT, 0, "5%", "0%..100%", "Less available memory is a warning"},
	{"memory_critical", GAVEA_OPTION_PERCENT, 0, "2%", "0%..100%", "Less available memory is critical"},
	{"oom_remember", GAVEA_OPTION_DURATION, 0, "1h", "0..",
		"How long a process that the kernel ended for want of memory is a warning"},
	{"pressure_cpu_warning", GAVEA_OPTION_PERCENT, 0, "80%", "0%..100%",
		"More of the time in which some task waits for a CPU is a warning"},
	{"pressure_cpu_critical", GAVEA_OPTION_PERCENT, 0, "100%", "0%..100%",
		"More of the time in which some task waits for a CPU is critical"},
	{"pressure_io_warning", GAVEA_OPTION_PERCENT, 0, "50%", "0%..100%",
		"More of the time in which all work waits for I/O is a warning"},
	{"pressure_io_critical", GAVEA_OPTION_PERCENT, 0, "90%", "0%..100%",
		"More of the time in which all work waits for I/O is critical"},
	{"pressure_memory_warning", GAVEA_OPTION_PERCENT, 0, "10%", "0%..100%",
		"More of the time in which all work waits for memory is a warning"},
	{"pressure_memory_critical", GAVEA_OPTION_PERCENT, 0, "40%", "0%..100%",
		"More of the time in which all work waits for memory is critical"},
	{"steal_warning", GAVEA_OPTION_PERCENT, 0, "10%", "0%..100%",
		"More CPU time that the hypervisor gave to others is a warning"},
	{"steal_critical", GAVEA_OPTION_PERCENT, 0, "40%", "0%..100%",
		"More CPU time that the hypervisor gave to others is critical"},
	{"files_warning", GAVEA_OPTION_PERCENT, 0, "80%", "0%..100%",
		"More open files, of those that the host may have, are a warning"},
	{"files_critical", GAVEA_OPTION_PERCENT, 0, "95%", "0%..100%",
		"More open files, of those that the host may have, are critical"},

	{"ntp", GAVEA_OPTION_CHOICE, 0, "auto", "auto|required|off",
		"Whether a time server must keep the clock; auto: where the host has a client for it"},
	{"clock_warning", GAVEA_OPTION_DURATION, 0, "5s", "1ms..",
		"A clock that may be wrong by more, as the kernel sees it, is a warning"},
	{"clock_grace", GAVEA_OPTION_DURATION, 0, "10min", "0..",
		"How long after a boot the clock need not be synchronised yet"},
	{"reboot_required", GAVEA_OPTION_CHOICE, 0, "warning", "ok|warning|critical",
		"The status of a host that an upgrade asks to be booted; ok: don't look"},

	{"processes", GAVEA_OPTION_CHOICE, 0, "when-wrong", "always|when-wrong|never",
		"When to tell which processes use most of the CPUs and the memory"},
	{"top", GAVEA_OPTION_INT, 0, "5", "0..20", "How many processes to tell of each"},

	{"textfile_directory", GAVEA_OPTION_STRING, 0, "/var/lib/prometheus/node-exporter", NULL,
		"Where other programs leave metrics as NAME.prom; empty: nowhere"},
	{"filesystem_fs_types_exclude", GAVEA_OPTION_STRING, 0,
		"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
		"iso9660|mqueue|"
		"nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$",
		NULL, "Types of file systems to leave out, as a POSIX extended expression"},
	{"filesystem_mount_points_exclude", GAVEA_OPTION_STRING, 0,
		"^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)", NULL,
		"Mount points to leave out, as a POSIX extended expression"},
	{"diskstats_device_exclude", GAVEA_OPTION_STRING, 0,
		"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme[0-9]+n[0-9]+p)[0-9]+$", NULL,
		"Disks to leave out, as a POSIX extended expression"},
	{"netdev_device_exclude", GAVEA_OPTION_STRING, 0, "^lo$", NULL,
		"Network interfaces whose traffic to leave out, as a POSIX extended expression"},
	{"netclass_ignored_devices", GAVEA_OPTION_STRING, 0, "^$", NULL,
		"Network interfaces whose properties to leave out, as a POSIX extended expression"},
	{"netstat_fields", GAVEA_OPTION_STRING, 0,
		"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
		"TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|"
		"Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
		"Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
		NULL, "Counters of the network protocols to take, as a POSIX extended expression"},
	{"vmstat_fields", GAVEA_OPTION_STRING, 0, "^(oom_kill|pgpg|pswp|pg.*fault).*", NULL,
		"Counters of the memory manager to take, as a POSIX extended expression"},

	{"procfs", GAVEA_OPTION_STRING, 0, "/proc", NULL, "Where the proc file system is mounted"},
	{"sysfs", GAVEA_OPTION_STRING, 0, "/sys", NULL, "Where the sys file system is mounted"},
	{"rootfs", GAVEA_OPTION_STRING, 0, "/", NULL, "Where the root of the host's file systems is mounted"},
};
