/* SPDX-License-Identifier: Apache-2.0 */
/* Files by a pattern, each of them one backup. The newest one is read from end to end, once. */
#include "content.h"
#include "kinds.h"
#include "pgdump.h"
#include "steps.h"
#include "tool.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 100000
#define PG_RESTORE "/usr/bin/pg_restore"

static bool wants_stop(void *userdata)
{
	struct context *context = userdata;

	context_repeat_progress(context);
	return gavea_cancelled(context->check) || clock_ns(CLOCK_MONOTONIC) >= context->deadline;
}

static int take_file(struct context *context, const char *path, struct facts *facts)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		finding_add(&context->findings, path, errno == ENOENT ? GAVEA_WARNING : GAVEA_UNKNOWN,
			"cannot look at %s: %s", path,
			errno == ENOENT ? "a link that leads nowhere" : strerror(errno));
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		finding_add(&context->findings, path, GAVEA_WARNING,
			"%s is not a plain file: narrow the pattern, or remove it", path);
		return 0;
	}
	return facts_add(facts, path, st.st_mtim.tv_sec, st.st_size);
}

static int take_pattern(struct context *context, const char *pattern, struct facts *facts)
{
	glob_t found = {0};
	int code = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found), r = 0;

	if (code != 0 && code != GLOB_NOMATCH) {
		finding_add(&context->findings, "files", GAVEA_UNKNOWN, "cannot read the folder of %s: %s",
			pattern,
			code == GLOB_NOSPACE ? "out of memory"
					     : "it is missing, or its rights do not let gavea in");
		r = -EIO;
	}
	if (code == 0 && found.gl_pathc > FILES_MAX) {
		finding_add(&context->findings, "files", GAVEA_UNKNOWN,
			"%s fits more than %d files: narrow it", pattern, FILES_MAX);
		r = -E2BIG;
	}
	for (size_t i = 0; r == 0 && code == 0 && i < found.gl_pathc; i++)
		r = take_file(context, found.gl_pathv[i], facts);
	globfree(&found);
	return r;
}

/* ---- The content of the newest one, and what is remembered of it ---- */

static bool recall(struct context *context, const char *identity)
{
	size_t length = strlen(identity), size;
	const void *value;
	const char *text;
	int status;

	if (gavea_state_get(context->check, "content", &value, &size) < 0 || size < length + 3 ||
		size > 8192 || memcmp(value, identity, length) != 0)
		return false;
	text = (const char *)value + length;
	status = text[0] - '0';
	if (text[1] != ' ' || text[size - length - 1] != '\0' || status < GAVEA_OK || status > GAVEA_UNKNOWN)
		return false;
	finding_add(&context->findings, "content", (enum gavea_status)status, "%s", text + 2);
	return true;
}

static void remember(
	struct context *context, const char *identity, enum gavea_status status, const char *text)
{
	char value[8192];
	int size = snprintf(value, sizeof(value), "%s%d %s", identity, (int)status, text);

	finding_add(&context->findings, "content", status, "%s", text);
	/* What could not be judged is tried again next time. */
	if (status != GAVEA_UNKNOWN && size < (int)sizeof(value) &&
		gavea_state_set(context->check, "content", value, (size_t)size + 1) == 0)
		(void)gavea_state_commit(context->check);
}

/* PostgreSQL's own reader, where it is installed: it knows of its format what we do not. True: text says what it found. */
static bool ask_pg_restore(struct context *context, const char *path, bool whole, enum gavea_status *status,
	char text[static 1024])
{
	_cleanup_tool_ struct tool tool = {0};
	int r;

	if (access(PG_RESTORE, X_OK) < 0)
		return false;
	tool_init(&tool, context, PG_RESTORE);
	tool_add(&tool, whole ? "--file=/dev/null" : "--list");
	tool_add(&tool, path);
	r = tool_run(&tool);
	if (r == 0 && strstr(buf_str(&tool.result.errors), "unsupported version"))
		return false; /* of a newer pg_dump */
	*status = r < 0 ? GAVEA_UNKNOWN : GAVEA_OK;
	if (r < 0) {
		snprintf(text, 1024, "%s", error_text(&tool.error, r));
	} else if (tool.result.code != 0 || tool.result.errors.size) {
		*status = GAVEA_CRITICAL;
		snprintf(text, 1024, "%.300s cannot be restored: %s", path, tool_complaint(&tool));
	}
	return true;
}

