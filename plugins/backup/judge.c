/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define FUTURE_SECONDS 300 /* by which clocks may differ */

char *format_seconds(char buffer[static 32], int64_t seconds)
{
	seconds = MIN(seconds, INT64_MAX / NSEC_PER_SEC);
	if (seconds <= 0)
		snprintf(buffer, 32, "0s");
	else
		format_duration_rough(buffer, seconds * NSEC_PER_SEC);
	return buffer;
}

void judge_age(const struct judge_settings *settings, const char *item, const char *name, int64_t time,
	int64_t now, struct findings *findings)
{
	int64_t age = now - time, due = settings->interval + settings->grace;
	int64_t late = settings->max_age ? settings->max_age : due + settings->interval;
	char text[32], every[32];

	if (age < -FUTURE_SECONDS) {
		finding_add(findings, item, GAVEA_UNKNOWN,
			"the newest backup %s is from the future, by %s: set the clock of the host that made "
			"it right",
			name, format_seconds(text, -age));
		return;
	}
	age = MAX(age, INT64_C(0));
	if ((settings->interval || settings->max_age) && age > late)
		finding_add(findings, item, GAVEA_CRITICAL,
			"the newest backup %s is %s old: look why the backup job does not run, or fails",
			name, format_seconds(text, age));
	else if (settings->interval && age > due)
		finding_add(findings, item, GAVEA_WARNING,
			"the newest backup %s is %s old, one is due every %s: look at the backup job's log",
			name, format_seconds(text, age), format_seconds(every, settings->interval));
	else
		finding_add(findings, item, GAVEA_OK, "newest %s, %s old", name, format_seconds(text, age));
}

static void judge_count(const struct judge_settings *settings, const char *place, const struct facts *facts,
	struct findings *findings)
{
	if (facts->count == 0)
		finding_add(findings, "count", GAVEA_CRITICAL,
			"there is no backup in %s: run the backup job, and look whether it writes there",
			place);
	else if ((int64_t)facts->count < settings->min_count)
		finding_add(findings, "count", GAVEA_CRITICAL,
			"only %zu backups, at least %" PRId64 " are wanted: look at what removes old ones",
			facts->count, settings->min_count);
	else
		finding_add(findings, "count", GAVEA_OK, "%zu backups", facts->count);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t median(int64_t *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), by_value);
	if (count % 2)
		return values[count / 2];
	return values[count / 2 - 1] + (values[count / 2] - values[count / 2 - 1]) / 2;
}

/* Fewer than this many make no median. */
#define EARLIER_MIN 3

static void judge_size(const struct judge_settings *settings, const struct backup *newest,
	const int64_t *earlier, size_t count, struct findings *findings)
{
	_cleanup_free_ int64_t *sorted = count ? malloc(count * sizeof(*sorted)) : NULL;
	char text[32], usual[32];
	int64_t middle;
	double change;

	format_size(text, (uint64_t)MAX(newest->size, INT64_C(0)));
	if (newest->size < settings->min_size) {
		finding_add(findings, "size", GAVEA_CRITICAL,
			"the newest backup %s has %s, at least %s is wanted", newest->name, text,
			format_size(usual, (uint64_t)settings->min_size));
		return;
	}
	if (settings->size_change <= 0 || count < EARLIER_MIN || !sorted) {
		finding_add(findings, "size", GAVEA_OK, "%s", text);
		return;
	}
	memcpy(sorted, earlier, count * sizeof(*sorted));
	middle = median(sorted, count);
	change = middle ? ((double)newest->size / (double)middle - 1) * 100 : newest->size ? INFINITY : 0;
	if (fabs(change) > settings->size_change)
		finding_add(findings, "size", GAVEA_WARNING,
			"the newest backup %s has %s, %+.0f%% from the median of the last %zu (%s): look "
			"what is missing "
			"in it or what grew",
			newest->name, text, change, count, format_size(usual, (uint64_t)middle));
	else
		finding_add(findings, "size", GAVEA_OK, "%s, %+.0f%% from the median of the last %zu", text,
			change, count);
}

void judge_backups(const struct judge_settings *settings, const char *place, const struct facts *facts,
	const int64_t *earlier, size_t earlier_count, int64_t now, struct findings *findings)
{
	const struct backup *newest = facts_newest(facts);

	judge_count(settings, place, facts, findings);
	if (!newest)
		return;
	judge_age(settings, "age", newest->name, newest->time, now, findings);
	if (newest->size != SIZE_UNKNOWN)
		judge_size(settings, newest, earlier, earlier_count, findings);
	else if (settings->min_size > 0)
		finding_add(findings, "size", GAVEA_UNKNOWN,
			"the size of the newest backup %s is not known, and min_size "
			"asks for one",
			newest->name);
}

/* ---- Verifications and restore tests ---- */

void record_write(const struct record *record, char buffer[static 1024])
{
	snprintf(buffer, 1024, "1 %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRId64 " %" PRId64 "\n%s",
		record->time, record->begun, record->seconds, (int)record->status, record->part,
		record->running, record->text);
}

int record_read(const char *text, struct record *ret_record)
{
	struct record record = {0};
	int status, used = 0;

	if (sscanf(text, "1 %" SCNd64 " %" SCNd64 " %" SCNd64 " %d %" SCNd64 " %" SCNd64 "%n", &record.time,
		    &record.begun, &record.seconds, &status, &record.part, &record.running, &used) != 6 ||
		text[used] != '\n' || status < GAVEA_OK || status > GAVEA_UNKNOWN)
		return -EINVAL;
	record.status = (enum gavea_status)status;
	snprintf(record.text, sizeof(record.text), "%s", text + used + 1);
	*ret_record = record;
	return 0;
}

void judge_record(const struct record *record, const char *item, const char *what, int64_t every,
	const char *why_not, int64_t now, struct findings *findings)
{
	char age[32], took[32];

	format_seconds(age, MAX(now - record->time, INT64_C(0)));
	if (!record->time)
		finding_add(findings, item, GAVEA_WARNING, "never %s%s%s", what, why_not ? ": " : "",
			why_not ? why_not : "");
	else if (record->status != GAVEA_OK)
		finding_add(findings, item, record->status, "%s (%s ago)", record->text, age);
	else if (now - record->time > 2 * every)
		finding_add(findings, item, GAVEA_WARNING, "last %s %s ago%s%s", what, age,
			why_not ? ": " : "", why_not ? why_not : "");
	else
		finding_add(findings, item, GAVEA_OK, "%s %s ago, in %s%s%s", what, age,
			format_seconds(took, record->seconds), record->text[0] ? ": " : "", record->text);
}

int window_contains(const char *window, int64_t now)
{
	int from_hour, from_minute, to_hour, to_minute, used = 0, from, to, at;
	time_t seconds = now;
	struct tm tm;

	if (sscanf(window, "%2d:%2d-%2d:%2d%n", &from_hour, &from_minute, &to_hour, &to_minute, &used) != 4 ||
		window[used] || from_hour < 0 || from_hour > 23 || to_hour < 0 || to_hour > 24 ||
		from_minute < 0 || from_minute > 59 || to_minute < 0 || to_minute > 59)
		return -EINVAL;
	if (!localtime_r(&seconds, &tm))
		return -EINVAL;
	from = from_hour * 60 + from_minute;
	to = to_hour * 60 + to_minute;
	at = tm.tm_hour * 60 + tm.tm_min;
	return from <= to ? at >= from && at < to : at >= from || at < to;
}
