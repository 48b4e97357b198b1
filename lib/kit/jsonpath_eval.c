/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath_internal.h"

#include "base/clock.h"

#include <errno.h>

#define DEFAULT_NODES 100000
#define DEFAULT_STEPS 4000000
#define STEPS_BETWEEN_CLOCKS 4096

/* How one came from a value to a member of it. */
struct jsonpath_place {
	const struct jsonpath_place *parent;
	const char *name; /* NULL: an index */
	size_t name_size;
	size_t index;
};

struct jsonpath_places {
	struct jsonpath_places *next;
	size_t count;
	struct jsonpath_place list[64];
};

struct evaluation {
	const struct jsonpath_request *request;
	struct error *error;
	size_t max_nodes;
	uint64_t steps; /* that are left */
	uint64_t next_clock;
	unsigned depth; /* of descents under way, those in filters included */
};

static int selects(struct evaluation *evaluation, const struct expression *filter, json_t *current);

static int too_much(struct evaluation *evaluation, const char *what)
{
	return error_set(evaluation->error, -E2BIG, "%s", what);
}

static int no_memory(struct evaluation *evaluation)
{
	return error_set(evaluation->error, -ENOMEM, "out of memory");
}

static int spend(struct evaluation *evaluation, uint64_t steps)
{
	int64_t deadline = evaluation->request->deadline;

	if (evaluation->steps <= steps) {
		evaluation->steps = 0;
		return too_much(evaluation, "the path looks at too many values");
	}
	evaluation->steps -= steps;
	if (!deadline || evaluation->steps > evaluation->next_clock)
		return 0;
	evaluation->next_clock =
		evaluation->steps > STEPS_BETWEEN_CLOCKS ? evaluation->steps - STEPS_BETWEEN_CLOCKS : 0;
	if (clock_ns(CLOCK_MONOTONIC) > deadline)
		return error_set(evaluation->error, -ETIMEDOUT, "evaluating the path takes too long");
	return 0;
}

/* ---- Nodes ---- */

void jsonpath_nodes_done(struct jsonpath_nodes *nodes)
{
	free(nodes->list);
	while (nodes->places) {
		struct jsonpath_places *places = nodes->places;

		nodes->places = places->next;
		free(places);
	}
	*nodes = (struct jsonpath_nodes){0};
}

static struct jsonpath_place *new_place(struct jsonpath_nodes *nodes)
{
	struct jsonpath_places *places = nodes->places;

	if (!places || places->count == ARRAY_SIZE(places->list)) {
		places = malloc(sizeof *places);
		if (!places)
			return NULL;
		places->next = nodes->places;
		places->count = 0;
		nodes->places = places;
	}
	return &places->list[places->count++];
}

static int add_node(struct evaluation *evaluation, struct jsonpath_nodes *nodes, json_t *value,
	const struct jsonpath_place *place)
{
	if (nodes->count == evaluation->max_nodes)
		return too_much(evaluation, "the path selects too many values");
	if (GROW(nodes->list, nodes->count, nodes->room) < 0)
		return no_memory(evaluation);
	nodes->list[nodes->count++] = (struct jsonpath_node){value, place};
	return 0;
}

/* Adds a member of a node to what is selected. name NULL: an index. */
static int add_member(struct evaluation *evaluation, struct jsonpath_nodes *out,
	const struct jsonpath_node *parent, const char *name, size_t size_or_index, json_t *value)
{
	struct jsonpath_place *place;
	int r = spend(evaluation, 1);

	if (r < 0)
		return r;
	place = new_place(out);
	if (!place)
		return no_memory(evaluation);
	*place = (struct jsonpath_place){.parent = parent->place,
		.name = name,
		.name_size = name ? size_or_index : 0,
		.index = name ? 0 : size_or_index};
	return add_node(evaluation, out, value, place);
}

