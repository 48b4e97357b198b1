/* SPDX-License-Identifier: Apache-2.0 */
#include "heartbeat.h"
#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#define FORM "gavea-swap-heartbeat-1"
#define PATIENCE_MAX (INT64_C(86400) * NSEC_PER_SEC)
#define WORDS_MAX 64 /* of a command */

/* One setting that is a text, by its name in the file. */
struct text_setting {
	const char *key;
	size_t offset;
};

#define TEXT(member) \
	{ \
#member, offsetof(struct traffic_settings, member) \
	}

static const struct text_setting texts[] = {
	TEXT(haproxy_socket),
	TEXT(haproxy_map),
	TEXT(server),
	TEXT(nginx_include),
	TEXT(link),
	{"backend_blue", offsetof(struct traffic_settings, backend[COLOUR_BLUE])},
	{"backend_green", offsetof(struct traffic_settings, backend[COLOUR_GREEN])},
};

static const struct text_setting lists[] = {
	TEXT(reload),
	TEXT(target),
	TEXT(set_command),
	TEXT(observe_command),
};

/* ---- Writing ---- */

static json_t *list_value(const char *const *list, size_t most)
{
	json_t *array = json_array();

	for (size_t i = 0; i < most && list[i]; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *settings_value(const struct traffic_settings *settings)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = *(const char *const *)((const char *)settings + texts[i].offset);

		if (text)
			json_object_set_new(object, texts[i].key, json_string(text));
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *const *list =
			*(const char *const *const *)((const char *)settings + lists[i].offset);

		/* The targets are one a colour, without NULL behind them. */
		if (list)
			json_object_set_new(object, lists[i].key,
				list_value(list, streq(lists[i].key, "target") ? COLOURS : WORDS_MAX));
	}
	return object;
}

static int write_value(int fd, const char *name, json_t *value)
{
	_cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;

	if (!text)
		return -EINVAL; /* a text that is not UTF-8, or no memory */
	return size > HEARTBEAT_MAX_BYTES ? -E2BIG : file_write_atomic(fd, name, text, size, 0600);
}

static int heartbeat_value(const struct heartbeat *heartbeat, json_t **ret_value)
{
	json_int_t due = clock_ns(CLOCK_BOOTTIME) + heartbeat->patience;
	char boot[SD_ID128_STRING_MAX];
	sd_id128_t id;
	int r = sd_id128_get_boot(&id);

	if (r < 0)
		return r;
	*ret_value = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:s, s:o}", "form", FORM, "app",
		heartbeat->app, "swap", heartbeat->swap, "boot", sd_id128_to_string(id, boot), "due_ns", due,
		"patience_ns", (json_int_t)heartbeat->patience, "share", (int)heartbeat->share, "traffic",
		heartbeat->traffic, "settings", settings_value(&heartbeat->settings));
	return 0;
}

