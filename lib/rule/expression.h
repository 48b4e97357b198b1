/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic with quantities and samples:
 *
 *   sum  = term { ("+" | "-") term } ;    term = factor { ("*" | "/") factor } ;
 *   factor = [ "-" ] ( quantity | series | "(" sum ")" ) ;    quantity = number [ "%" | "ms" | "s" | … | "KiB" | … ] ;
 *
 * Units are checked: seconds and bytes can't be added or compared; a plain number goes with all.
 */
#ifndef RULE_EXPRESSION_H
#define RULE_EXPRESSION_H

#include "rule/selector.h"
#include "rule/unit.h"

struct rule_expression;

/* Reads an expression at *text, up to what can't be part of one, and moves *text behind it. 0; -ENOMEM; -EINVAL with
 * error. */
int rule_expression_read(const char **text, struct rule_expression **ret_expression, struct error *error);

void rule_expression_free(struct rule_expression *expression);
DEFINE_CLEANUP(struct rule_expression *, rule_expression_free);

/* Finds the value of a series. 0, or a negative errno with error. */
typedef int rule_lookup_fn(const struct rule_selector *selector, void *userdata, struct rule_value *ret_value,
	struct error *error);

/* 0; or -EINVAL, or what lookup returned, with error. */
int rule_expression_evaluate(const struct rule_expression *expression, rule_lookup_fn *lookup, void *userdata,
	struct rule_value *ret_value, struct error *error);

/* Whether it refers to a series of that name. */
bool rule_expression_uses(const struct rule_expression *expression, const char *name);

/* The unit that two values have in common: 0 with *ret_unit, or -EINVAL with error: they have none. */
int rule_common_unit(enum rule_unit a, enum rule_unit b, enum rule_unit *ret_unit, struct error *error);

#endif
