/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition.h"

#include "family.h"
#include "text.h"

#include <errno.h>

#define TOTAL "_total"

/* OpenMetrics cuts "_total" from the name of a counter's family: it must not meet another one then. */
static bool meets_other(const struct picture *picture, const struct family *family)
{
	return text_ends_with(family->name, TOTAL) &&
		family_find(picture, family->name, strlen(family->name) - strlen(TOTAL));
}

static enum written_type type_of(
	const struct picture *picture, const struct family *family, enum format format)
{
	if (family->type == GAVEA_HISTOGRAM)
		return WRITTEN_HISTOGRAM;
	if (family->type == GAVEA_GAUGE)
		return WRITTEN_GAUGE;
	return format == FORMAT_OPENMETRICS && meets_other(picture, family) ? WRITTEN_UNTYPED
									    : WRITTEN_COUNTER;
}

static void write_series(struct writer *writer, const struct family *family, const struct series *series)
{
	const char *check = family->collisions > 0 ? series->check->name : NULL;

	if (family->type != GAVEA_HISTOGRAM)
		writer_sample(writer, series->labels, check, series->value, series->time_ms);
	else if (series->buckets)
		writer_histogram(writer, series->labels, check, series->buckets, series->time_ms);
}

static void write_family(
	struct writer *writer, const struct picture *picture, const struct family *family, int64_t now)
{
	bool begun = false;

	for (size_t i = 0; i < family->count; i++) {
		const struct series *series = family->series[i];

		if (!picture_shows(picture, series, now))
			continue;
		if (!begun)
			writer_family(writer, family->name, type_of(picture, family, writer->format),
				family->unit, family->help);
		begun = true;
		write_series(writer, family, series);
	}
}

int exposition_write(struct picture *picture, const struct exposition_settings *settings, enum format format,
	int64_t now, const struct scrape_counters *counters, struct buf *out)
{
	struct writer writer = {
		.out = out,
		.format = format,
		.common = "",
		.timestamps = settings->timestamps,
	};

	picture_lock(picture);
	if (settings->agent_labels && picture->agent_labels)
		writer.common = picture->agent_labels;
	for (size_t i = 0; i < picture->family_count; i++)
		write_family(&writer, picture, picture->families[i], now);
	own_write(&writer, picture, settings->agent_info, now, counters);
	picture_unlock(picture);
	writer_end(&writer);
	return buf_error(out);
}
