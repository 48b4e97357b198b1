/* SPDX-License-Identifier: Apache-2.0 */
/* How little life may be left: a time ("30d"), a part of the whole life ("33%"), or the default of each level. */
#ifndef CERT_THRESHOLD_H
#define CERT_THRESHOLD_H

#include "base/error.h"

#include <stdint.h>

enum threshold_kind {
	THRESHOLD_RELATIVE, /* the smaller of a time and a part of the lifetime */
	THRESHOLD_TIME,
	THRESHOLD_PART,
};

struct threshold {
	enum threshold_kind kind;
	int64_t seconds; /* of RELATIVE and TIME */
	double part; /* 0 to 1, of RELATIVE and PART */
};

/* min(30 d, lifetime / 3) and min(7 d, lifetime / 10): fixed days would cry over certificates that live six. */
extern const struct threshold threshold_warning_default;
extern const struct threshold threshold_critical_default;

/* Reads "30d" or "33%". text NULL or "" gives fallback. 0 or -EINVAL with an error that names key. */
int threshold_parse(const char *key, const char *text, const struct threshold *fallback,
	struct threshold *ret_threshold, struct error *error);

/* Seconds before the end at which it strikes, for a certificate that lives this long (seconds). */
int64_t threshold_seconds(const struct threshold *threshold, int64_t lifetime);

#endif
