/* SPDX-License-Identifier: Apache-2.0 */
#include "wal.h"
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define HISTORY_MAX 65536

static int hex(const char *text, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (int i = 0; i < 8; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return -EINVAL;
		value = value << 4 |
			(uint32_t)(isdigit((unsigned char)text[i]) ? text[i] - '0'
								   : (text[i] | 32) - 'a' + 10);
	}
	*ret_value = value;
	return 0;
}

int wal_name_parse(const char *name, uint64_t segment_size, struct wal_segment *ret_segment)
{
	uint64_t per_log = (UINT64_C(1) << 32) / segment_size;
	uint32_t timeline, log, segment;

	if (strnlen(name, 24) < 24 || hex(name, &timeline) < 0 || hex(name + 8, &log) < 0 ||
		hex(name + 16, &segment) < 0)
		return -EINVAL;
	if (segment >= per_log || timeline == 0)
		return -EINVAL;
	*ret_segment = (struct wal_segment){.timeline = timeline, .number = log * per_log + segment};
	return 0;
}

char *wal_name_format(char buffer[static 25], const struct wal_segment *segment, uint64_t segment_size)
{
	uint64_t per_log = (UINT64_C(1) << 32) / segment_size;

	snprintf(buffer, 25, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, segment->timeline,
		(uint32_t)(segment->number / per_log), (uint32_t)(segment->number % per_log));
	return buffer;
}

int wal_add(struct wal_archive *archive, const char *name, int64_t time)
{
	struct wal_segment segment;
	int r = wal_name_parse(name, archive->segment_size, &segment);

	if (r == 0)
		r = GROW(archive->list, archive->count, archive->room);
	if (r < 0)
		return r;
	segment.time = time;
	archive->list[archive->count++] = segment;
	return 0;
}

void wal_done(struct wal_archive *archive)
{
	free(archive->list);
	free(archive->line);
	archive->list = NULL;
	archive->line = NULL;
	archive->count = archive->room = archive->line_count = archive->line_room = 0;
}

static int by_position(const void *a, const void *b)
{
	const struct wal_segment *x = a, *y = b;

	if (x->timeline != y->timeline)
		return (x->timeline > y->timeline) - (x->timeline < y->timeline);
	return (x->number > y->number) - (x->number < y->number);
}

uint32_t wal_newest_timeline(const struct wal_archive *archive)
{
	uint32_t newest = 0;

	for (size_t i = 0; i < archive->count; i++)
		newest = MAX(newest, archive->list[i].timeline);
	return newest;
}

uint32_t wal_history_name(const char *name)
{
	uint32_t timeline;

	return strnlen(name, 8) == 8 && hex(name, &timeline) == 0 && startswith(name + 8, ".history")
		? timeline
		: 0;
}

static int add_branch(struct wal_archive *archive, uint32_t timeline, uint64_t from)
{
	if (GROW(archive->line, archive->line_count, archive->line_room) < 0)
		return -ENOMEM;
	archive->line[archive->line_count++] = (struct wal_branch){timeline, from};
	return 0;
}

/* "1\t0/3000000\treason": where the next timeline left this one. */
static int take_line(struct wal_archive *archive, const char *line, uint32_t *before, uint64_t *from)
{
	uint32_t timeline, high, low;
	uint64_t number;
	int r;

	if (sscanf(line, "%" SCNu32 " %" SCNx32 "/%" SCNx32, &timeline, &high, &low) != 3 ||
		timeline <= *before)
		return -EBADMSG;
	number = ((uint64_t)high << 32 | low) / archive->segment_size;
	if (number < *from)
		return -EBADMSG;
	r = add_branch(archive, timeline, *from);
	*before = timeline;
	*from = number;
	return r;
}

int wal_take_history(struct wal_archive *archive, uint32_t timeline, const char *text)
{
	uint32_t before = 0;
	uint64_t from = 0;
	int r = strnlen(text, HISTORY_MAX) == HISTORY_MAX ? -EBADMSG : 0;

	for (size_t size; r == 0 && *text; text += size + (text[size] == '\n')) {
		size_t blanks = strspn(text, " \t\r");

		size = strcspn(text, "\n");
		if (blanks < size && text[blanks] != '#')
			r = take_line(archive, text, &before, &from);
	}
	if (r == 0)
		r = before == 0 || before >= timeline ? -EBADMSG : add_branch(archive, timeline, from);
	if (r < 0)
		archive->line_count = 0;
	return r;
}

