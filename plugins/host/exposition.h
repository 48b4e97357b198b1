/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text format of Prometheus, version 0.0.4, as files that programs leave for a collector have it. A file is taken as a
 * whole or not at all. Times of samples are refused: a file says what is so now.
 */
#ifndef HOST_EXPOSITION_H
#define HOST_EXPOSITION_H

#include <gavea/plugin.h>

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	EXPOSITION_LABELS_MAX = 30,
	EXPOSITION_SAMPLES_MAX = 5000, /* of a file */
};

struct exposition_sample {
	char *name; /* owned, as are the labels */
	struct gavea_pair *labels;
	size_t label_count;
	enum gavea_sample_type type; /* what is untyped is a gauge */
	double value;
	char *help; /* NULL: none */
};

struct exposition {
	struct exposition_sample *samples;
	size_t count;
	size_t room;
};

/* Parses text. 0; or -EBADMSG with what is wrong in which line (error->message), -E2BIG likewise, or -ENOMEM. On failure
 * the exposition is empty. */
int exposition_parse(const char *text, struct exposition *ret_exposition, struct error *error);
void exposition_done(struct exposition *exposition);

#endif
