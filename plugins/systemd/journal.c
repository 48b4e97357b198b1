/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include "base/clock.h"
#include "base/range.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

#define KEY "journal"
#define ENTRIES_MAX 100000 /* of one run; more are not counted, which the item says */
#define UNITS_COUNTED 256

struct tally {
	struct {
		char name[256];
		unsigned errors;
	} units[UNITS_COUNTED];
	size_t count;
	bool full;
};

static void count_entry(sd_journal *journal, struct tally *tally)
{
	static const char field[] = "_SYSTEMD_UNIT=";
	const char *data;
	size_t length, i = 0;

	if (sd_journal_get_data(journal, "_SYSTEMD_UNIT", (const void **)&data, &length) < 0 ||
		length < sizeof field - 1 || length - (sizeof field - 1) >= sizeof tally->units[0].name)
		return;
	data += sizeof field - 1;
	length -= sizeof field - 1;
	while (i < tally->count &&
		(strlen(tally->units[i].name) != length || memcmp(tally->units[i].name, data, length) != 0))
		i++;
	if (i == UNITS_COUNTED) {
		tally->full = true;
		return;
	}
	if (i == tally->count) {
		memcpy(tally->units[i].name, data, length);
		tally->units[i].name[length] = '\0';
		tally->count++;
	}
	tally->units[i].errors++;
}

/* Only errors and worse, of system services. */
static int add_matches(sd_journal *journal)
{
	char match[16];
	int r = 0;

	for (int priority = 0; r >= 0 && priority <= 3; priority++) {
		snprintf(match, sizeof match, "PRIORITY=%d", priority);
		r = sd_journal_add_match(journal, match, 0);
	}
	return r;
}

/* Stands before the first entry that was not counted; the first time, at the end. */
static int seek(struct systemd *systemd, sd_journal *journal, bool *ret_first)
{
	_cleanup_free_ char *cursor = NULL;
	const void *bytes;
	size_t size;
	int r;

	*ret_first = gavea_state_get(systemd->check, KEY, &bytes, &size) < 0;
	if (*ret_first) {
		r = sd_journal_seek_tail(journal);
		return r < 0 ? r : sd_journal_previous(journal);
	}
	cursor = strndup(bytes, size);
	if (!cursor)
		return -ENOMEM;
	r = sd_journal_seek_cursor(journal, cursor);
	if (r >= 0)
		r = sd_journal_next(journal);
	/* The entry itself has been counted; without it (the journal was rotated) the next one is new. */
	if (r > 0 && sd_journal_test_cursor(journal, cursor) <= 0)
		r = sd_journal_previous(journal);
	return r;
}

static void keep_place(struct systemd *systemd, sd_journal *journal)
{
	_cleanup_free_ char *cursor = NULL;
	int r = sd_journal_get_cursor(journal, &cursor);

	if (r == -EADDRNOTAVAIL)
		return;
	if (r >= 0)
		r = gavea_state_set(systemd->check, KEY, cursor, strlen(cursor));
	if (r >= 0)
		r = gavea_state_commit(systemd->check);
	if (r < 0)
		gavea_log(systemd->check, GAVEA_LOG_WARNING, "cannot remember the place in the journal: %s",
			strerror(-r));
}

static int count_all(struct systemd *systemd, sd_journal *journal, struct tally *tally, bool *ret_cut)
{
	size_t entries = 0;
	bool first;
	int r = seek(systemd, journal, &first);

	while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
		count_entry(journal, tally);
		if (++entries == ENTRIES_MAX ||
			(entries % 1000 == 0 && gavea_now(systemd->check) > systemd->bus.deadline)) {
			*ret_cut = true;
			break;
		}
	}
	if (r >= 0)
		keep_place(systemd, journal);
	return MIN(r, 0);
}

static void judge(struct systemd *systemd, const struct tally *tally, const struct range *range)
{
	for (size_t i = 0; i < tally->count; i++) {
		struct verdict verdict = {
			.status = range_alerts(range, tally->units[i].errors) ? GAVEA_WARNING : GAVEA_OK};

		report_sample(systemd, "gavea_systemd_journal_errors", GAVEA_GAUGE, "",
			"Errors that the unit logged since the run before", "name", tally->units[i].name,
			tally->units[i].errors);
		snprintf(verdict.text, sizeof verdict.text,
			"logged %u errors since the last look; see journalctl -p err -u %.128s",
			tally->units[i].errors, tally->units[i].name);
		if (verdict.status != GAVEA_OK)
			report(systemd, tally->units[i].name, "journal", &verdict);
	}
}

/* Without the right to read it, the journal looks empty: that would be green by omission. */
static int open_journal(sd_journal **ret_journal)
{
	static const char *const folders[] = {"/var/log/journal", "/run/log/journal"};
	sd_journal *journal;
	bool any = false;
	int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		DIR *folder = opendir(folders[i]);

		any |= folder != NULL;
		if (folder)
			closedir(folder);
	}
	r = !any ? -EACCES
		: sd_journal_has_persistent_files(journal) > 0 || sd_journal_has_runtime_files(journal) > 0
		? 0
		: -EACCES;
	if (r < 0)
		sd_journal_close(journal);
	else
		*ret_journal = journal;
	return r;
}

void part_journal(struct systemd *systemd)
{
	const char *text = gavea_option_string(systemd->check, "journal_errors");
	_cleanup_free_ struct tally *tally = NULL;
	sd_journal *journal;
	struct range range;
	bool cut = false;
	int r;

	if (str_empty(text) || range_parse(text, RANGE_NUMBER, &range, NULL) < 0)
		return;
	r = open_journal(&journal);
	if (r < 0) {
		report_unknown(systemd, "journal", NULL,
			"cannot be read: %s; make user gavea a member of group systemd-journal",
			strerror(-r));
		return;
	}
	tally = calloc(1, sizeof *tally);
	r = tally ? add_matches(journal) : -ENOMEM;
	if (r >= 0)
		r = count_all(systemd, journal, tally, &cut);
	sd_journal_close(journal);
	if (r < 0)
		report_unknown(systemd, "journal", NULL, "cannot be read: %s", strerror(-r));
	if (r >= 0 && (cut || tally->full))
		report_unknown(systemd, "journal", NULL, "has more errors than were counted");
	if (r >= 0)
		judge(systemd, tally, &range);
}
