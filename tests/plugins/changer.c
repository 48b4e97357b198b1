/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that changes nothing, in two steps, the second of which it never sees to be done. */
#include <gavea/plugin.h>

static int changer_run(struct gavea_check *check, void *state)
{
	struct gavea_operation *operation;
	int r = gavea_operation_begin(check, "swap", &operation);

	(void)state;
	if (r == 0)
		r = gavea_operation_step(check, operation, "drain", "blue", 4);
	if (r == 0)
		r = gavea_operation_done(check, operation, "drain");
	if (r == 0)
		r = gavea_operation_step(check, operation, "switch", "green", 5);
	if (r == 0)
		r = gavea_operation_end(check, operation);
	gavea_result(check, r == 0 ? GAVEA_OK : GAVEA_CRITICAL, "swapped");
	return 0;
}

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "changer",
	.version = "1",
	.summary = "Changes nothing",
	.run = changer_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
