/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "scan_internal.h"

#include "base/buf.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

#define KEY "journal"
#define KEPT_MAX 300 /* findings; the state of a check holds no more */
#define RECORD_MAX ((size_t)60 * 1024)
#define ENTRIES_MAX 4096 /* of one batch */
#define BATCH ((size_t)256 * 1024)
#define FIELD_MAX ((size_t)1024 * 1024)
#define UNIT_MAX 128

/* Where an entry begins in the batch. */
struct entry {
	size_t start;
	uint64_t time; /* us since 1970 */
	char unit[UNIT_MAX];
};

struct reader {
	struct scan *scan;
	struct gavea_check *check;
	sd_journal *journal;
	struct buf record; /* findings of this run and earlier ones, as they are kept */
	size_t kept;
	uint64_t lost; /* findings beyond those */
	char rules[FINGERPRINT_SIZE];
	struct buf batch;
	struct entry *entries;
	size_t count;
};

/* ---- Findings ---- */

static void name_place(char *name, size_t size, const char *unit, uint64_t time)
{
	char when[32];

	snprintf(name, size, "journal %s %s", unit, clock_format_utc(when, (int64_t)(time / 1000), 1));
}

/* The same secret of the same unit is told once, however often it was logged. */
static bool is_known(const struct reader *reader, const char *unit, const struct sighting *what)
{
	const struct findings *findings = reader->scan->findings;
	size_t size = strlen(unit);

	for (size_t i = findings->count; i-- > 0;) {
		const struct finding *it = &findings->list[i];
		const char *path = it->path;

		if (strncmp(path, "journal ", 8) == 0 && strncmp(path + 8, unit, size) == 0 &&
			path[8 + size] == ' ' && streq(it->what.fingerprint, what->fingerprint) &&
			streq(it->what.rule, what->rule))
			return true;
	}
	return false;
}

/* Whoever may read the journal is not looked at: a secret has no place there. */
static int add(struct reader *reader, const char *unit, uint64_t time, struct sighting *what)
{
	char name[UNIT_MAX + 64];
	int r;

	if (is_known(reader, unit, what))
		return 0;
	what->line = 0;
	what->offset = reader->scan->findings->count;
	what->end = what->offset + 1;
	name_place(name, sizeof(name), unit, time);
	r = findings_add(reader->scan->findings, name, what, false);
	if (r < 0)
		return r;
	if (reader->kept == KEPT_MAX || reader->record.size > RECORD_MAX) {
		reader->lost++;
		return 0;
	}
	reader->kept++;
	buf_printf(&reader->record, "%" PRIu64 " %s ", time, unit);
	memory_write_finding(&reader->record, what);
	return buf_error(&reader->record);
}

static int on_sighting(void *userdata, const struct sighting *sighting)
{
	struct reader *reader = userdata;
	struct sighting what = *sighting;
	size_t i = 0;

	while (i + 1 < reader->count && reader->entries[i + 1].start <= sighting->offset)
		i++;
	return add(reader, reader->entries[i].unit, reader->entries[i].time, &what);
}

/* ---- What is kept ---- */

/* "TIME UNIT FINDING"; one that is older than the journal is gone from it. */
static int recall_one(struct reader *reader, char *line, uint64_t oldest)
{
	char *rest = line, *time = strsep(&rest, " "), *unit = rest ? strsep(&rest, " ") : NULL;
	struct sighting what;
	int r;

	if (!unit || !rest)
		return -EBADMSG;
	if (strtoull(time, NULL, 10) < oldest)
		return 0;
	r = memory_read_finding(reader->scan->engine, rest, &what);
	return r < 0 ? r : add(reader, unit, strtoull(time, NULL, 10), &what);
}

