/* SPDX-License-Identifier: Apache-2.0 */
#include "copies.h"

#include "base/buf.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* An earlier one that gets lost together with this one; NULL: none. */
static const struct copy *twin(const struct copy *copies, size_t at, bool in_time)
{
	for (size_t i = 0; i < at; i++)
		if ((!in_time || copies[i].in_time) && copies[i].place.medium != PLACE_UNKNOWN &&
			streq(copies[i].place.location, copies[at].place.location))
			return &copies[i];
	return NULL;
}

static void judge_count(const struct copy *copies, size_t count, int64_t wanted, struct findings *findings)
{
	const struct copy *one = NULL, *other = NULL;
	_cleanup_buf_ struct buf places = BUF_INIT;
	int64_t apart = 0;

	for (size_t i = 0; i < count; i++) {
		const struct copy *same = twin(copies, i, false);

		if (same && copies[i].place.medium != PLACE_UNKNOWN && !one) {
			one = same;
			other = &copies[i];
		}
		if (!copies[i].in_time || twin(copies, i, true))
			continue;
		apart++;
		buf_printf(&places, "%s%s", places.size ? ", " : "", copies[i].place.location);
	}
	if (apart < wanted)
		finding_add(findings, "copies", GAVEA_CRITICAL,
			"%" PRId64 " copies in time are in places of their own, %" PRId64
			" are wanted%s%s%s%s",
			apart, wanted, places.size ? " (" : "", buf_str(&places), places.size ? ")" : "",
			one ? ": two in the same place count once; move one"
			    : ": look why the others are late or missing");
	else if (one)
		finding_add(findings, "copies", GAVEA_WARNING,
			"%s and %s lie in the same place (%s): what destroys one destroys both; move one",
			one->name, other->name, one->place.location);
	else
		finding_add(findings, "copies", GAVEA_OK, "%" PRId64 " in time: %s", apart, buf_str(&places));
}

static void judge_media(const struct copy *copies, size_t count, int64_t wanted, struct findings *findings)
{
	bool seen[PLACE_MEDIA] = {false};
	_cleanup_buf_ struct buf names = BUF_INIT;
	int64_t kinds = 0;

	for (size_t i = 0; i < count; i++) {
		enum place_medium medium = copies[i].place.medium;

		if (!copies[i].in_time || medium == PLACE_UNKNOWN || seen[medium])
			continue;
		seen[medium] = true;
		kinds++;
		buf_printf(&names, "%s%s", names.size ? ", " : "", place_medium_name(medium));
	}
	if (kinds < wanted)
		finding_add(findings, "media", GAVEA_WARNING,
			"the copies in time lie on %" PRId64 " kinds of media (%s), %" PRId64
			" are wanted: add one on another kind",
			kinds, names.size ? buf_str(&names) : "none", wanted);
	else
		finding_add(findings, "media", GAVEA_OK, "%s", buf_str(&names));
}

static void judge_offsite(const struct copy *copies, size_t count, struct findings *findings)
{
	const struct copy *late = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!copies[i].place.remote)
			continue;
		if (copies[i].in_time) {
			finding_add(findings, "offsite", GAVEA_OK, "%s", copies[i].place.location);
			return;
		}
		late = &copies[i];
	}
	if (late)
		finding_add(findings, "offsite", GAVEA_WARNING,
			"the only copy on another machine, %s, holds no backup in time", late->name);
	else
		finding_add(findings, "offsite", GAVEA_WARNING,
			"no copy is on another machine: what destroys this one destroys all; add one "
			"elsewhere");
}

void copies_judge(const struct copy *copies, size_t count, const struct copies_wanted *wanted,
	struct findings *findings)
{
	judge_count(copies, count, wanted->copies, findings);
	if (wanted->media)
		judge_media(copies, count, wanted->media, findings);
	if (wanted->offsite)
		judge_offsite(copies, count, findings);
}

/* ---- Looking ---- */

/* What was found wrong with a copy goes by the copy's name. */
static void rename_findings(struct findings *findings, size_t from, const char *name)
{
	for (size_t i = from; i < findings->count; i++) {
		char *copy = strdup(name);

		if (!copy) {
			findings->error = -ENOMEM;
			return;
		}
		redact(copy);
		free(findings->list[i].name);
		findings->list[i].name = copy;
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The same file in the first place, with another size: NULL, there is none. */
static const struct backup *find_other_size(const struct facts *first, const struct backup *copy)
{
	for (size_t i = 0; i < first->count; i++)
		if (streq(base_name(first->list[i].name), base_name(copy->name)) &&
			first->list[i].size != SIZE_UNKNOWN && copy->size != SIZE_UNKNOWN &&
			first->list[i].size != copy->size)
			return &first->list[i];
	return NULL;
}

static void judge_copy(
	struct context *context, const char *item, const char *place, const struct facts *facts)
{
	const struct judge_settings *judge = &context->settings->judge;
	const struct backup *newest = facts_newest(facts), *other;
	char size[32], whole[32];

	if (!newest)
		finding_add(&context->findings, item, GAVEA_CRITICAL,
			"there is no backup in %s: look at the job that copies them there", place);
	else if ((int64_t)facts->count < judge->min_count)
		finding_add(&context->findings, item, GAVEA_CRITICAL,
			"only %zu backups in %s, at least %" PRId64 " are wanted", facts->count, place,
			judge->min_count);
	else if ((other = find_other_size(&context->facts, newest)))
		finding_add(&context->findings, item, GAVEA_CRITICAL,
			"%s has %s there and %s here: it was not copied whole; look at the job that copies "
			"it",
			newest->name, format_size(size, (uint64_t)newest->size),
			format_size(whole, (uint64_t)other->size));
	else
		judge_age(judge, item, newest->name, newest->time, context->now, &context->findings);
}

static bool holds_a_backup(struct context *context, const char *place)
{
	_cleanup_facts_ struct facts facts = {0};
	size_t before = findings_bad(&context->findings), from = context->findings.count;
	char item[300];

	snprintf(item, sizeof(item), "copy %.250s", place);
	if (context->settings->kind->look(context, place, &facts) < 0) {
		rename_findings(&context->findings, from, item);
		return false;
	}
	rename_findings(&context->findings, from, item);
	judge_copy(context, item, place, &facts);
	return findings_bad(&context->findings) == before;
}

/* The findings on the first place, which are there already. */
static bool is_in_time(struct context *context)
{
	for (size_t i = 0; i < context->findings.count; i++)
		if (streq(context->findings.list[i].name, "age"))
			return context->findings.list[i].status == GAVEA_OK;
	return false;
}

void copies_look(struct context *context)
{
	const struct settings *settings = context->settings;
	const struct copies_wanted wanted = {settings->copies_min, settings->media, settings->offsite};
	_cleanup_free_ struct copy *copies = NULL;
	size_t count = 1;

	if (!settings->place ||
		(!settings->copies.count && !wanted.copies && !wanted.media && !wanted.offsite))
		return;
	copies = calloc(settings->copies.count + 1, sizeof(*copies));
	if (!copies) {
		context->findings.error = -ENOMEM;
		return;
	}
	copies[0] = (struct copy){.name = settings->place, .in_time = is_in_time(context)};
	place_locate(copies[0].name, &copies[0].place);
	for (; count <= settings->copies.count && !gavea_cancelled(context->check); count++) {
		struct copy *copy = &copies[count];

		copy->name = settings->copies.items[count - 1];
		place_locate(copy->name, &copy->place);
		copy->in_time = holds_a_backup(context, copy->name);
	}
	copies_judge(copies, count, &wanted, &context->findings);
}