static bool is_shorthand(const struct jsonpath_place *place)
{
	if (!place->name_size || (place->name[0] >= '0' && place->name[0] <= '9'))
		return false;
	for (size_t i = 0; i < place->name_size; i++) {
		unsigned char c = (unsigned char)place->name[i];

		if (!(c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
			    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
			return false;
	}
	return true;
}

static void add_quoted(struct buf *out, const char *text, size_t size)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < 0x20)
			buf_printf(out, "\\u%04x", (unsigned)text[i]);
		else if (text[i] == '"' || text[i] == '\\')
			buf_printf(out, "\\%c", text[i]);
		else
			buf_add_char(out, text[i]);
	}
	buf_add_char(out, '"');
}

static void add_step(struct buf *out, const struct jsonpath_place *place)
{
	if (!place->name) {
		buf_printf(out, "[%zu]", place->index);
	} else if (is_shorthand(place)) {
		buf_add_char(out, '.');
		buf_add(out, place->name, place->name_size);
	} else {
		buf_add_char(out, '[');
		add_quoted(out, place->name, place->name_size);
		buf_add_char(out, ']');
	}
}

void jsonpath_add_place(struct buf *out, const char *root_name, const struct jsonpath_node *node)
{
	const struct jsonpath_place *steps[JSONPATH_DEPTH_MAX];
	size_t count = 0;

	buf_add_str(out, root_name ? root_name : "$");
	for (const struct jsonpath_place *p = node->place; p && count < ARRAY_SIZE(steps); p = p->parent)
		steps[count++] = p;
	while (count)
		add_step(out, steps[--count]);
}

/* ---- Selectors ---- */

/* Calls back for each member, in order. */
static int each_member(struct evaluation *evaluation, const struct jsonpath_node *node,
	int (*visit)(
		struct evaluation *, const struct jsonpath_node *, const char *, size_t, json_t *, void *),
	void *userdata)
{
	json_t *value = node->value;
	int r = 0;

	if (json_is_array(value))
		for (size_t i = 0; r == 0 && i < json_array_size(value); i++)
			r = visit(evaluation, node, NULL, i, json_array_get(value, i), userdata);
	if (json_is_object(value))
		for (void *at = json_object_iter(value); r == 0 && at; at = json_object_iter_next(value, at))
			r = visit(evaluation, node, json_object_iter_key(at), json_object_iter_key_len(at),
				json_object_iter_value(at), userdata);
	return r;
}

static int visit_all(struct evaluation *evaluation, const struct jsonpath_node *node, const char *name,
	size_t size_or_index, json_t *value, void *out)
{
	return add_member(evaluation, out, node, name, size_or_index, value);
}

struct filtering {
	const struct expression *filter;
	struct jsonpath_nodes *out;
};

static int visit_filtered(struct evaluation *evaluation, const struct jsonpath_node *node,
	const char *name, // NOLINT(misc-no-recursion)
	size_t size_or_index, json_t *value, void *userdata)
{
	const struct filtering *filtering = userdata;
	int r = selects(evaluation, filtering->filter, value);

	return r <= 0 ? r : add_member(evaluation, filtering->out, node, name, size_or_index, value);
}

static int select_name(struct evaluation *evaluation, const struct jsonpath_text *name,
	const struct jsonpath_node *node, struct jsonpath_nodes *out)
{
	json_t *value =
		json_is_object(node->value) ? json_object_getn(node->value, name->bytes, name->size) : NULL;

	return value ? add_member(evaluation, out, node, name->bytes, name->size, value) : 0;
}

static int select_index(struct evaluation *evaluation, int64_t index, const struct jsonpath_node *node,
	struct jsonpath_nodes *out)
{
	int64_t size = (int64_t)json_array_size(node->value);

	if (index < 0)
		index += size;
	if (!json_is_array(node->value) || index < 0 || index >= size)
		return 0;
	return add_member(
		evaluation, out, node, NULL, (size_t)index, json_array_get(node->value, (size_t)index));
}

/* RFC 9535, section 2.3.4.2.2. */
static int select_slice(struct evaluation *evaluation, const struct slice *slice,
	const struct jsonpath_node *node, struct jsonpath_nodes *out)
{
	int64_t size = (int64_t)json_array_size(node->value), step = slice->step;
	int64_t start = slice->has_start ? slice->start : step > 0 ? 0 : size - 1;
	int64_t end = slice->has_end ? slice->end : step > 0 ? size : -size - 1;
	int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
	int r = 0;

	if (!json_is_array(node->value) || step == 0)
		return 0;
	start = MIN(MAX(start < 0 ? start + size : start, lowest), highest);
	end = MIN(MAX(end < 0 ? end + size : end, lowest), highest);
	for (int64_t i = start; r == 0 && (step > 0 ? i < end : i > end); i += step)
		r = add_member(
			evaluation, out, node, NULL, (size_t)i, json_array_get(node->value, (size_t)i));
	return r;
}

