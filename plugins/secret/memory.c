/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "base/buf.h"
#include "base/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define HEAD_MAX 256 /* bytes of a file by which it is known */
#define KEPT_MAX 200 /* findings of a file; with more it is searched anew each time */
#define NAME_SIZE 64
#define INDEX "files"

/* As it stands in the first line of a record. */
struct record {
	uint64_t offset;
	uint64_t line;
	uint64_t size;
	int64_t changed; /* ns */
	int whole; /* it is searched whole or not at all: packed, or binary */
	unsigned head;
	char head_fingerprint[FINGERPRINT_SIZE];
};

/* ---- Findings as text ---- */

void memory_write_finding(struct buf *out, const struct sighting *what)
{
	buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d %s %s\n", what->offset, what->end,
		what->line, (int)what->status, what->doubtful, what->fingerprint, what->rule);
}

int memory_read_finding(const struct engine *engine, const char *line, struct sighting *ret_what)
{
	char id[128];
	int status, doubtful;
	struct sighting what = {.line = 0};
	const struct rule *rule;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %d %d %32[0-9a-f] %127s", &what.offset,
		    &what.end, &what.line, &status, &doubtful, what.fingerprint, id) != 7 ||
		(status != GAVEA_WARNING && status != GAVEA_CRITICAL))
		return -EBADMSG;
	rule = engine_rule(engine, id);
	if (!rule && !format_recall(id, &what))
		return -ENOENT;
	if (rule) {
		what.rule = rule->id;
		what.description = rule->description;
		what.remedy = rule->remedy;
	}
	what.status = (enum gavea_status)status;
	what.doubtful = doubtful != 0;
	*ret_what = what;
	return 0;
}

/* ---- Records ---- */

