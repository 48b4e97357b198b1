/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>

int sandbox_apply(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(error, -errno, "cannot set no_new_privs: %s", strerror(errno));
	sandbox_say(report, "no_new_privs");
	r = sandbox_limits(spec, report, error);
	/* Landlock's rules are made of open files: while there is still the right to reach them. */
	if (r == 0)
		r = sandbox_landlock(spec, report, error);
	if (r == 0)
		r = sandbox_capabilities(spec, report, error);
	/* Last: it may forbid what the others need. */
	return r < 0 ? r : sandbox_seccomp(spec, report, error);
}
