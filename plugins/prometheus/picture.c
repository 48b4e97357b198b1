/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include "base/clock.h"
#include "family.h"

#include <errno.h>

#define STALENESS_RUNS 3
#define STALENESS_MIN (300 * NSEC_PER_SEC)
#define OTHER_KINDS "other"

void picture_init(struct picture *picture, int64_t staleness)
{
	*picture = (struct picture){.staleness = staleness, .generation = 1};
	pthread_mutex_init(&picture->mutex, NULL);
}

static void check_free(struct check *check)
{
	free(check->name);
	free(check->labels);
	free(check);
}

void picture_done(struct picture *picture)
{
	for (size_t i = 0; i < picture->family_count; i++)
		family_free(picture->families[i]);
	free(picture->families);
	strmap_done(&picture->by_name, NULL);
	for (size_t i = 0; i < picture->check_count; i++)
		check_free(picture->checks[i]);
	free(picture->checks);
	for (size_t i = 0; i < picture->kind_count; i++)
		free(picture->kinds[i].word);
	free(picture->version);
	free(picture->agent_name);
	free(picture->agent_labels);
	pthread_mutex_destroy(&picture->mutex);
}

void picture_lock(struct picture *picture)
{
	pthread_mutex_lock(&picture->mutex);
}

void picture_unlock(struct picture *picture)
{
	pthread_mutex_unlock(&picture->mutex);
}

/* ---- Checks ---- */

/* Where a check of that name is, or belongs. */
static size_t check_position(const struct picture *picture, const char *name, bool *ret_found)
{
	size_t low = 0, high = picture->check_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(picture->checks[middle]->name, name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static struct check *check_new(const char *name)
{
	struct check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->name = strdup(name);
	check->labels = strdup("");
	check->state = GAVEA_UNKNOWN;
	check->sampled_ms = INT64_MIN;
	if (check->name && check->labels)
		return check;
	check_free(check);
	return NULL;
}

struct check *picture_check(struct picture *picture, const char *name)
{
	bool found;
	size_t at = check_position(picture, name, &found);
	struct check *check;

	if (found) {
		picture->checks[at]->gone = false;
		return picture->checks[at];
	}
	if (picture->check_count >= PICTURE_CHECKS_MAX ||
		GROW(picture->checks, picture->check_count, picture->check_room) < 0)
		return NULL;
	check = check_new(name);
	if (!check)
		return NULL;
	memmove(&picture->checks[at + 1], &picture->checks[at],
		(picture->check_count - at) * sizeof(struct check *));
	picture->checks[at] = check;
	picture->check_count++;
	picture->generation++;
	return check;
}

void picture_check_gone(struct picture *picture, struct check *check)
{
	check->gone = true;
	check->judged = false;
	check->sampled_ms = INT64_MIN;
	picture->generation++;
}

/* ---- Events ---- */

void picture_event(struct picture *picture, const char *kind)
{
	bool other = picture->kind_count >= PICTURE_KINDS_MAX;
	struct tally *tally;

	picture->generation++;
	for (size_t i = 0; i < picture->kind_count; i++)
		if (streq(picture->kinds[i].word, kind)) {
			picture->kinds[i].count++;
			return;
		}
	if (other && picture->kind_count > PICTURE_KINDS_MAX) {
		picture->kinds[PICTURE_KINDS_MAX].count++;
		return;
	}
	tally = &picture->kinds[picture->kind_count];
	tally->word = strdup(other ? OTHER_KINDS : kind);
	if (!tally->word)
		return;
	tally->count = 1;
	picture->kind_count++;
}

/* ---- Age ---- */

static int64_t staleness_of(const struct picture *picture, const struct check *check)
{
	uint64_t most = (uint64_t)INT64_MAX / (uint64_t)NSEC_PER_MSEC / STALENESS_RUNS / 2;

	if (picture->staleness > 0)
		return picture->staleness;
	return MAX((int64_t)MIN(check->every_ms, most) * NSEC_PER_MSEC * STALENESS_RUNS, STALENESS_MIN);
}

bool picture_shows(const struct picture *picture, const struct series *series, int64_t now)
{
	return series->time_ms != INT64_MIN && series->time_ms == series->check->sampled_ms &&
		now - series->born <= staleness_of(picture, series->check);
}

bool picture_is_stale(const struct picture *picture, const struct check *check, int64_t now)
{
	return now - check->born > staleness_of(picture, check);
}

/* A check that was taken out while nobody listened would be unknown for ever. */
static bool is_gone(const struct picture *picture, const struct check *check, int64_t now)
{
	return check->gone || (check->kept && picture_is_stale(picture, check, now));
}

size_t picture_mark(struct picture *picture, int64_t now)
{
	size_t marked = 0;

	for (size_t i = 0; i < picture->check_count; i++) {
		picture->checks[i]->gone = is_gone(picture, picture->checks[i], now);
		marked += picture->checks[i]->gone;
	}
	for (size_t i = 0; i < picture->family_count; i++)
		for (size_t j = 0; j < picture->families[i]->count; j++) {
			struct series *series = picture->families[i]->series[j];

			series->dead = series->check->gone ||
				now - series->born > staleness_of(picture, series->check);
			marked += series->dead;
		}
	return marked;
}

void picture_sweep(struct picture *picture)
{
	size_t kept = 0;

	families_sweep(picture);
	for (size_t i = 0; i < picture->check_count; i++) {
		if (picture->checks[i]->gone)
			check_free(picture->checks[i]);
		else
			picture->checks[kept++] = picture->checks[i];
	}
	picture->check_count = kept;
	picture->generation++;
}
