/* SPDX-License-Identifier: Apache-2.0 */
#include "hook.h"

int hook_start(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	return launch->bus ? transient_start(launch, deadline, error)
			   : detached_start(launch, deadline, error);
}

int hook_observe(
	const struct hook_launch *launch, struct hook_view *ret_view, int64_t deadline, struct error *error)
{
	*ret_view = (struct hook_view){.state = HOOK_ABSENT};
	return launch->bus ? transient_observe(launch, ret_view, deadline, error)
			   : detached_observe(launch, ret_view, error);
}

int hook_end(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	return launch->bus ? transient_end(launch, deadline, error) : detached_end(launch, error);
}
