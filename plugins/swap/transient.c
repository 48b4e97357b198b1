/* SPDX-License-Identifier: Apache-2.0 */
#include "hook.h"
#include <errno.h>
int transient_start(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	(void)launch;
	(void)deadline;
	return error_set(error, -EOPNOTSUPP, "not yet");
}
int transient_observe(
	const struct hook_launch *launch, struct hook_view *ret_view, int64_t deadline, struct error *error)
{
	(void)launch;
	(void)deadline;
	(void)ret_view;
	return error_set(error, -EOPNOTSUPP, "not yet");
}
int transient_end(const struct hook_launch *launch, int64_t deadline, struct error *error)
{
	(void)launch;
	(void)deadline;
	return error_set(error, -EOPNOTSUPP, "not yet");
}
