/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/status.h"
#include "fleet/internal.h"

#include <math.h>

static int insert(void ***array, size_t *count, size_t *room, size_t place, void *element)
{
	int r = GROW(*array, *count, *room);

	if (r < 0)
		return r;
	memmove(&(*array)[place + 1], &(*array)[place], (*count - place) * sizeof **array);
	(*array)[place] = element;
	(*count)++;
	return 0;
}

static struct model_check *add_check(struct host *host, const char *name)
{
	struct model_host *public = &host->public;
	struct model_check *check = calloc(1, sizeof *check);
	size_t place = 0;

	if (!check || text_set(&check->name, name) < 0 || text_set(&check->summary, "") < 0)
		goto failed;
	check->state = check->status = GAVEA_UNKNOWN;
	while (place < public->check_count && strcmp(public->checks[place]->name, name) < 0)
		place++;
	if (insert((void ***)&public->checks, &public->check_count, &host->checks_room, place, check) < 0)
		goto failed;
	return check;
failed:
	if (check) {
		free(check->name);
		free(check->summary);
	}
	free(check);
	return NULL;
}

struct model_check *declare_check(struct model *model, struct host *host, const Gavea__V1__Check *declaration)
{
	struct model_check *check = (struct model_check *)model_check_find(&host->public, declaration->name);

	if (!check && host->public.check_count >= MODEL_CHECKS_MAX)
		return &model->dropped_check;
	if (!check)
		check = add_check(host, declaration->name);
	if (!check)
		return NULL;
	check->every_ms = declaration->every_ms;
	check->timeout_ms = declaration->timeout_ms;
	labels_set(&check->labels, &check->label_count, declaration->labels, declaration->n_labels);
	return check;
}

static void add_escaped(struct buf *text, const char *value)
{
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_add_char(text, '\\');
		if (*value == '\n')
			buf_add_str(text, "\\n");
		else
			buf_add_char(text, *value);
	}
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp((*(Gavea__V1__Series__LabelsEntry *const *)a)->key,
		(*(Gavea__V1__Series__LabelsEntry *const *)b)->key);
}

/* As Prometheus writes them. */
static void format_labels(struct buf *text, const Gavea__V1__Series *declaration)
{
	if (declaration->n_labels == 0)
		return;
	qsort(declaration->labels, declaration->n_labels, sizeof(Gavea__V1__Series__LabelsEntry *),
		compare_entries);
	buf_add_char(text, '{');
	for (size_t i = 0; i < declaration->n_labels; i++) {
		buf_printf(text, "%s%s=\"", i ? "," : "", declaration->labels[i]->key);
		add_escaped(text, declaration->labels[i]->value);
		buf_add_char(text, '"');
	}
	buf_add_char(text, '}');
}

static size_t series_place(const struct model_host *host, const char *name, const char *labels)
{
	size_t low = 0, high = host->series_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host->series[middle]->name, name);

		if (order == 0)
			order = strcmp(host->series[middle]->labels, labels);
		if (order > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct series *add_series(struct model *model, struct host *host, const char *name, const char *labels)
{
	struct model_host *public = &host->public;
	struct series *series = calloc(1, sizeof *series);
	size_t place = series_place(public, name, labels);

	if (!series)
		return NULL;
	series->public.value = series->public.rate = NAN;
	series->public.check = "";
	if (texts_set(&model->texts, &series->public.name, name) < 0 ||
		texts_set(&model->texts, &series->public.labels, labels) < 0 ||
		texts_set(&model->texts, &series->public.unit, "") < 0 ||
		insert((void ***)&public->series, &public->series_count, &host->series_room, place, series) <
			0) {
		series_free(&model->texts, series);
		return NULL;
	}
	(void)plots_bind(&model->plots, &host->plots, series);
	return series;
}

struct series *declare_series_text(
	struct model *model, struct host *host, const char *name, const char *labels)
{
	struct series *series = (struct series *)model_series_find(&host->public, name, labels);

	if (series)
		return series;
	return host->public.series_count < MODEL_SERIES_MAX ? add_series(model, host, name, labels)
							    : &model->dropped_series;
}

struct series *declare_series(struct model *model, struct host *host, const Gavea__V1__Series *declaration,
	const struct model_check *check)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;
	struct series *series;

	format_labels(&labels, declaration);
	if (buf_error(&labels) < 0)
		return NULL;
	series = declare_series_text(model, host, declaration->name, buf_str(&labels));
	if (!series || series == &model->dropped_series)
		return series;
	(void)texts_set(&model->texts, &series->public.unit, declaration->unit);
	series->public.type = (enum gavea_sample_type)declaration->type;
	series->public.check = check && check->name ? check->name : "";
	return series;
}
