/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the exposition formats: numbers, escapes, names. */
#ifndef PROMETHEUS_TEXT_H
#define PROMETHEUS_TEXT_H

#include "base/buf.h"

#include <gavea/plugin.h>

#include <stdbool.h>

/* The shortest form that is read back as the same number; "NaN", "+Inf", "-Inf". */
void text_add_value(struct buf *out, double value);

/* The bound of a bucket. Always with a point or an exponent, as OpenMetrics wants it: le="1" and le="1.0" would be two
 * series to Prometheus. */
void text_add_bound(struct buf *out, double bound);

/* name="value", with what must be escaped in the value; bytes that are not UTF-8 become '?'. */
void text_add_label(struct buf *out, const char *name, const char *value);

/* The reverse: cuts labels as they are written, a="b",c="d", into pairs, in place. Returns how many; at most room. */
size_t text_split_labels(char *labels, struct gavea_pair *pairs, size_t room);

/* quotes: OpenMetrics escapes these as well. */
void text_add_help(struct buf *out, const char *help, bool quotes);

bool text_is_metric_name(const char *name);
bool text_is_label_name(const char *name);

/* Makes a label's name of any text: what may not stand in one becomes '_'. */
void text_add_label_name(struct buf *out, const char *text);

bool text_ends_with(const char *text, const char *end);

#endif
