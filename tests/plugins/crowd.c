/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that has much to say and no samples; with mute it then closes its connection and lives on. */
#include <gavea/plugin.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTION 3
#define TEXT_MAX 1000

static void *fall_silent(void *unused)
{
	(void)unused;
	/* After the run's answer is out. */
	usleep(300000);
	shutdown(CONNECTION, SHUT_WR);
	return NULL;
}

static void *chatter(void *unused)
{
	static const unsigned char closed[] = {0x22, 0x00}; /* FromWorker { closed {} } */

	(void)unused;
	while (send(CONNECTION, closed, sizeof closed, MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
		if (errno == EAGAIN)
			usleep(100);
	return NULL;
}

static int crowd_run(struct gavea_check *check, void *state)
{
	int64_t items = gavea_option_int(check, "items"), size = gavea_option_int(check, "size");
	char text[TEXT_MAX + 1] = "", name[32];
	pthread_t thread;

	(void)state;
	memset(text, 'x', (size_t)(size < TEXT_MAX ? size : TEXT_MAX));
	for (int64_t i = 0; i < items; i++) {
		snprintf(name, sizeof name, "item-%05lld", (long long)i);
		gavea_item(check, name, i == items - 1 ? GAVEA_CRITICAL : GAVEA_OK, "%s", text);
	}
	gavea_result(check, GAVEA_OK, "%lld items", (long long)items);
	if (gavea_option_bool(check, "mute") && pthread_create(&thread, NULL, fall_silent, NULL) == 0)
		pthread_detach(thread);
	if (gavea_option_bool(check, "chatter") && pthread_create(&thread, NULL, chatter, NULL) == 0)
		pthread_detach(thread);
	return 0;
}

static const struct gavea_option options[] = {
	{"items", GAVEA_OPTION_INT, 0, "1", NULL, "How many items"},
	{"size", GAVEA_OPTION_INT, 0, "1", NULL, "Bytes of each one's summary"},
	{"chatter", GAVEA_OPTION_BOOL, 0, "false", NULL, "Send messages without end after the run"},
	{"mute", GAVEA_OPTION_BOOL, 0, "false", NULL, "Close the connection after the run"},
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "crowd",
	.version = "1",
	.summary = "Says much",
	.options = options,
	.option_count = 4,
	.option_size = sizeof(struct gavea_option),
	.run = crowd_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