static int apply_selector(struct evaluation *evaluation,
	const struct selector *selector, // NOLINT(misc-no-recursion)
	const struct jsonpath_node *node, struct jsonpath_nodes *out)
{
	struct filtering filtering = {selector->filter, out};

	switch (selector->type) {
	case SELECT_NAME:
		return select_name(evaluation, &selector->name, node, out);
	case SELECT_WILDCARD:
		return each_member(evaluation, node, visit_all, out);
	case SELECT_INDEX:
		return select_index(evaluation, selector->index, node, out);
	case SELECT_SLICE:
		return select_slice(evaluation, &selector->slice, node, out);
	case SELECT_FILTER:
		return each_member(evaluation, node, visit_filtered, &filtering);
	}
	return 0;
}

/* ---- JSONPATH_COMPLETE ---- */

static int incomplete(
	struct evaluation *evaluation, const struct selector *selector, const struct jsonpath_node *node)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool empty = json_is_array(node->value) || json_is_object(node->value);

	jsonpath_add_place(&text, evaluation->request->root_name, node);
	if (selector->type == SELECT_NAME) {
		buf_add_str(&text, json_is_object(node->value) ? " has no " : " is no object: it has no ");
		add_quoted(&text, selector->name.bytes, selector->name.size);
	} else if (selector->type == SELECT_INDEX) {
		buf_add_str(&text, json_is_array(node->value) ? " has no" : " is no array: it has no");
		buf_printf(&text, " [%lld]", (long long)selector->index);
	} else {
		buf_add_str(&text, empty ? " is empty" : " has no members");
	}
	return buf_error(&text) ? no_memory(evaluation)
				: error_set(evaluation->error, -ENODATA, "%s", buf_str(&text));
}

static bool may_select_nothing(const struct evaluation *evaluation, const struct selector *selector,
	const struct jsonpath_node *node)
{
	unsigned flags = evaluation->request->flags;

	if (!(flags & JSONPATH_COMPLETE) || selector->type == SELECT_SLICE || selector->type == SELECT_FILTER)
		return true;
	return selector->type == SELECT_WILDCARD && flags & JSONPATH_EMPTY &&
		(json_is_array(node->value) || json_is_object(node->value));
}

/* ---- Queries ---- */

static int apply_selectors(struct evaluation *evaluation, const struct segment *segment,
	bool outermost, // NOLINT(misc-no-recursion)
	const struct jsonpath_node *node, struct jsonpath_nodes *out)
{
	for (size_t i = 0; i < segment->count; i++) {
		size_t before = out->count;
		int r = apply_selector(evaluation, &segment->selectors[i], node, out);

		if (r < 0)
			return r;
		if (out->count == before && outermost && !segment->descendant &&
			!may_select_nothing(evaluation, &segment->selectors[i], node))
			return incomplete(evaluation, &segment->selectors[i], node);
	}
	return 0;
}

struct descent {
	const struct segment *segment;
	struct jsonpath_nodes *out;
	bool outermost;
};

static int descend(struct evaluation *evaluation, const struct jsonpath_node *node, struct descent *descent);

static int visit_descendant(struct evaluation *evaluation, const struct jsonpath_node *node,
	const char *name, // NOLINT(misc-no-recursion)
	size_t size_or_index, json_t *value, void *userdata)
{
	struct descent *descent = userdata;
	struct jsonpath_place *place;
	struct jsonpath_node member = {.value = value};
	int r = spend(evaluation, 1);

	if (r < 0)
		return r;
	place = new_place(descent->out);
	if (!place)
		return no_memory(evaluation);
	*place = (struct jsonpath_place){.parent = node->place,
		.name = name,
		.name_size = name ? size_or_index : 0,
		.index = name ? 0 : size_or_index};
	member.place = place;
	return descend(evaluation, &member, descent);
}

