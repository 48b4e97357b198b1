/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"

#include "base/buf.h"
#include "text.h"

#include <errno.h>

/* What the output itself says bears these names (own.c), but for the "_total" that OpenMetrics cuts from counters. */
static const char *const own_prefixes[] = {"gavea_check_", "gavea_scrape_", NULL};
static const char *const own_names[] = {
	"gavea_build_info", "gavea_agent_info", "gavea_events", "gavea_spool_dropped", NULL};

/* How the parts of a histogram are called. */
static const char *const parts[] = {"_bucket", "_sum", "_count", NULL};

static void series_free(struct series *series)
{
	free(series->labels);
	free(series->buckets);
	free(series);
}

void family_free(struct family *family)
{
	for (size_t i = 0; i < family->count; i++)
		series_free(family->series[i]);
	free(family->series);
	free(family->name);
	free(family->unit);
	free(family->help);
	free(family);
}

/* ---- Families ---- */

static int compare(const char *name, const char *other, size_t size)
{
	int order = strncmp(name, other, size);

	return order != 0 ? order : name[size] != '\0';
}

static size_t position(const struct picture *picture, const char *name, size_t size, bool *ret_found)
{
	size_t low = 0, high = picture->family_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(picture->families[middle]->name, name, size);

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

struct family *family_find(const struct picture *picture, const char *name, size_t size)
{
	bool found;
	size_t at = position(picture, name, size, &found);

	return found ? picture->families[at] : NULL;
}

static bool is_own(const char *name)
{
	for (const char *const *prefix = own_prefixes; *prefix; prefix++)
		if (startswith(name, *prefix))
			return true;
	for (const char *const *own = own_names; *own; own++) {
		const char *rest = startswith(name, *own);

		if (rest && (!*rest || streq(rest, "_total")))
			return true;
	}
	return false;
}

/* Whether a new family would have the name of a part of a histogram, or the other way round. */
static bool clashes(const struct picture *picture, const char *name, int type)
{
	for (const char *const *part = parts; *part; part++) {
		_cleanup_buf_ struct buf whole = BUF_INIT;
		const struct family *histogram;

		if (text_ends_with(name, *part)) {
			histogram = family_find(picture, name, strlen(name) - strlen(*part));
			if (histogram && histogram->type == GAVEA_HISTOGRAM)
				return true;
		}
		buf_add_str(&whole, name);
		buf_add_str(&whole, *part);
		if (type == GAVEA_HISTOGRAM && family_find(picture, buf_str(&whole), whole.size))
			return true;
	}
	return false;
}

static struct family *family_new(const struct declaration *declaration)
{
	struct family *family = calloc(1, sizeof(*family));

	if (!family)
		return NULL;
	family->type = declaration->type;
	family->name = strdup(declaration->name);
	family->unit = strdup(declaration->unit);
	family->help = strdup(declaration->help);
	if (family->name && family->unit && family->help)
		return family;
	family_free(family);
	return NULL;
}

/* The family that a series belongs to, made when it is new. -EINVAL: it can't be in any. */
static int family_for(
	struct picture *picture, const struct declaration *declaration, struct family **ret_family)
{
	bool found;
	size_t at = position(picture, declaration->name, strlen(declaration->name), &found);
	struct family *family;

	if (found) {
		*ret_family = picture->families[at];
		return picture->families[at]->type == declaration->type ? 0 : -EINVAL;
	}
	if (clashes(picture, declaration->name, declaration->type))
		return -EINVAL;
	family = family_new(declaration);
	if (!family || GROW(picture->families, picture->family_count, picture->family_room) < 0) {
		if (family)
			family_free(family);
		return -ENOMEM;
	}
	memmove(&picture->families[at + 1], &picture->families[at],
		(picture->family_count - at) * sizeof(struct family *));
	picture->families[at] = family;
	picture->family_count++;
	*ret_family = family;
	return 0;
}

/* ---- Series ---- */

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct gavea_pair *)a)->name, ((const struct gavea_pair *)b)->name);
}

static bool is_valid(const struct declaration *declaration)
{
	if (!text_is_metric_name(declaration->name) || is_own(declaration->name) ||
		declaration->type < GAVEA_GAUGE || declaration->type > GAVEA_HISTOGRAM)
		return false;
	for (size_t i = 0; i < declaration->label_count; i++) {
		const char *name = declaration->labels[i].name;

		if (!text_is_label_name(name) || (i > 0 && streq(name, declaration->labels[i - 1].name)))
			return false;
		if (declaration->type == GAVEA_HISTOGRAM && streq(name, "le"))
			return false;
	}
	return true;
}