/* pg_dump's own format has no trailer, and "pg_restore --list" does not miss data: it is read to its end here. */
static enum gavea_status read_custom(struct context *context, const char *path, int64_t file_size,
	const struct content_limits *limits, struct content *content, char text[static 1024])
{
	bool packed = (int64_t)content->size != file_size, asked;
	_cleanup_error_ struct error error = ERROR_INIT;
	enum gavea_status status = GAVEA_OK;
	struct source *source = NULL;
	char size[32];
	struct pgdump dump = {0};
	int r = content_open(path, limits, &source, &error);

	if (r == 0)
		r = pgdump_read(content_next, source, limits->max, &dump, &error);
	content_close(source);
	snprintf(text, 1024, "%.300s: %s", path, error_text(&error, r));
	if (r == -EBADMSG || r == -EFBIG)
		return GAVEA_CRITICAL;
	if (r < 0 && r != -EPROTONOSUPPORT)
		return GAVEA_UNKNOWN;
	if (r == 0)
		snprintf(text, 1024,
			"%.300s: custom dump of %s, %" PRIu64 " entries, %s of data in %" PRIu64 " of them%s",
			path, dump.database, dump.entries, format_size(size, dump.size), dump.blocks,
			dump.inflated ? "" : " (not unpacked)");
	content->size = MAX(content->size, dump.size);
	/* pg_restore opens nothing that is packed once more. */
	asked = !packed && ask_pg_restore(context, path, r < 0 || !dump.inflated, &status, text);
	if (asked || (r == 0 && dump.inflated))
		return status;
	snprintf(text, 1024,
		"%.300s is of a form that only a newer pg_restore can read%s: install postgresql-client of "
		"that "
		"version",
		path, packed ? ", and it is packed once more" : "");
	return GAVEA_UNKNOWN;
}

static enum gavea_status judge_content(
	struct context *context, const struct backup *backup, char text[static 1024])
{
	const char *path = backup->name;
	const struct settings *settings = context->settings;
	struct content_limits limits = {(uint64_t)settings->content_max, wants_stop, context};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ struct content *content = calloc(1, sizeof(*content));
	enum gavea_status status = GAVEA_OK;
	char judged[512];
	bool custom;
	int r = content ? content_read(path, &limits, content, &error) : -ENOMEM;

	if (r < 0) {
		snprintf(text, 1024, "%s", error_text(&error, r));
		return r == -EBADMSG || r == -EFBIG ? GAVEA_CRITICAL : GAVEA_UNKNOWN;
	}
	custom = content->head_size >= 5 && memcmp(content->head, PGDUMP_MAGIC, 5) == 0;
	if (custom)
		status = read_custom(context, path, backup->size, &limits, content, text);
	if (status != GAVEA_OK)
		return status;
	status = content_judge(content, (uint64_t)settings->content_min, settings->trailer, judged);
	if (!custom || status != GAVEA_OK)
		snprintf(text, 1024, "%.300s: %s", path, judged);
	return status;
}

static void look_at_content(struct context *context, const struct backup *newest)
{
	const struct settings *settings = context->settings;
	char identity[4300], text[1024];
	enum gavea_status status;

	snprintf(identity, sizeof(identity), "%s %" PRId64 " %" PRId64 " %" PRId64 " %s\n", newest->name,
		newest->time, newest->size, settings->content_min,
		settings->trailer ? settings->trailer : "");
	if (recall(context, identity))
		return;
	context_progress(context, -1, "reading the newest dump");
	status = judge_content(context, newest, text);
	remember(context, identity, status, text);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	const struct settings *settings = context->settings;
	const struct backup *newest;
	int r = 0;

	if (facts != &context->facts)
		return take_pattern(context, place, facts);
	for (size_t i = 0; r == 0 && i < settings->files.count; i++)
		r = take_pattern(context, settings->files.items[i], facts);
	newest = facts_newest(facts);
	if (r == 0 && newest)
		look_at_content(context, newest);
	return r;
}

static int verify_one(struct context *context, const struct backup *backup, struct record *record)
{
	char text[1024];

	record->status = judge_content(context, backup, text);
	if (record->status == GAVEA_UNKNOWN && wants_stop(context))
		return -EAGAIN;
	snprintf(record->text, sizeof(record->text), "%.500s", text);
	return 0;
}

/* All of them again: a disk may lose what was whole when it was written. */
static int verify(struct context *context, struct record *record)
{
	static const struct steps_work work = {.verify_one = verify_one, .what = "files"};

	return steps_verify(context, &work, record);
}

static int restore(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
	struct error *error)
{
	struct content_limits limits = {(uint64_t)context->settings->restore_max_size, stop, userdata};
	const char *path = facts_newest(&context->facts)->name;
	_cleanup_free_ struct content *content = calloc(1, sizeof(*content));
	char to[4200];
	int r = content ? content_read(path, &limits, content, error) : -ENOMEM;

	if (r < 0)
		return r;
	if (content->is_archive)
		return content_extract(path, folder, &limits, error);
	snprintf(to, sizeof(to), "%s/%s", folder,
		memcmp(content->head, PGDUMP_MAGIC, 5) == 0 ? "dump.pgdump" : "dump.sql");
	return content_copy(path, to, &limits, error);
}

const struct backup_kind kind_dump = {
	.name = "dump",
	.has_places = true,
	.look = look,
	.verify = verify,
	.restore = restore,
};