/* ---- Judging ---- */

struct judging {
	const struct wal_archive *archive;
	const struct wal_need *needs;
	size_t need_count;
	int64_t grace;
	int64_t now;
	struct findings *findings;
	uint64_t missing;
	bool said;
};

/* Says that the segments from..to of a timeline are missing, as severely as they are needed. */
static void say_missing(struct judging *judging, uint32_t timeline, uint64_t from, uint64_t to, bool on_line)
{
	struct wal_segment first = {.timeline = timeline, .number = from},
			   last = {.timeline = timeline, .number = to};
	const struct wal_need *before = NULL;
	char a[25], b[25];
	bool newest = false;

	judging->missing += to - from + 1;
	for (size_t i = 0; i < judging->need_count; i++)
		if (judging->needs[i].start.number <= to && judging->needs[i].start.timeline <= timeline) {
			before = &judging->needs[i];
			newest = i + 1 == judging->need_count;
		}
	if (judging->said || !before)
		return; /* nothing that is kept needs it */
	judging->said = true;
	first.number = MAX(from, MIN(before->stop.number + 1, to));
	wal_name_format(a, &first, judging->archive->segment_size);
	wal_name_format(b, &last, judging->archive->segment_size);
	finding_add(judging->findings, "wal", newest && on_line ? GAVEA_CRITICAL : GAVEA_WARNING,
		"WAL %s%s%s is missing in the archive%s: after backup %s no time beyond it can be restored; "
		"make a new "
		"full backup now, then look at archive_command",
		a, first.number == to ? "" : " to ", first.number == to ? "" : b,
		on_line ? "" : ", on a timeline that was given up", before->backup);
}

static bool has(const struct wal_archive *archive, uint32_t timeline, uint64_t number)
{
	struct wal_segment key = {.timeline = timeline, .number = number};

	return archive->count && bsearch(&key, archive->list, archive->count, sizeof(key), by_position);
}

/* Each backup needs what was written while it was made. */
static void judge_needs(struct judging *judging)
{
	for (size_t i = judging->need_count; i-- > 0;) {
		const struct wal_need *need = &judging->needs[i];
		uint64_t span = need->stop.number - need->start.number;

		for (uint64_t n = 0; need->stop.number >= need->start.number && n <= span && n < 1000000;
			n++) {
			struct wal_segment segment = {need->stop.timeline, need->start.number + n, 0};
			char name[25];

			if (has(judging->archive, need->start.timeline, segment.number) ||
				has(judging->archive, need->stop.timeline, segment.number))
				continue;
			judging->missing++;
			if (!judging->said)
				finding_add(judging->findings, "wal", GAVEA_CRITICAL,
					"backup %s cannot be restored: its WAL %s is missing in the archive; "
					"make a new "
					"full backup now",
					need->backup,
					wal_name_format(name, &segment, judging->archive->segment_size));
			judging->said = true;
			break;
		}
	}
}

/* The last segment on the nearest earlier timeline that has any, before number. */
static const struct wal_segment *parent_of(const struct wal_archive *archive, size_t index)
{
	const struct wal_segment *child = &archive->list[index];

	while (index-- > 0)
		if (archive->list[index].timeline < child->timeline &&
			archive->list[index].number <= child->number)
			return &archive->list[index];
	return NULL;
}

/* The place of a timeline on the way to the newest one; -1: it is not on it. */
static int place_on_line(const struct wal_archive *archive, uint32_t timeline)
{
	for (size_t i = 0; i < archive->line_count; i++)
		if (archive->line[i].timeline == timeline)
			return (int)i;
	return -1;
}

/* What is between two segments of one timeline, of which only that counts which the next timeline does not replace. */
static void judge_gap(
	struct judging *judging, const struct wal_segment *before, const struct wal_segment *here, int place)
{
	const struct wal_archive *archive = judging->archive;
	uint64_t from = before->number + 1, to = here->number - 1;
	bool known = archive->line_count > 0;