static const char *name_of(char name[static NAME_SIZE], const struct stat *st)
{
	snprintf(name, NAME_SIZE, "file/%jx:%jx", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
	return name;
}

static int64_t changed_at(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int fingerprint_head(const struct target *target, int fd, unsigned size, char *ret_fingerprint)
{
	char head[HEAD_MAX];
	ssize_t n = fd_pread_full(fd, head, size, 0);

	if (n != (ssize_t)size)
		return n < 0 ? (int)n : -ENODATA;
	fingerprint(target->scan->key, head, size, ret_fingerprint);
	explicit_bzero(head, sizeof(head));
	return 0;
}

/* Whether this is still the file that the record is about. */
static bool is_about(const struct target *target, int fd, const struct record *record, const struct stat *st)
{
	char now[FINGERPRINT_SIZE];

	return record->offset <= (uint64_t)st->st_size && record->head <= HEAD_MAX &&
		fingerprint_head(target, fd, record->head, now) == 0 && streq(now, record->head_fingerprint);
}

static int parse_record(const struct memory *memory, char *line, struct record *ret_record)
{
	char rules[FINGERPRINT_SIZE];

	if (!line ||
		sscanf(line, "%32s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %d %u %32s", rules,
			&ret_record->offset, &ret_record->line, &ret_record->size, &ret_record->changed,
			&ret_record->whole, &ret_record->head, ret_record->head_fingerprint) != 8)
		return -EBADMSG;
	return streq(rules, memory->rules) ? 0 : -ESTALE;
}

/* Takes over what was found before; -ENOENT: a rule is gone, so that all has to be read again. */
static int recall(struct target *target, char *rest)
{
	struct findings *findings = target->scan->findings;
	size_t count = findings->count;
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		struct sighting what;

		if (!*line)
			continue;
		r = memory_read_finding(target->scan->engine, line, &what);
		if (r == 0)
			r = findings_add(findings, target->path, &what, target->readable);
	}
	if (r < 0)
		findings_cut(findings, count);
	return r;
}

/* What had troubles is looked at again next time, or it would turn green by being passed over. */
static uint64_t troubles(const struct scan *scan, bool whole)
{
	return scan->unreadable + scan->failed + (whole ? scan->large + scan->unfinished : 0);
}

static void keep(
	struct memory *memory, const struct target *target, int fd, const struct stat *st, size_t first)
{
	const struct findings *findings = target->scan->findings;
	uint64_t known = target->whole ? (uint64_t)st->st_size : target->settled;
	unsigned head = (unsigned)MIN(known, (uint64_t)HEAD_MAX);
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char name[NAME_SIZE], beginning[FINGERPRINT_SIZE];

	if (findings->count - first > KEPT_MAX || findings->dropped ||
		fingerprint_head(target, fd, head, beginning) < 0)
		return;
	buf_printf(&text, "%s %" PRIu64 " %" PRIu64 " %jd %" PRId64 " %d %u %s\n", memory->rules, known,
		target->settled_line, (intmax_t)st->st_size, changed_at(st), target->whole, head, beginning);
	for (size_t i = first; i < findings->count; i++) {
		/* Files in archives have names of their own, which are not kept. */
		if (!streq(findings->list[i].path, target->path))
			return;
		if (target->whole || findings->list[i].what.offset < known)
			memory_write_finding(&text, &findings->list[i].what);
	}
	if (buf_error(&text) == 0 &&
		gavea_state_set(memory->check, name_of(name, st), text.data, text.size) == 0)
		buf_printf(&memory->now, "%s ", name);
}

/* 1: searched in an earlier run, and nothing came since; 0: to be searched from target->offset on. */
static int resume(struct memory *memory, struct target *target, int fd, const struct stat *st)
{
	_cleanup_free_ char *text = NULL;
	struct record record;
	struct buf kept = BUF_INIT;
	char name[NAME_SIZE];
	const void *bytes;
	size_t size;
	char *rest;
	bool unchanged;
	int r;

	if (target->format || gavea_state_get(memory->check, name_of(name, st), &bytes, &size) < 0)
		return 0;
	/* Values of the state have no end but their size. */
	buf_add(&kept, bytes, size);
	text = rest = buf_take(&kept);
	if (!text)
		return -ENOMEM;
	if (parse_record(memory, strsep(&rest, "\n"), &record) < 0 || !is_about(target, fd, &record, st))
		return 0;
	unchanged = record.size == (uint64_t)st->st_size && record.changed == changed_at(st);
	if (record.whole && !unchanged)
		return 0;
	r = recall(target, rest);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	target->offset = record.offset;
	target->line = record.line;
	if (!unchanged || record.offset != (uint64_t)st->st_size)
		return 0;
	buf_printf(&memory->now, "%s ", name);
	target->scan->files++;
	return 1;
}

int memory_scan_file(struct memory *memory, struct target *target, int fd, const struct stat *st)
{
	struct scan *scan = target->scan;
	size_t first = scan->findings->count;
	uint64_t before = troubles(scan, false), before_whole = troubles(scan, true);
	int r = resume(memory, target, fd, st);

	if (r != 0)
		return MIN(r, 0);
	if (lseek(fd, (off_t)target->offset, SEEK_SET) < 0)
		return -errno;
	target->grows = true;
	r = scan_file(target, fd, st);
	if (r == 0 && !target->format &&
		troubles(scan, target->whole) == (target->whole ? before_whole : before))
		keep(memory, target, fd, st, first);
	return r;
}

/* ---- All of them ---- */

int memory_init(struct memory *memory, struct gavea_check *check, const struct scan *scan)
{
	const void *bytes;
	size_t size;

	*memory = (struct memory){.check = check, .before = BUF_INIT, .now = BUF_INIT};
	engine_fingerprint(scan->engine, scan->key, memory->rules);
	if (gavea_state_get(check, INDEX, &bytes, &size) == 0)
		buf_add(&memory->before, bytes, size);
	return buf_error(&memory->before);
}

static bool lists(const struct buf *names, const char *name)
{
	const char *p = buf_str(names);

	while ((p = strstr(p, name))) {
		p += strlen(name);
		if (*p == ' ')
			return true;
	}
	return false;
}

static void forget(struct memory *memory)
{
	char *rest = memory->before.data, *name;

	while ((name = strsep(&rest, " ")))
		if (*name && !lists(&memory->now, name))
			(void)gavea_state_set(memory->check, name, NULL, 0);
}

void memory_commit(struct memory *memory, bool whole)
{
	int r;

	/* A run that was cut keeps all: the index may then name some twice, which does no harm. */
	if (whole)
		forget(memory);
	else
		buf_add(&memory->now, buf_str(&memory->before), memory->before.size);
	r = buf_error(&memory->now);
	if (r == 0)
		r = gavea_state_set(memory->check, INDEX, buf_str(&memory->now), memory->now.size);
	if (r == 0)
		r = gavea_state_commit(memory->check);
	if (r < 0)
		gavea_log(memory->check, GAVEA_LOG_WARNING, "cannot remember what was read of logs: %s",
			strerror(-r));
}

void memory_done(struct memory *memory)
{
	buf_done(&memory->before);
	buf_done(&memory->now);
}
