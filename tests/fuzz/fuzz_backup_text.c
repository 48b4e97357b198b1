/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/backup
/*
 * Lines that the backup plugin reads: the first byte chooses names and histories of WAL, pings, records, times, a manifest,
 * configuration of others, addresses, or files of proc. What is taken must be bounded, and print and parse back as itself.
 */
#include "plugins/backup/assertion.h"
#include "plugins/backup/ini.h"
#include "plugins/backup/locks.h"
#include "plugins/backup/ping.h"
#include "plugins/backup/place.h"
#include "plugins/backup/steps.h"
#include "plugins/backup/wal.h"

#include "base/buf.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_wal(const char *text)
{
	struct wal_archive archive = {.segment_size = 16 << 20};
	struct wal_segment segment, back;
	char name[25];

	if (wal_name_parse(text, archive.segment_size, &segment) == 0) {
		wal_name_format(name, &segment, archive.segment_size);
		if (wal_name_parse(name, archive.segment_size, &back) < 0 || back.number != segment.number ||
			strncasecmp(name, text, 24) != 0)
			__builtin_trap();
	}
	(void)wal_history_name(text);
	if (wal_take_history(&archive, 9, text) < 0 ? archive.line_count != 0
						    : archive.line[archive.line_count - 1].timeline != 9)
		__builtin_trap();
	for (size_t i = 1; i < archive.line_count; i++)
		if (archive.line[i].timeline <= archive.line[i - 1].timeline ||
			archive.line[i].from < archive.line[i - 1].from)
			__builtin_trap();
	wal_done(&archive);
}

/* Three lines: state, size, duration; an empty one is not given. */
static void read_ping(char *text)
{
	char *words[3] = {NULL}, *rest = text;
	struct ping ping = {0}, back;
	const char *problem = NULL;
	char line[256];

	for (size_t i = 0; i < ARRAY_SIZE(words) && rest; i++)
		words[i] = strsep(&rest, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_empty(words[i]))
			words[i] = NULL;
	if (ping_take(&ping, &(struct ping_words){words[0], words[1], words[2]}, 1000, &problem) < 0) {
		if (!problem)
			__builtin_trap();
		return;
	}
	ping_write(&ping, line);
	if (ping_read(line, &back) < 0 || memcmp(&ping, &back, sizeof(ping)) != 0 || ping.size < -1 ||
		ping.seconds < -1)
		__builtin_trap();
}

static void read_steps(const char *text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct steps steps, back;

	if (steps_read(text, &steps) < 0)
		return;
	if (steps_write(&steps, &out) < 0 || steps_read(buf_str(&out), &back) < 0 ||
		!streq(steps.name, back.name) || !streq(steps.text, back.text))
		__builtin_trap();
	steps_done(&steps);
	steps_done(&back);
}

static void read_records(const char *text)
{
	struct record record, back;
	struct ping ping;
	char written[1024];

	read_steps(text);
	(void)ping_read(text, &ping);
	if (record_read(text, &record) < 0)
		return;
	record_write(&record, written);
	if (record_read(written, &back) < 0 || memcmp(record.text, back.text, strlen(record.text) + 1) != 0)
		__builtin_trap();
}

static void read_times(char *text)
{
	size_t size = strlen(text);
	int64_t time;

	(void)time_parse(text, &time);
	(void)window_contains(text, 1000);
	redact(text);
	if (strlen(text) > size)
		__builtin_trap();
}

static void read_places(const char *text)
{
	struct place_mount mount;
	struct place place;
	const char *path;

	if (place_parse(text, "web1.example", &place, &path)) {
		if (place.medium >= PLACE_MEDIA)
			__builtin_trap();
	} else if (path < text || path > text + strlen(text)) {
		__builtin_trap();
	}
	(void)place_find_mount(text, "/srv/backup", &mount);
	(void)lock_find_holder(text, 0xfe, 0, 77);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;
	const char *path;
	char value[64];

	if (!text)
		return 0;
	switch (data[0]) {
	case 'w':
		read_wal(text);
		break;
	case 'p':
		read_ping(text);
		break;
	case 'r':
		read_records(text);
		break;
	case 't':
		read_times(text);
		break;
	case 'm':
		path = manifest_read_line(text);
		if (path && (path != text + 66 || !*path))
			__builtin_trap();
		break;
	case 'i':
		if (ini_find(text, "global", "lock-path", value, sizeof(value)) &&
			strlen(value) >= sizeof(value))
			__builtin_trap();
		break;
	default:
		read_places(text);
	}
	return 0;
}
