/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen-seccomp - writes the worker's system call filters as C
 *
 *   gen-seccomp ARCHITECTURE >seccomp-profiles.h
 *
 * Runs when gavea is built, so that a worker does not carry libseccomp with it. A filter refuses (EPERM) what
 * no plugin has business with, and what was not granted; everything else is allowed, because plugins are
 * linked with any library.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* Never: mounts, tracing, modules, other kernels, raw hardware, the clock, keys of the kernel, namespaces,
 * and ways around this very filter (io_uring). */
static const char *const forbidden[] = {"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount",
	"open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "ptrace", "process_vm_readv",
	"process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "perf_event_open", "bpf",
	"userfaultfd", "lookup_dcookie", "init_module", "finit_module", "delete_module", "create_module",
	"query_module", "get_kernel_syms", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
	"acct", "quotactl", "quotactl_fd", "syslog", "iopl", "ioperm", "pciconfig_read", "pciconfig_write",
	"pciconfig_iobase", "vm86", "vm86old", "modify_ldt", "subpage_prot", "switch_endian",
	"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr", "clock_settime", "clock_settime64",
	"settimeofday", "stime", "add_key", "request_key", "keyctl", "setns", "unshare", "open_by_handle_at",
	"sethostname", "setdomainname", "vhangup", "personality", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "_sysctl", "afs_syscall", "bdflush", "break", "ftime", "getpmsg", "gtty", "idle",
	"lock", "mpx", "nfsservctl", "prof", "profil", "putpmsg", "remap_file_pages", "security", "sgetmask",
	"ssetmask", "stty", "sysfs", "tuxcall", "ulimit", "uselib", "ustat", "vserver"};

static const char *const exec_calls[] = {"execve", "execveat", "fork", "vfork"};
static const char *const listen_calls[] = {"listen", "accept", "accept4"};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "gen-seccomp: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

/* Calls that this architecture has not are passed over. */
static void refuse(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return;
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);

	if (r != -EDOM && r != -EFAULT)
		must(r, name);
}

static void refuse_all(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		refuse(filter, names[i]);
}

static int family_allowed(int family, int network)
{
	if (family == AF_UNIX)
		return 1;
	return network > 0 && (family == AF_INET || family == AF_INET6 || family == AF_NETLINK);
}

static void refuse_families(scmp_filter_ctx filter, int network)
{
	for (int family = 0; family < AF_MAX; family++)
		if (!family_allowed(family, network))
			must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family)),
				"socket");
	must(seccomp_rule_add(
		     filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, AF_MAX)),
		"socket");
}

/* Threads are clone() with CLONE_THREAD. The flags of clone3() lie in memory, where a filter can't look: the
 * C library falls back to clone() when it is told that there is none. */
static void refuse_clones(scmp_filter_ctx filter, int exec)
{
	static const unsigned long namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET,
		CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME};

	must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i])),
			"clone");
	if (!exec)
		must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)),
			"clone");
}

static void write_filter(scmp_filter_ctx filter, int network, int exec)
{
	FILE *file = tmpfile();
	struct sock_filter op;

	if (!file)
		must(-errno, "temporary file");
	must(seccomp_export_bpf(filter, fileno(file)), "export");
	rewind(file);
	printf("static const struct sock_filter seccomp_filter_%d_%d[] = {\n", network, exec);
	while (fread(&op, sizeof op, 1, file) == 1)
		printf("\t{0x%04x, %u, %u, 0x%08x},\n", op.code, op.jt, op.jf, op.k);
	printf("};\n\n");
	fclose(file);
}

static void make_filter(uint32_t architecture, int network, int exec)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		must(-ENOMEM, "filter");
	if (architecture != seccomp_arch_native()) {
		must(seccomp_arch_add(filter, architecture), "architecture");
		must(seccomp_arch_remove(filter, seccomp_arch_native()), "architecture");
	}
	must(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "attribute");
	/* A tree over the numbers instead of a chain: a few comparisons for each call. */
	must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "attribute");
	refuse_all(filter, forbidden, sizeof forbidden / sizeof forbidden[0]);
	must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
		     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI)),
		"ioctl");
	refuse_families(filter, network);
	refuse_clones(filter, exec);
	if (!exec)
		refuse_all(filter, exec_calls, sizeof exec_calls / sizeof exec_calls[0]);
	if (network < 2)
		refuse_all(filter, listen_calls, sizeof listen_calls / sizeof listen_calls[0]);
	write_filter(filter, network, exec);
	seccomp_release(filter);
}

int main(int argc, char **argv)
{
	uint32_t architecture = argc == 2 ? seccomp_arch_resolve_name(argv[1]) : 0;

	if (architecture == 0) {
		fprintf(stderr, "gen-seccomp: usage: gen-seccomp ARCHITECTURE, as libseccomp names it\n");
		return 2;
	}
	printf("/* Made by tools/gen-seccomp.c for %s. */\n#include <linux/filter.h>\n\n", argv[1]);
	for (int network = 0; network < 3; network++)
		for (int exec = 0; exec < 2; exec++)
			make_filter(architecture, network, exec);
	printf("/* By enum gavea_network and the right to run programs. */\n");
	printf("static const struct sock_fprog seccomp_profiles[3][2] = {\n");
	for (int network = 0; network < 3; network++) {
		printf("\t{");
		for (int exec = 0; exec < 2; exec++)
			printf("{sizeof seccomp_filter_%d_%d / sizeof(struct sock_filter), "
			       "(struct sock_filter *)seccomp_filter_%d_%d}%s",
				network, exec, network, exec, exec ? "" : ", ");
		printf("},\n");
	}
	printf("};\n");
	return 0;
}