static int descend(struct evaluation *evaluation, const struct jsonpath_node *node,
	struct descent *descent) // NOLINT(misc-no-recursion)
{
	int r;

	if (!json_is_array(node->value) && !json_is_object(node->value))
		return 0;
	if (evaluation->depth == JSONPATH_DEPTH_MAX)
		return too_much(evaluation, "the value is nested too deep");
	evaluation->depth++;
	r = apply_selectors(evaluation, descent->segment, descent->outermost, node, descent->out);
	if (r == 0)
		r = each_member(evaluation, node, visit_descendant, descent);
	evaluation->depth--;
	return r;
}

static int apply_segment(struct evaluation *evaluation, const struct segment *segment,
	bool outermost, // NOLINT(misc-no-recursion)
	const struct jsonpath_nodes *in, struct jsonpath_nodes *out)
{
	struct descent descent = {.segment = segment, .out = out, .outermost = outermost};
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->count; i++)
		r = segment->descendant ? descend(evaluation, &in->list[i], &descent)
					: apply_selectors(evaluation, segment, outermost, &in->list[i], out);
	return r;
}

/* Puts the places of both in nodes: those of the result lead back to those before. */
static void join_places(struct jsonpath_nodes *nodes, struct jsonpath_nodes *more)
{
	struct jsonpath_places **end = &nodes->places;

	while (*end)
		end = &(*end)->next;
	*end = TAKE_PTR(more->places);
}

static int run_query(struct evaluation *evaluation, const struct query *query, json_t *start,
	bool outermost, // NOLINT(misc-no-recursion)
	struct jsonpath_nodes *ret_nodes)
{
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes current = {0};
	int r = add_node(evaluation, &current, start, NULL);

	for (size_t i = 0; r == 0 && i < query->count; i++) {
		_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes next = {0};

		r = apply_segment(evaluation, &query->segments[i], outermost, &current, &next);
		join_places(&next, &current);
		free(TAKE_PTR(current.list));
		current = next;
		next = (struct jsonpath_nodes){0};
	}
	if (r < 0)
		return r;
	*ret_nodes = current;
	current = (struct jsonpath_nodes){0};
	return 0;
}

/* ---- Filters ---- */

/* A query inside a filter. Singular ones, which are nearly all, need no list. */
static json_t *follow(const struct query *query, json_t *value)
{
	for (size_t i = 0; value && i < query->count; i++) {
		const struct selector *selector = &query->segments[i].selectors[0];
		int64_t index = selector->index;

		if (selector->type == SELECT_NAME) {
			value = json_is_object(value)
				? json_object_getn(value, selector->name.bytes, selector->name.size)
				: NULL;
			continue;
		}
		if (index < 0)
			index += (int64_t)json_array_size(value);
		value = index >= 0 ? json_array_get(value, (size_t)index) : NULL;
	}
	return value;
}

/* *ret_first is one of the values when there are some. */
static int count_nodes(struct evaluation *evaluation, const struct query *query,
	json_t *current, // NOLINT(misc-no-recursion)
	size_t *ret_count, json_t **ret_first)
{
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};
	json_t *start = query->relative ? current : evaluation->request->root;
	int r = spend(evaluation, query->count + 1);

	if (r < 0)
		return r;
	if (query_singular(query)) {
		*ret_first = follow(query, start);
		*ret_count = *ret_first ? 1 : 0;
		return 0;
	}
	r = run_query(evaluation, query, start, false, &nodes);
	if (r < 0)
		return r;
	*ret_count = nodes.count;
	*ret_first = nodes.count ? nodes.list[0].value : NULL;
	return 0;
}

static int find_operand(struct evaluation *evaluation, const struct expression *expression,
	json_t *current, // NOLINT(misc-no-recursion)
	struct operand *ret_operand)
{
	struct operand operand = {.type = OPERAND_NOTHING};
	json_t *first = NULL;
	size_t count = 0;
	int r = 0;

