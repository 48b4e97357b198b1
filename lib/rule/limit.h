/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit for the values of a series: a comparison with an expression, "> 2 * cpus", "<= 10% * node_memory_MemTotal_bytes",
 * "!= 1"; or a range as Nagios has them, "10:20", "@1:2", "90%".
 */
#ifndef RULE_LIMIT_H
#define RULE_LIMIT_H

#include "rule/expression.h"

struct rule_limit;

/* 0; -ENOMEM; -EINVAL with error. */
int rule_limit_parse(const char *text, struct rule_limit **ret_limit, struct error *error);
void rule_limit_free(struct rule_limit *limit);
DEFINE_CLEANUP(struct rule_limit *, rule_limit_free);

/* Whether it refers to a series of that name. */
bool rule_limit_uses(const struct rule_limit *limit, const char *name);

/*
 * Whether a value is beyond it: 1 or 0; or a negative errno with error: it could not be told. A value that is not a
 * number is beyond every limit. *ret_bound is the value of the expression; for a range it is untouched.
 */
int rule_limit_beyond(const struct rule_limit *limit, const struct rule_value *value, rule_lookup_fn *lookup,
	void *userdata, struct rule_value *ret_bound, struct error *error);

#endif
