/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSONPath (RFC 9535) on jansson's values: names, indices, slices, wildcards, descendants, filters with comparisons and
 * logic, and the functions length, count, match, search and value. Regular expressions are PCRE2's, which takes all
 * that RFC 9485 knows, and ^ and $ as well.
 *
 * What a query may cost is bounded: it comes from a configuration, but what it is asked of comes from a network. Nothing
 * here blocks. A parsed path may be used on several threads at once.
 */
#ifndef KIT_JSONPATH_H
#define KIT_JSONPATH_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	JSONPATH_TEXT_MAX = 4096, /* bytes of a path */
	JSONPATH_NESTING_MAX = 50, /* of parentheses, functions and queries in filters */
	JSONPATH_DEPTH_MAX = 200, /* of values that ".." and "==" go into */
};

struct jsonpath;

/* One selected value: borrowed from the root. */
struct jsonpath_node {
	json_t *value;
	const struct jsonpath_place *place;
};

struct jsonpath_nodes {
	struct jsonpath_node *list;
	size_t count;
	size_t room;
	struct jsonpath_places *places;
};

enum jsonpath_flag {
	/*
	 * Every name, index and wildcard must select something wherever it is applied, else the answer is -ENODATA. So
	 * that "each $.*.status is up" is no true word about members that have no status. Filters, slices and
	 * descendants may select nothing.
	 */
	JSONPATH_COMPLETE = 1u << 0,
	/* With that: a wildcard may be applied to an array or object without members. */
	JSONPATH_EMPTY = 1u << 1,
};

struct jsonpath_request {
	json_t *root;
	const char *root_name; /* in errors and places; NULL: "$" */
	unsigned flags; /* enum jsonpath_flag */
	size_t max_nodes; /* selected at the same time; 0: 100000 */
	uint64_t max_steps; /* values looked at and characters searched; 0: 4 million */
	int64_t deadline; /* CLOCK_MONOTONIC, nanoseconds; 0: none */
};

/* Takes a whole query, which begins with "$". 0, -EINVAL with "at N: what is wrong" (N counts bytes from 1), -ENOMEM. */
int jsonpath_parse(const char *text, struct jsonpath **ret_path, struct error *error);

/* For languages with paths in them: takes as many segments as there are, possibly none ("$" alone), without a "$" before
 * them. *ret_used is how many bytes it took. */
int jsonpath_parse_segments(
	const char *text, size_t *ret_used, struct jsonpath **ret_path, struct error *error);

void jsonpath_free(struct jsonpath *path);
DEFINE_CLEANUP(struct jsonpath *, jsonpath_free);

/* Whether it consists of names and indices alone, so that it selects one value or none. */
bool jsonpath_singular(const struct jsonpath *path);

/*
 * Selects in the order of the RFC; members of objects come in the order of the text. 0 (also for nothing selected), or
 * -E2BIG (more nodes or steps than allowed, values nested too deep), -ETIMEDOUT, -ENODATA (see JSONPATH_COMPLETE), -ENOMEM,
 * each with an error. ret_nodes is given back with jsonpath_nodes_done(), and must not outlive the root.
 */
int jsonpath_select(const struct jsonpath *path, const struct jsonpath_request *request,
	struct jsonpath_nodes *ret_nodes, struct error *error);
void jsonpath_nodes_done(struct jsonpath_nodes *nodes);

/* Adds where a node was found, as a path: $.a[0]["b.c"]. root_name as in the request. */
void jsonpath_add_place(struct buf *out, const char *root_name, const struct jsonpath_node *node);

#endif