static int open_folder(const char *folder, int *ret_fd)
{
	*ret_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

int heartbeat_beat(const char *folder, const struct heartbeat *heartbeat)
{
	_cleanup_fd_ int fd = -EBADF;
	json_t *value = NULL;
	int r = open_folder(folder, &fd);

	if (r == 0)
		r = heartbeat_value(heartbeat, &value);
	if (r == 0)
		r = write_value(fd, HEARTBEAT_FILE, value);
	json_decref(value);
	return r;
}

static int take_away(int fd, const char *name)
{
	return unlinkat(fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int heartbeat_stop(const char *folder)
{
	_cleanup_fd_ int fd = -EBADF;
	int r = open_folder(folder, &fd);

	if (r == 0)
		r = take_away(fd, HEARTBEAT_FILE);
	if (r == 0)
		r = take_away(fd, HEARTBEAT_MARK);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

/* ---- The mark ---- */

int heartbeat_mark(const char *folder, const struct heartbeat *heartbeat)
{
	_cleanup_fd_ int fd = -EBADF;
	int r = open_folder(folder, &fd);
	json_t *value = json_pack("{s:s, s:I}", "swap", heartbeat->swap, "time",
		(json_int_t)(clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC));

	if (r == 0)
		r = write_value(fd, HEARTBEAT_MARK, value);
	if (r == 0)
		r = take_away(fd, HEARTBEAT_FILE);
	json_decref(value);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

int heartbeat_was_executed(const char *folder, int64_t *ret_time)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fd_ int fd = -EBADF;
	json_t *root;
	int r = open_folder(folder, &fd);

	if (r == 0)
		r = file_read(fd, HEARTBEAT_MARK, HEARTBEAT_MAX_BYTES, &text);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* That it is there is what counts; what it says is for people. */
	root = json_loadb(buf_str(&text), text.size, JSON_REJECT_DUPLICATES, NULL);
	*ret_time = json_integer_value(json_object_get(root, "time"));
	json_decref(root);
	return 1;
}

/* ---- Reading ---- */

/* Strings stay in root; the lists are ours. */
struct memory {
	json_t *root;
	const char **lists[ARRAY_SIZE(lists)];
};

void heartbeat_done(struct heartbeat *heartbeat)
{
	struct memory *memory = heartbeat->memory;

	if (!memory)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		free(memory->lists[i]);
	json_decref(memory->root);
	free(memory);
	heartbeat->memory = NULL;
}

static int read_list(json_t *value, const char ***ret_list)
{
	size_t count = json_array_size(value);
	const char **list = calloc(count + COLOURS + 1, sizeof *list);

	if (!list)
		return -ENOMEM;
	*ret_list = list;
	if (!json_is_array(value) || count > WORDS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < count; i++) {
		list[i] = json_string_value(json_array_get(value, i));
		if (!list[i])
			return -EBADMSG;
	}
	return 0;
}

static int read_settings(json_t *object, struct traffic_settings *settings, struct memory *memory)
{
	if (!json_is_object(object))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *value = json_object_get(object, texts[i].key);

		if (value && !json_is_string(value))
			return -EBADMSG;
		*(const char **)((char *)settings + texts[i].offset) = json_string_value(value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		json_t *value = json_object_get(object, lists[i].key);
		int r = value ? read_list(value, &memory->lists[i]) : 0;

		if (r < 0)
			return r;
		*(const char *const **)((char *)settings + lists[i].offset) = memory->lists[i];
	}
	return 0;
}

static int read_numbers(json_t *root, struct heartbeat *heartbeat)
{
	json_t *due = json_object_get(root, "due_ns"), *patience = json_object_get(root, "patience_ns"),
	       *share = json_object_get(root, "share");

	if (!json_is_integer(due) || !json_is_integer(patience) || !json_is_integer(share))
		return -EBADMSG;
	heartbeat->due = json_integer_value(due);
	heartbeat->patience = json_integer_value(patience);
	if (heartbeat->due < 0 || heartbeat->patience < 0 || heartbeat->patience > PATIENCE_MAX ||
		json_integer_value(share) < 0 || json_integer_value(share) > SHARE_ALL)
		return -EBADMSG;
	heartbeat->share = (uint32_t)json_integer_value(share);
	return 0;
}

static int read_texts(json_t *root, struct heartbeat *heartbeat)
{
	const char *form = json_string_value(json_object_get(root, "form"));
	const char *boot = json_string_value(json_object_get(root, "boot"));
	sd_id128_t now, then;
	int r = sd_id128_get_boot(&now);

	if (r < 0)
		return r;
	heartbeat->app = json_string_value(json_object_get(root, "app"));
	heartbeat->swap = json_string_value(json_object_get(root, "swap"));
	heartbeat->traffic = json_string_value(json_object_get(root, "traffic"));
	if (!form || !streq(form, FORM) || !boot || sd_id128_from_string(boot, &then) < 0 ||
		!heartbeat->app || !heartbeat->swap || !heartbeat->traffic)
		return -EBADMSG;
	heartbeat->settings.app = heartbeat->app;
	heartbeat->other_boot = !sd_id128_equal(now, then);
	return 0;
}

int heartbeat_parse(
	const char *name, const char *text, size_t size, struct heartbeat *ret_heartbeat, struct error *error)
{
	struct memory *memory = calloc(1, sizeof *memory);
	struct heartbeat heartbeat = {.memory = memory};
	int r;

	if (!memory)
		return -ENOMEM;
	memory->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	r = json_is_object(memory->root) ? read_texts(memory->root, &heartbeat) : -EBADMSG;
	if (r == 0)
		r = read_numbers(memory->root, &heartbeat);
	if (r == 0)
		r = read_settings(json_object_get(memory->root, "settings"), &heartbeat.settings, memory);
	if (r == 0) {
		*ret_heartbeat = heartbeat;
		return 0;
	}
	heartbeat_done(&heartbeat);
	return error_set(
		error, r, "%s: %s", name, r == -EBADMSG ? "it is no heartbeat of a swap" : strerror(-r));
}

int heartbeat_read(const char *folder, struct heartbeat *ret_heartbeat, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *name = NULL;
	int r;

	if (asprintf(&name, "%s/" HEARTBEAT_FILE, folder) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, name, HEARTBEAT_MAX_BYTES, &text);
	if (r < 0)
		return error_set(error, r, "%s: %s", name, strerror(-r));
	return heartbeat_parse(name, buf_str(&text), text.size, ret_heartbeat, error);
}

bool heartbeat_overdue(const struct heartbeat *heartbeat, int64_t now)
{
	return now >= (heartbeat->other_boot ? heartbeat->patience : heartbeat->due);
}
