/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LINE_MAX_BYTES 2048
#define FIELD_NAME_MAX 64

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

static struct sink {
	int level;
	bool json;
	int journal; /* a connected socket; -1: none */
	const char *program;
} sink = {.level = LOG_LEVEL_INFO, .journal = -1};

void log_set_level(int level)
{
	sink.level = level;
}

int log_level(void)
{
	return sink.level;
}

int log_level_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
		if (streq(name, level_names[i]))
			return LOG_LEVEL_ERROR + (int)i;
	return -EINVAL;
}

int log_format_from_name(const char *name)
{
	static const char *const names[] = {"auto", "text", "json"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return (int)i;
	return -EINVAL;
}

/* $JOURNAL_STREAM is inherited: it is ours only while it names what standard error is. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return streq(own, stream);
}

static int connect_journal(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	return TAKE_FD(fd);
}

void log_open_at(const char *program, enum log_format format, const char *journal_socket)
{
	if (sink.journal >= 0)
		close(sink.journal);
	sink.program = program;
	sink.json = format == LOG_FORMAT_JSON;
	sink.journal =
		format == LOG_FORMAT_AUTO && stderr_is_journal() ? connect_journal(journal_socket) : -1;
}

void log_open(const char *program, enum log_format format)
{
	log_open_at(program, format, JOURNAL_SOCKET);
}

/* A line that fits, without anything that could begin another one. */
static size_t format_line(char *line, size_t room, const char *format, va_list args)
{
	int written = vsnprintf(line, room, format, args);
	size_t size = written < 0 ? 0 : MIN((size_t)written, room - 1);

	for (char *c = line; c < line + size; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return size;
}

/* There is nobody to tell of a failure. */
static void write_line(const char *line, size_t size)
{
	if (write(STDERR_FILENO, line, size) < 0)
		return;
}

static void write_text(int level, const char *text, size_t size)
{
	char line[LINE_MAX_BYTES];
	size_t used = 0;

	if (!isatty(STDERR_FILENO))
		used = (size_t)snprintf(line, sizeof line, "<%d>", level);
	size = MIN(size, sizeof line - used - 1);
	memcpy(line + used, text, size);
	used += size;
	line[used++] = '\n';
	/* One write a line, so that lines of several processes do not mix. */
	write_line(line, used);
}

static void add_json_field(struct json *json, const struct log_field *field)
{
	const char *name = startswith(field->name, "GAVEA_");
	char lower[FIELD_NAME_MAX] = "";

	name = name ? name : field->name;
	for (size_t i = 0; name[i] && i < sizeof lower - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	json_kv_string(json, lower, field->value);
}

static bool write_json(int level, const struct log_field *fields, size_t count, const char *text)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct json json;
	char time[32];

	json_init(&json, &line);
	json_object_begin(&json);
	json_kv_string(&json, "time", clock_format_utc(time, clock_unix_ms(), true));
	json_kv_string(&json, "level", level_names[level - LOG_LEVEL_ERROR]);
	json_kv_string(&json, "program", sink.program);
	json_kv_int(&json, "pid", getpid());
	json_kv_string(&json, "message", text);
	for (size_t i = 0; i < count; i++)
		if (!str_empty(fields[i].value))
			add_json_field(&json, &fields[i]);
	json_object_end(&json);
	buf_add_char(&line, '\n');
	if (buf_error(&line) < 0)
		return false;
	write_line(line.data, line.size);
	return true;
}

/* A value must not begin another field. */
static void add_journal_field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=", name);
	for (; *value; value++)
		buf_add_char(out, (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
	buf_add_char(out, '\n');
}

static bool write_journal(int level, const struct log_field *fields, size_t count, const char *text)
{
	_cleanup_buf_ struct buf message = BUF_INIT;

	buf_printf(&message, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n", level, sink.program);
	add_journal_field(&message, "MESSAGE", text);
	for (size_t i = 0; i < count; i++)
		if (!str_empty(fields[i].value))
			add_journal_field(&message, fields[i].name, fields[i].value);
	if (buf_error(&message) < 0)
		return false;
	/* A journal that is restarted or full must not hold the program up. */
	return send(sink.journal, message.data, message.size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		(ssize_t)message.size;
}

static void _printf_(4, 0)
	write_with(int level, const struct log_field *fields, size_t count, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];
	size_t size;

	if (level > sink.level)
		return;
	level = MAX(level, (int)LOG_LEVEL_ERROR);
	size = format_line(text, sizeof text, format, args);
	if (sink.journal >= 0 && write_journal(level, fields, count, text))
		return;
	if (sink.json && write_json(level, fields, count, text))
		return;
	write_text(level, text, size);
}

void log_line(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_with(level, NULL, 0, format, args);
	va_end(args);
}

void log_line_with(int level, const struct log_field *fields, size_t count, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_with(level, fields, count, format, args);
	va_end(args);
}
