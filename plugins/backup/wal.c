/* SPDX-License-Identifier: Apache-2.0 */
#include "wal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

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
	archive->list = NULL;
	archive->count = archive->room = 0;
}

static int by_position(const void *a, const void *b)
{
	const struct wal_segment *x = a, *y = b;

	if (x->timeline != y->timeline)
		return (x->timeline > y->timeline) - (x->timeline < y->timeline);
	return (x->number > y->number) - (x->number < y->number);
}

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
static void say_missing(struct judging *judging, uint32_t timeline, uint64_t from, uint64_t to)
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
	wal_name_format(a, &first, judging->archive->segment_size);
	wal_name_format(b, &last, judging->archive->segment_size);
	finding_add(judging->findings, "wal", newest ? GAVEA_CRITICAL : GAVEA_WARNING,
		"WAL %s%s%s is missing in the archive: after backup %s no time beyond it can be restored; "
		"make a new full "
		"backup now, then look at archive_command",
		a, from == to ? "" : " to ", from == to ? "" : b, before->backup);
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

void wal_judge(struct wal_archive *archive, const struct wal_need *needs, size_t need_count, int64_t grace,
	int64_t now, struct findings *findings)
{
	struct judging judging = {archive, needs, need_count, grace, now, findings, 0, false};

	if (archive->count)
		qsort(archive->list, archive->count, sizeof(archive->list[0]), by_position);
	judge_needs(&judging);
	/* From the newest, so that what is said first weighs most. */
	for (size_t i = archive->count; i-- > 0;) {
		const struct wal_segment *here = &archive->list[i];
		const struct wal_segment *before = i ? &archive->list[i - 1] : NULL;

		if (before && before->timeline != here->timeline)
			before = parent_of(archive, i);
		if (!before || here->number <= before->number + 1 || now - here->time < grace)
			continue;
		say_missing(&judging, before->timeline, before->number + 1, here->number - 1);
	}
	if (!judging.said)
		finding_add(findings, "wal", GAVEA_OK, "%zu WAL segments without a hole%s", archive->count,
			judging.missing ? " since the oldest backup" : "");
}
