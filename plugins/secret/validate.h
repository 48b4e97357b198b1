/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what an expression found is a secret: entropy, alphabet, length, check sum. Nothing here keeps the bytes. */
#ifndef SECRET_VALIDATE_H
#define SECRET_VALIDATE_H

#include "rule.h"

enum verdict {
	VERDICT_NO, /* not a secret */
	VERDICT_DOUBTFUL, /* one, but its check sum is wrong: perhaps made up */
	VERDICT_YES,
};

/* Shannon entropy of the bytes, in bits a byte. */
double entropy_bits(const void *bytes, size_t size);

/* Whether it is what stands where a secret belongs: "changeme", "<password>", "xxxx", "${TOKEN}", … */
bool is_placeholder(const char *value, size_t size);

/* Judges a value by its rule. rest is the text from the value's first byte to the end of what was read. */
enum verdict validate(
	const struct rule *rule, const char *value, size_t size, const char *rest, size_t rest_size);

#endif
