/* SPDX-License-Identifier: Apache-2.0 */
/* Describes itself well, but can't stand the rights that it asks for: where it may use the network, it leaves. */
#include <gavea/plugin.h>

#include <sys/socket.h>
#include <unistd.h>

static void __attribute__((constructor)) leave(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0)
		_exit(5);
}

static int moody_run(struct gavea_check *check, void *state)
{
	(void)state;
	gavea_result(check, GAVEA_OK, "all is well");
	return 0;
}

static const struct gavea_needs needs = {
	.size = sizeof(struct gavea_needs),
	.network = GAVEA_NETWORK_CLIENT,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "moody",
	.version = "1",
	.summary = "Leaves when it gets what it asks for",
	.needs = &needs,
	.run = moody_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