/* Writes name{labels} and returns where the labels begin. An empty label is none, as Prometheus has it. */
static size_t write_identity(struct buf *out, const struct declaration *declaration)
{
	size_t start, count = 0;

	buf_add_str(out, declaration->name);
	buf_add_char(out, '{');
	start = out->size;
	for (size_t i = 0; i < declaration->label_count; i++) {
		const struct gavea_pair *label = &declaration->labels[i];

		if (!*label->value)
			continue;
		if (count++ > 0)
			buf_add_char(out, ',');
		text_add_label(out, label->name, label->value);
	}
	return start;
}

static int series_add(
	struct picture *picture, struct series *series, struct series *first, const char *identity)
{
	struct family *family = series->family;

	if (GROW(family->series, family->count, family->room) < 0)
		return -ENOMEM;
	if (first) {
		series->twin = first->twin;
		first->twin = series;
		family->collisions++;
	} else if (strmap_set(&picture->by_name, identity, series, NULL) < 0) {
		return -ENOMEM;
	}
	family->series[family->count++] = series;
	picture->series_count++;
	picture->generation++;
	return 0;
}

static int series_make(struct picture *picture, struct check *check, struct family *family,
	const struct buf *identity, size_t labels, struct series **ret_series)
{
	struct series *series = calloc(1, sizeof(*series));
	int r = -ENOMEM;

	if (!series)
		return r;
	series->family = family;
	series->check = check;
	series->time_ms = INT64_MIN;
	series->labels = strdup(buf_str(identity) + labels);
	if (series->labels)
		r = series_add(
			picture, series, strmap_get(&picture->by_name, buf_str(identity)), buf_str(identity));
	if (r < 0)
		series_free(series);
	else
		*ret_series = series;
	return r;
}

static int leave_out(struct picture *picture, enum left_out reason)
{
	picture->left_out[reason]++;
	picture->generation++;
	return -EINVAL;
}

int picture_series(struct picture *picture, struct check *check, struct declaration *declaration,
	struct series **ret_series)
{
	_cleanup_buf_ struct buf identity = BUF_INIT;
	struct family *family;
	struct series *series;
	size_t labels;
	int r;

	qsort(declaration->labels, declaration->label_count, sizeof(struct gavea_pair), compare_labels);
	if (!is_valid(declaration))
		return leave_out(picture, LEFT_OUT_NAME);
	labels = write_identity(&identity, declaration);
	if (buf_error(&identity) < 0)
		return buf_error(&identity);
	for (series = strmap_get(&picture->by_name, buf_str(&identity)); series; series = series->twin)
		if (series->check == check) {
			*ret_series = series;
			return series->family->type == declaration->type ? 0
									 : leave_out(picture, LEFT_OUT_CLASH);
		}
	if (picture->series_count >= PICTURE_SERIES_MAX)
		return leave_out(picture, LEFT_OUT_LIMIT);
	r = family_for(picture, declaration, &family);
	if (r == 0)
		r = series_make(picture, check, family, &identity, labels, ret_series);
	return r == -EINVAL ? leave_out(picture, LEFT_OUT_CLASH) : r;
}

/* ---- The end of series ---- */

/* Takes it out of the chain of its twins. */
static void forget_name(struct picture *picture, struct series *series)
{
	_cleanup_buf_ struct buf identity = BUF_INIT;
	struct series *first;

	buf_add_str(&identity, series->family->name);
	buf_add_char(&identity, '{');
	buf_add_str(&identity, series->labels);
	first = strmap_get(&picture->by_name, buf_str(&identity));
	if (first != series) {
		while (first && first->twin != series)
			first = first->twin;
		if (first)
			first->twin = series->twin;
	} else if (!series->twin ||
		strmap_set(&picture->by_name, buf_str(&identity), series->twin, NULL) < 0) {
		strmap_remove(&picture->by_name, buf_str(&identity));
		return;
	}
	series->family->collisions--;
}

static void family_sweep(struct picture *picture, struct family *family)
{
	size_t kept = 0;

	for (size_t i = 0; i < family->count; i++) {
		struct series *series = family->series[i];

		if (!series->dead) {
			family->series[kept++] = series;
			continue;
		}
		forget_name(picture, series);
		series_free(series);
		picture->series_count--;
	}
	family->count = kept;
}

void families_sweep(struct picture *picture)
{
	size_t kept = 0;

	for (size_t i = 0; i < picture->family_count; i++) {
		struct family *family = picture->families[i];

		family_sweep(picture, family);
		if (family->count > 0)
			picture->families[kept++] = family;
		else
			family_free(family);
	}
	picture->family_count = kept;
}
