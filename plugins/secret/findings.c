/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include "base/buf.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define BASELINE_MAX ((size_t)1024 * 1024)

static int parse_day(const char *text, int64_t *ret_day)
{
	struct tm tm = {0}, same;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t seconds;

	if (!end || *end || strlen(text) != 10)
		return -EINVAL;
	seconds = timegm(&tm);
	/* The 31st of June is no day. */
	if (!gmtime_r(&seconds, &same) || same.tm_mday != atoi(text + 8))
		return -EINVAL;
	*ret_day = seconds / 86400;
	return 0;
}

static int take_line(struct baseline *baseline, char *line, const char *file, int number, struct error *error)
{
	char *rest = line + strspn(line, " \t"), *print, *day;
	struct acceptance *acceptance;

	if (!*rest || *rest == '#')
		return 0;
	print = strsep(&rest, " \t");
	day = rest ? strsep(&rest, " \t") : NULL;
	if (strlen(print) != FINGERPRINT_SIZE - 1 ||
		strspn(print, "0123456789abcdef") != FINGERPRINT_SIZE - 1)
		return error_set_at(
			error, -EINVAL, file, number, "does not begin with a fingerprint of 32 hex digits");
	if (GROW(baseline->list, baseline->count, baseline->room) < 0)
		return -ENOMEM;
	acceptance = &baseline->list[baseline->count];
	if (!day || parse_day(day, &acceptance->until) < 0)
		return error_set_at(error, -EINVAL, file, number,
			"has no day such as 2030-12-31 until which it is accepted");
	if (!rest || strspn(rest, " \t") == strlen(rest))
		return error_set_at(error, -EINVAL, file, number, "has no reason");
	memcpy(acceptance->fingerprint, print, FINGERPRINT_SIZE);
	baseline->count++;
	return 0;
}

int baseline_parse(struct baseline *baseline, const char *text, const char *file, struct error *error)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	for (int number = 1; r == 0 && (line = strsep(&rest, "\n")); number++)
		r = take_line(baseline, line, file, number, error);
	return r;
}

int baseline_read(struct baseline *baseline, const char *path, struct error *error)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, BASELINE_MAX, &text);

	if (r < 0)
		return error_set(error, r, "baseline: cannot read %s: %s", path, strerror(-r));
	return baseline_parse(baseline, buf_str(&text), path, error);
}

void baseline_done(struct baseline *baseline)
{
	free(baseline->list);
	*baseline = (struct baseline){.list = NULL};
}

/* A rule and a format may see the same: once is enough. */
static bool is_same(const struct sighting *a, const struct sighting *b)
{
	return a->line == b->line && a->offset < b->end && b->offset < a->end;
}

int findings_add(struct findings *findings, const char *path, const struct sighting *what, bool readable)
{
	struct finding *finding;

	for (size_t i = findings->count; i-- > 0 && streq(findings->list[i].path, path);)
		if (is_same(&findings->list[i].what, what))
			return 0;
	if (findings->count == FINDINGS_MAX) {
		findings->dropped++;
		return 0;
	}
	if (GROW(findings->list, findings->count, findings->room) < 0)
		return -ENOMEM;
	finding = &findings->list[findings->count];
	*finding = (struct finding){.path = strdup(path), .what = *what, .readable = readable};
	if (!finding->path)
		return -ENOMEM;
	findings->count++;
	return 0;
}

void findings_cut(struct findings *findings, size_t count)
{
	while (findings->count > count)
		free(findings->list[--findings->count].path);
}

void findings_judge(struct findings *findings, const struct baseline *baseline, int64_t today)
{
	for (size_t i = 0; i < findings->count; i++)
		for (size_t k = 0; k < baseline->count; k++)
			if (streq(findings->list[i].what.fingerprint, baseline->list[k].fingerprint) &&
				findings->list[i].state != FINDING_ACCEPTED)
				findings->list[i].state =
					today <= baseline->list[k].until ? FINDING_ACCEPTED : FINDING_EXPIRED;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		free(findings->list[i].path);
	free(findings->list);
	*findings = (struct findings){.list = NULL};
}
