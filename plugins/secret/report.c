/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/parse.h"
#include "base/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ITEMS_MAX 200

void report_unjudged(struct gavea_check *check, struct report_counts *counts, const char *path, int error)
{
	counts->unjudged++;
	gavea_item(check, path, GAVEA_UNKNOWN, "cannot be looked at: %s; %s",
		error == -ENOTSUP ? "neither a file nor a folder" : strerror(-error),
		error == -EACCES || error == -EPERM
			? "grant CAP_DAC_READ_SEARCH (and CAP_SYS_PTRACE for processes) "
			  "in a drop-in of gavead"
			: "correct the path in the configuration");
}

void report_unjudged_journal(struct gavea_check *check, struct report_counts *counts, int error)
{
	counts->unjudged++;
	gavea_item(check, "journal", GAVEA_UNKNOWN,
		"cannot be read: %s; make user gavea a member of group systemd-journal, or correct "
		"journal_folder",
		strerror(-error));
}

static enum gavea_status status_of(const struct finding *finding)
{
	return finding->state == FINDING_ACCEPTED ? GAVEA_OK : finding->what.status;
}

static void report_finding(struct gavea_check *check, const struct finding *finding, bool lasting)
{
	static const char *const notes[] = {"", "; accepted in the baseline", "; its acceptance has run out"};
	const struct sighting *what = &finding->what;
	_cleanup_free_ char *name = NULL;
	struct gavea_item *item;
	char line[24];

	if (asprintf(&name, "%s:%" PRIu64 " %s", finding->path, what->line, what->rule) < 0)
		return;
	item = gavea_item(check, name, status_of(finding), "%s%s%s%s; %s", what->description,
		what->doubtful ? " (its check sum is wrong: perhaps made up)" : "",
		finding->readable ? ", readable by everybody" : "", notes[finding->state],
		what->remedy ? what->remedy : "revoke it where it was issued, and remove it here");
	snprintf(line, sizeof(line), "%" PRIu64, what->line);
	gavea_item_attribute(check, item, "path", finding->path);
	gavea_item_attribute(check, item, "line", line);
	gavea_item_attribute(check, item, "rule", what->rule);
	/* One that nobody can compare would only mislead. */
	if (lasting)
		gavea_item_attribute(check, item, "fingerprint", what->fingerprint);
}

void report_findings(struct gavea_check *check, struct report_counts *counts, const struct findings *findings,
	bool lasting)
{
	static const enum gavea_status order[] = {GAVEA_CRITICAL, GAVEA_WARNING, GAVEA_OK};
	size_t shown = 0;

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < findings->count; i++)
			if (status_of(&findings->list[i]) == order[k] && shown < ITEMS_MAX) {
				report_finding(check, &findings->list[i], lasting);
				shown++;
			}
	for (size_t i = 0; i < findings->count; i++)
		counts->states[findings->list[i].state]++;
	if (findings->count > shown || findings->dropped)
		gavea_item(check, "further findings", GAVEA_CRITICAL,
			"%" PRIu64 " more are not listed; deal with these first",
			findings->count - shown + findings->dropped);
}

static void sample(struct gavea_check *check, const char *name, const char *unit, const char *help,
	const char *label, const char *value, double number)
{
	struct gavea_pair pair = {label, value};

	gavea_sample(check, gavea_series(check, name, GAVEA_GAUGE, unit, help, &pair, label ? 1 : 0), number);
}

