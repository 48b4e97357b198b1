/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/sandbox.h"
/* The filters, made by tools/gen-seccomp.c when this was built. */
#include "core/worker/seccomp-profiles.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int sandbox_seccomp(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	static const char *const network_names[] = {"no network", "network client", "network server"};
	unsigned network = MIN(spec->rights->network, (uint32_t)GAVEA_NETWORK_SERVER);
	unsigned exec = spec->rights->exec ? 1 : 0;
	struct sock_fprog program = seccomp_profiles[network][exec];

	/* TSYNC for the threads of sanitizers; there are no others yet. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
		if (errno != ENOSYS && errno != EINVAL)
			return error_set(
				error, -errno, "cannot set the system call filter: %s", strerror(errno));
		sandbox_say(report, "seccomp: not available on this kernel");
		return 0;
	}
	sandbox_say(report, "seccomp: %s, %s", network_names[network], exec ? "may run programs" : "no exec");
	return 0;
}