/* Takes over what earlier runs found. Sets the cursor; NULL: the journal is to be read from its start. */
static int recall(struct reader *reader, char **ret_cursor)
{
	_cleanup_free_ char *text = NULL, *cursor = NULL;
	struct buf kept = BUF_INIT;
	size_t size, first = reader->scan->findings->count;
	uint64_t oldest = 0;
	const void *bytes;
	char *rest, *line;
	int r = 0;

	*ret_cursor = NULL;
	if (gavea_state_get(reader->check, KEY, &bytes, &size) < 0)
		return 0;
	/* Values of the state have no end but their size. */
	buf_add(&kept, bytes, size);
	text = rest = buf_take(&kept);
	if (!text)
		return -ENOMEM;
	line = strsep(&rest, "\n");
	/* Rules that changed have not seen what was read. */
	if (!streq(line, reader->rules) || !rest)
		return 0;
	cursor = strdup(strsep(&rest, "\n"));
	if (!cursor)
		return -ENOMEM;
	(void)sd_journal_get_cutoff_realtime_usec(reader->journal, &oldest, NULL);
	while (r == 0 && rest && (line = strsep(&rest, "\n")))
		r = *line ? recall_one(reader, line, oldest) : 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		findings_cut(reader->scan->findings, first);
		buf_reset(&reader->record);
		reader->kept = 0;
		return 0;
	}
	*ret_cursor = TAKE_PTR(cursor);
	return 0;
}

static void keep(struct reader *reader)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_free_ char *cursor = NULL;
	int r = sd_journal_get_cursor(reader->journal, &cursor);

	if (r == -EADDRNOTAVAIL)
		return;
	/* With more findings than can be kept, all is read again next time. */
	if (r >= 0 && reader->lost == 0) {
		buf_printf(&text, "%s\n%s\n", reader->rules, cursor);
		buf_add(&text, buf_str(&reader->record), reader->record.size);
		r = buf_error(&text);
		if (r == 0)
			r = gavea_state_set(reader->check, KEY, text.data, text.size);
	} else if (r >= 0) {
		r = gavea_state_set(reader->check, KEY, NULL, 0);
	}
	if (r >= 0)
		r = gavea_state_commit(reader->check);
	if (r < 0)
		gavea_log(reader->check, GAVEA_LOG_WARNING, "cannot remember the place in the journal: %s",
			strerror(-r));
}

/* ---- Reading ---- */

static int flush(struct reader *reader)
{
	struct scan *scan = reader->scan;
	int r = 0;

	if (reader->count) {
		scan->bytes += reader->batch.size;
		matcher_reset(scan->matcher);
		r = matcher_scan(
			scan->matcher, reader->batch.data, reader->batch.size, 0, 0, 1, on_sighting, reader);
		explicit_bzero(reader->batch.data, reader->batch.size);
	}
	if (r == -E2BIG || r == -EIO) {
		scan_leave_out(scan, &scan->failed, "journal",
			r == -EIO ? "the engine failed" : "too many candidates in some entries");
		r = 0;
	}
	reader->batch.size = 0;
	reader->count = 0;
	return r;
}

static bool get(sd_journal *journal, const char *field, const char **ret_value, size_t *ret_size)
{
	size_t name = strlen(field) + 1;
	const void *data;

	if (sd_journal_get_data(journal, field, &data, ret_size) < 0 || *ret_size <= name)
		return false;
	*ret_value = (const char *)data + name;
	*ret_size -= name;
	return true;
}

/* Its name comes from whoever logs when systemd does not know it: spaces would break our records. */
static void name_unit(sd_journal *journal, char unit[static UNIT_MAX])
{
	static const char *const fields[] = {"_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_COMM"};
	const char *value;
	size_t size;

	snprintf(unit, UNIT_MAX, "-");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!get(journal, fields[i], &value, &size))
			continue;
		size = MIN(size, (size_t)UNIT_MAX - 1);
		for (size_t k = 0; k < size; k++)
			unit[k] = (char)((unsigned char)value[k] > ' ' && (unsigned char)value[k] < 0x7f
					? value[k]
					: '_');
		unit[size] = '\0';
		return;
	}
}

struct dump {
	struct reader *reader;
	const struct entry *entry;
};

static int on_variable(void *userdata, const struct sighting *sighting)
{
	struct dump *dump = userdata;
	struct sighting what = *sighting;

	return add(dump->reader, dump->entry->unit, dump->entry->time, &what);
}