	if (expression->type == EXPRESSION_LITERAL) {
		operand = (struct operand){.type = OPERAND_VALUE, .value = expression->literal};
	} else if (expression->type == EXPRESSION_QUERY || expression->function != FUNCTION_LENGTH) {
		r = count_nodes(evaluation,
			expression->type == EXPRESSION_QUERY ? &expression->query : &expression->left->query,
			current, &count, &first);
		if (expression->type == EXPRESSION_FUNCTION && expression->function == FUNCTION_COUNT)
			operand = (struct operand){.type = OPERAND_COUNT, .count = (int64_t)count};
		else if (count == 1)
			operand = (struct operand){.type = OPERAND_VALUE, .value = first};
	} else {
		r = find_operand(evaluation, expression->left, current, &operand);
		operand = operand_length(&operand);
	}
	if (r == 0)
		*ret_operand = operand;
	return r;
}

static int run_regex(struct evaluation *evaluation, const struct expression *call, const struct operand *text,
	const struct operand *pattern)
{
	struct jsonpath_regex *own = NULL;
	size_t size;
	int r;

	if (text->type != OPERAND_VALUE || !json_is_string(text->value) || pattern->type != OPERAND_VALUE ||
		!json_is_string(pattern->value))
		return 0;
	size = json_string_length(text->value);
	r = spend(evaluation, 64 + size + json_string_length(pattern->value));
	if (r < 0)
		return r;
	if (!call->regex) {
		r = jsonpath_regex_new(json_string_value(pattern->value), json_string_length(pattern->value),
			call->function == FUNCTION_MATCH, &own, NULL);
		if (r < 0) /* a pattern out of the document that is none matches nothing */
			return r == -ENOMEM ? no_memory(evaluation) : 0;
	}
	r = jsonpath_regex_matches(call->regex ? call->regex : own, json_string_value(text->value), size);
	jsonpath_regex_free(own);
	if (r == -E2BIG)
		return too_much(evaluation, "a regular expression takes too long");
	return r < 0 ? no_memory(evaluation) : r;
}

static int compare(struct evaluation *evaluation, const struct expression *expression,
	json_t *current) // NOLINT(misc-no-recursion)
{
	struct operand left, right;
	int r = find_operand(evaluation, expression->left, current, &left);

	if (r == 0)
		r = find_operand(evaluation, expression->right, current, &right);
	if (r < 0)
		return r;
	if (expression->type == EXPRESSION_FUNCTION)
		return run_regex(evaluation, expression, &left, &right);
	r = operands_compare(expression->comparison, &left, &right, &evaluation->steps);
	return r < 0 ? too_much(evaluation, "the path compares too large values") : r;
}

/* Whether the filter is true of the value: 1, 0 or an error. */
static int selects(struct evaluation *evaluation, const struct expression *filter,
	json_t *current) // NOLINT(misc-no-recursion)
{
	json_t *first = NULL;
	size_t count = 0;
	int r = spend(evaluation, 1);

	if (r < 0)
		return r;
	switch (filter->type) {
	case EXPRESSION_OR:
		r = selects(evaluation, filter->left, current);
		return r != 0 ? r : selects(evaluation, filter->right, current);
	case EXPRESSION_AND:
		r = selects(evaluation, filter->left, current);
		return r != 1 ? r : selects(evaluation, filter->right, current);
	case EXPRESSION_NOT:
		r = selects(evaluation, filter->left, current);
		return r < 0 ? r : !r;
	case EXPRESSION_QUERY:
		r = count_nodes(evaluation, &filter->query, current, &count, &first);
		return r < 0 ? r : count > 0;
	case EXPRESSION_COMPARISON:
	case EXPRESSION_FUNCTION:
		return compare(evaluation, filter, current);
	case EXPRESSION_LITERAL:
		break;
	}
	return 0;
}

int jsonpath_select(const struct jsonpath *path, const struct jsonpath_request *request,
	struct jsonpath_nodes *ret_nodes, struct error *error)
{
	struct evaluation evaluation = {
		.request = request,
		.error = error,
		.max_nodes = request->max_nodes ? request->max_nodes : DEFAULT_NODES,
		.steps = request->max_steps ? request->max_steps : DEFAULT_STEPS,
		.next_clock = UINT64_MAX,
	};

	return run_query(&evaluation, &path->query, request->root, true, ret_nodes);
}