	if (here->number <= from)
		return;
	if (place >= 0 && (size_t)place + 1 < archive->line_count) {
		uint64_t end = archive->line[place + 1].from;

		if (from >= end)
			place = -1;
		else
			to = MIN(to, end - 1);
	}
	say_missing(judging, here->timeline, from, to, !known || place >= 0);
}

/* What the timeline before has to hold up to where this one left it. */
static void judge_parent(struct judging *judging, int place)
{
	const struct wal_archive *archive = judging->archive;
	const struct wal_branch *parent = &archive->line[place - 1], *own = &archive->line[place];
	int64_t left = INT64_MAX; /* when the first segment of this one came */
	uint64_t last = parent->from;

	if (own->from == parent->from)
		return;
	for (size_t i = 0; i < archive->count; i++) {
		const struct wal_segment *one = &archive->list[i];

		if (one->timeline == parent->timeline && one->number < own->from)
			last = MAX(last, one->number + 1);
		else if (one->timeline == own->timeline)
			left = MIN(left, one->time);
	}
	if (last < own->from && (left == INT64_MAX || judging->now - left >= judging->grace))
		say_missing(judging, parent->timeline, last, own->from - 1, true);
}

/* The first segment of a timeline that is there. */
static void judge_first(struct judging *judging, size_t index, int place)
{
	const struct wal_archive *archive = judging->archive;
	const struct wal_segment *here = &archive->list[index], *before;

	if (place > 0) {
		if (here->number > archive->line[place].from)
			say_missing(
				judging, here->timeline, archive->line[place].from, here->number - 1, true);
		return;
	}
	before = place == 0 ? NULL : parent_of(archive, index);
	if (before && here->number > before->number + 1)
		say_missing(judging, before->timeline, before->number + 1, here->number - 1,
			archive->line_count == 0);
}

static void judge_history(struct judging *judging)
{
	const struct wal_archive *archive = judging->archive;
	const struct wal_need *newest = judging->need_count ? &judging->needs[judging->need_count - 1] : NULL;

	if (archive->missing_history && newest)
		finding_add(judging->findings, "wal history",
			newest->stop.timeline < archive->missing_history ? GAVEA_CRITICAL : GAVEA_WARNING,
			"%08" PRIX32
			".history is missing in the archive: no backup of before can be restored onto "
			"timeline %" PRIu32 "; make a new full backup now",
			archive->missing_history, archive->missing_history);
}

void wal_judge(struct wal_archive *archive, const struct wal_need *needs, size_t need_count, int64_t grace,
	int64_t now, struct findings *findings)
{
	struct judging judging = {archive, needs, need_count, grace, now, findings, 0, false};

	if (archive->count)
		qsort(archive->list, archive->count, sizeof(archive->list[0]), by_position);
	judge_needs(&judging);
	judge_history(&judging);
	/* From the newest, so that what is said first weighs most. */
	for (size_t i = archive->count; i-- > 0;) {
		const struct wal_segment *here = &archive->list[i];
		bool first = i == 0 || archive->list[i - 1].timeline != here->timeline;
		int place = place_on_line(archive, here->timeline);

		if (now - here->time < grace)
			continue;
		if (!first)
			judge_gap(&judging, &archive->list[i - 1], here, place);
		else
			judge_first(&judging, i, place);
	}
	for (size_t i = archive->line_count; i-- > 1;)
		judge_parent(&judging, (int)i);
	if (!judging.said)
		finding_add(findings, "wal", GAVEA_OK, "%zu WAL segments without a hole%s", archive->count,
			judging.missing ? " since the oldest backup" : "");
}

void wal_judge_archive(struct wal_archive *archive, const struct wal_need *needs, size_t need_count,
	const struct settings *settings, int64_t now, struct findings *findings)
{
	int64_t newest = 0;
	char age[32];

	if (need_count || archive->count)
		wal_judge(archive, needs, need_count, settings->wal_grace, now, findings);
	for (size_t i = 0; i < archive->count; i++)
		newest = MAX(newest, archive->list[i].time);
	if (settings->wal_max_age && now - newest > settings->wal_max_age)
		finding_add(findings, "wal age", GAVEA_CRITICAL,
			"the newest WAL in the archive is %s old: look at archive_command, at "
			"archive_timeout and at the "
			"database's log",
			format_seconds(age, now - newest));
}