/* systemd-coredump logs the environment of what crashed. */
static int take_dump(struct reader *reader, const struct entry *entry)
{
	struct dump dump = {reader, entry};
	const char *value;
	size_t size;

	if (!get(reader->journal, "COREDUMP_ENVIRON", &value, &size))
		return 0;
	return format_scan(format_environment(), reader->scan->key, value, size, 0, 1, on_variable, &dump);
}

static int take_entry(struct reader *reader)
{
	static const char *const fields[] = {"MESSAGE", "_CMDLINE", "COREDUMP_CMDLINE", "COREDUMP_ENVIRON"};
	struct entry *entry = &reader->entries[reader->count++];
	int r;

	entry->start = reader->batch.size;
	entry->time = 0;
	(void)sd_journal_get_realtime_usec(reader->journal, &entry->time);
	name_unit(reader->journal, entry->unit);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *value;
		size_t size;

		if (!get(reader->journal, fields[i], &value, &size))
			continue;
		/* As much as sd_journal_get_data() gives without being asked for more. */
		if (size >= FIELD_MAX - 16)
			scan_leave_out(reader->scan, &reader->scan->large, "journal",
				"an entry has more than 1 MiB");
		buf_add(&reader->batch, value, size);
		buf_add_char(&reader->batch, '\n');
	}
	r = take_dump(reader, entry);
	if (r < 0)
		return r;
	return reader->count == ENTRIES_MAX || reader->batch.size >= BATCH ? flush(reader)
									   : buf_error(&reader->batch);
}

static int seek(sd_journal *journal, const char *cursor)
{
	int r;

	if (!cursor)
		return sd_journal_seek_head(journal);
	r = sd_journal_seek_cursor(journal, cursor);
	if (r >= 0)
		r = sd_journal_next(journal);
	/* The entry itself was read; without it (it was rotated away) the next one is new. */
	if (r > 0 && sd_journal_test_cursor(journal, cursor) <= 0)
		r = sd_journal_previous(journal);
	return r;
}

static int read_all(struct reader *reader)
{
	_cleanup_free_ char *cursor = NULL;
	unsigned entries = 0;
	uint64_t troubles;
	int r = recall(reader, &cursor);

	troubles = reader->scan->failed + reader->scan->large;
	if (r == 0)
		r = seek(reader->journal, cursor);
	while (r >= 0 && (++entries % 256 || !scan_is_over(reader->scan)) &&
		(r = sd_journal_next(reader->journal)) > 0)
		r = take_entry(reader);
	if (r >= 0)
		r = flush(reader);
	if (r >= 0 && troubles == reader->scan->failed + reader->scan->large)
		keep(reader);
	return MIN(r, 0);
}

/* Without the right to read it, the journal looks empty: that would be green by omission. */
static int open_journal(const char *folder, sd_journal **ret_journal)
{
	sd_journal *journal;
	int r = folder ? sd_journal_open_directory(&journal, folder, 0)
		       : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

	if (r < 0)
		return r;
	if (sd_journal_has_persistent_files(journal) <= 0 && sd_journal_has_runtime_files(journal) <= 0 &&
		!folder) {
		sd_journal_close(journal);
		return -EACCES;
	}
	*ret_journal = journal;
	return 0;
}

int scan_journal(struct scan *scan, struct gavea_check *check, const char *folder)
{
	struct reader reader = {.scan = scan, .check = check, .record = BUF_INIT, .batch = BUF_INIT};
	int r = open_journal(folder, &reader.journal);

	if (r < 0)
		return r;
	sd_journal_set_data_threshold(reader.journal, FIELD_MAX);
	engine_fingerprint(scan->engine, scan->key, reader.rules);
	reader.entries = calloc(ENTRIES_MAX, sizeof(*reader.entries));
	/* One allocation, so that no copy is left behind when it grows. */
	if (!reader.entries || !buf_extend(&reader.batch, BATCH + 4 * FIELD_MAX))
		r = -ENOMEM;
	if (r == 0)
		r = read_all(&reader);
	sd_journal_close(reader.journal);
	buf_done(&reader.record);
	buf_done(&reader.batch);
	free(reader.entries);
	return r;
}