static void report_samples(
	struct gavea_check *check, const struct report_counts *counts, const struct scan *scan)
{
	static const char *const states[] = {"new", "accepted", "expired"};
	const struct {
		const char *reason;
		uint64_t count;
	} passed[] = {{"binary", scan->binary}, {"special", scan->special}, {"unreadable", scan->unreadable},
		{"large", scan->large}, {"failed", scan->failed}, {"archive", scan->archives},
		{"file-system", scan->mounts}};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		sample(check, "gavea_secret_findings", "", "Secrets that were found", "state", states[i],
			(double)counts->states[i]);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sample(check, "gavea_secret_passed_files", "",
			"Files and file systems that were not searched, or not as text", "reason",
			passed[i].reason, (double)passed[i].count);
	sample(check, "gavea_secret_scanned_files", "", "Files that were opened", NULL, NULL,
		(double)scan->files);
	sample(check, "gavea_secret_scanned_bytes", "bytes", "Bytes that were read", NULL, NULL,
		(double)scan->bytes);
}

static void report_missed(struct gavea_check *check, const struct scan *scan, uint64_t missed)
{
	if (missed)
		gavea_item(check, "not judged", GAVEA_UNKNOWN,
			"%" PRIu64 " files, such as %s; grant the right to read "
			"them, raise max_size, or name them in skip",
			missed, scan->unjudged ? scan->unjudged : "(no memory)");
	if (scan->unfinished)
		gavea_item(check, "not finished", GAVEA_UNKNOWN,
			"stopped after %" PRIu64 " files; raise timeout or max_files, or scan less",
			scan->files);
}

/* The first of the worst; NULL: all is accepted. */
static const struct finding *worst_of(const struct findings *findings)
{
	const struct finding *worst = NULL;

	for (size_t i = 0; i < findings->count; i++)
		if (status_of(&findings->list[i]) != GAVEA_OK &&
			(!worst ||
				status_severity((int)status_of(&findings->list[i])) >
					status_severity((int)status_of(worst))))
			worst = &findings->list[i];
	return worst;
}

static void report_searched(struct gavea_check *check, const struct report_counts *counts,
	const struct scan *scan, struct buf *text)
{
	uint64_t missed = scan->unreadable + scan->large + scan->failed + scan->mounts + scan->archives;
	size_t bad = counts->states[FINDING_NEW] + counts->states[FINDING_EXPIRED];
	const struct finding *worst = worst_of(scan->findings);
	char size[32], first[400] = "";

	report_missed(check, scan, missed);
	if (worst)
		snprintf(first, sizeof(first), ": %.200s:%" PRIu64 " %.100s", worst->path, worst->what.line,
			worst->what.rule);
	buf_printf(text, "%zu secrets found (%zu accepted besides) in %" PRIu64 " files, %s%s%s", bad,
		counts->states[FINDING_ACCEPTED], scan->files, format_size(size, scan->bytes), first,
		scan->unfinished || missed || counts->unjudged ? "; not everything could be judged" : "");
	report_samples(check, counts, scan);
}

static void report_present(struct gavea_check *check, const struct present *present, struct buf *text)
{
	buf_printf(text, "%zu of %zu secrets that must be there are right", present->judged - present->wrong,
		present->judged);
	if (present->reused)
		buf_printf(text, ", %zu pairs are the same", present->reused);
	if (present->worst)
		buf_printf(text, "; %s", present->worst);
	if (present->no_memory)
		gavea_item(check, "not compared", GAVEA_UNKNOWN,
			"there were too many secrets, or there was no memory; use several checks");
	if (present->unfinished)
		gavea_item(check, "not all looked at", GAVEA_UNKNOWN,
			"stopped after %zu secrets that must be there; raise timeout", present->judged);
	sample(check, "gavea_secret_present", "", "Secrets that must be there", "state", "right",
		(double)(present->judged - present->wrong));
	sample(check, "gavea_secret_present", "", "Secrets that must be there", "state", "wrong",
		(double)present->wrong);
}

void report_end(struct gavea_check *check, const struct report_counts *counts, const struct scan *scan,
	const struct present *present)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (present)
		report_present(check, present, &text);
	if (present && scan)
		buf_add_str(&text, "; ");
	if (scan)
		report_searched(check, counts, scan, &text);
	gavea_result(check, buf_error(&text) < 0 ? GAVEA_UNKNOWN : GAVEA_OK, "%s", buf_str(&text));
}
