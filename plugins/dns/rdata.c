/* SPDX-License-Identifier: Apache-2.0 */
#include "rdata.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

enum {
	VALUE_MAX = 8192, /* bytes of one expected value */
	TEXT_MAX = 200, /* bytes of one value that are shown */
	SHOWN_MAX = 8, /* values of a set that are shown */
};

static void rdata_done(struct rdata *rdata)
{
	free(rdata->bytes);
	free(rdata->text);
}

void rdata_set_done(struct rdata_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		rdata_done(&set->list[i]);
	free(set->list);
	*set = (struct rdata_set)RDATA_SET_INIT;
}

static int compare(const struct rdata *a, const struct rdata *b)
{
	int order = memcmp(a->bytes, b->bytes, MIN(a->size, b->size));

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Where it is, or where it belongs. */
static size_t position(const struct rdata_set *set, const struct rdata *rdata)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(&set->list[middle], rdata) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool rdata_set_contains(const struct rdata_set *set, const struct rdata *rdata)
{
	size_t at = position(set, rdata);

	return at < set->count && compare(&set->list[at], rdata) == 0;
}

/* Takes rdata, whatever is returned. */
static int insert(struct rdata_set *set, struct rdata *rdata)
{
	size_t at = position(set, rdata);

	if (rdata_set_contains(set, rdata)) {
		rdata_done(rdata);
		return 0;
	}
	if (GROW(set->list, set->count, set->room) < 0) {
		rdata_done(rdata);
		return -ENOMEM;
	}
	memmove(&set->list[at + 1], &set->list[at], (set->count - at) * sizeof(*rdata));
	set->list[at] = *rdata;
	set->count++;
	return 0;
}

static bool is_text(ldns_rr_type type)
{
	return type == LDNS_RR_TYPE_TXT || type == LDNS_RR_TYPE_SPF;
}

/* Text for people from bytes: printable, and cut. */
static char *shown(const uint8_t *bytes, size_t size, bool quoted)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (quoted)
		buf_add_char(&out, '"');
	for (size_t i = 0; i < size && i < TEXT_MAX; i++)
		buf_add_char(&out, bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?');
	if (size > TEXT_MAX)
		buf_add_str(&out, "...");
	if (quoted)
		buf_add_char(&out, '"');
	return buf_take(&out);
}

/* The strings of a TXT record, joined, as those who use it read it (RFC 7208, section 3.3). */
static int join(const ldns_rr *rr, struct rdata *rdata)
{
	_cleanup_buf_ struct buf joined = BUF_INIT;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *part = ldns_rr_rdf(rr, i);

		if (part && ldns_rdf_size(part) > 1)
			buf_add(&joined, ldns_rdf_data(part) + 1, ldns_rdf_size(part) - 1);
	}
	if (buf_error(&joined) < 0)
		return -ENOMEM;
	rdata->size = joined.size;
	rdata->text = shown((const uint8_t *)joined.data, joined.size, true);
	rdata->bytes = (uint8_t *)buf_take(&joined);
	return rdata->text && rdata->bytes ? 0 : -ENOMEM;
}

/* Lower case for every name: ldns leaves those of newer types alone, as signatures want it, but servers may answer in
 * any case. */
static void lower_names(ldns_rr *rr)
{
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		if (ldns_rr_rdf(rr, i) && ldns_rdf_get_type(ldns_rr_rdf(rr, i)) == LDNS_RDF_TYPE_DNAME)
			ldns_dname2canonical(ldns_rr_rdf(rr, i));
	/* Tags of CAA are compared without regard to case (RFC 8659, section 4.1). */
	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CAA && ldns_rr_rd_count(rr) > 1 && ldns_rr_rdf(rr, 1)) {
		uint8_t *tag = ldns_rdf_data(ldns_rr_rdf(rr, 1));

		for (size_t i = 1; i < ldns_rdf_size(ldns_rr_rdf(rr, 1)); i++)
			tag[i] = (uint8_t)tolower(tag[i]);
	}
}

static char *print(const ldns_rr *rr)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		_cleanup_free_ char *field = ldns_rdf2str(ldns_rr_rdf(rr, i));

		if (!field)
			return NULL;
		if (*field)
			buf_printf(&out, "%s%s", i ? " " : "", field);
	}
	return shown((const uint8_t *)buf_str(&out), out.size, false);
}

static int encode(const ldns_rr *rr, struct rdata *rdata)
{
	ldns_rr *copy = ldns_rr_clone(rr);
	ldns_buffer *wire = ldns_buffer_new(512);
	int r = -ENOMEM;

	if (copy && wire) {
		lower_names(copy);
		rdata->text = print(copy);
		if (ldns_rr_rdata2buffer_wire(wire, copy) == LDNS_STATUS_OK && rdata->text) {
			rdata->size = ldns_buffer_position(wire);
			rdata->bytes = malloc(rdata->size + 1);
			r = rdata->bytes ? 0 : -ENOMEM;
		}
	}
	if (r == 0)
		memcpy(rdata->bytes, ldns_buffer_begin(wire), rdata->size);
	ldns_rr_free(copy);
	ldns_buffer_free(wire);
	return r;
}

int rdata_set_add(struct rdata_set *set, const ldns_rr *rr)
{
	struct rdata rdata = {0};
	int r = is_text(ldns_rr_get_type(rr)) ? join(rr, &rdata) : encode(rr, &rdata);

	if (r < 0) {
		rdata_done(&rdata);
		return r;
	}
	return insert(set, &rdata);
}

int rdata_set_add_list(struct rdata_set *set, const ldns_rr_list *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && list && i < ldns_rr_list_rr_count(list); i++)
		r = rdata_set_add(set, ldns_rr_list_rr(list, i));
	return r;
}

/* A text without quotes means just these bytes. */
static int add_bare_text(struct rdata_set *set, const char *value)
{
	struct rdata rdata = {.size = strlen(value)};

	rdata.bytes = (uint8_t *)strdup(value);
	rdata.text = shown((const uint8_t *)value, rdata.size, true);
	if (!rdata.bytes || !rdata.text) {
		rdata_done(&rdata);
		return -ENOMEM;
	}
	return insert(set, &rdata);
}

static bool is_printable(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || (unsigned char)*value > '~')
			return false;
	return true;
}

static int parse(ldns_rr_type type, const char *value, ldns_rr **ret_rr, struct error *error)
{
	_cleanup_free_ char *type_name = ldns_rr_type2str(type);
	_cleanup_free_ char *line = NULL;
	ldns_rr *rr = NULL;
	ldns_status status;

	if (!type_name || asprintf(&line, ". 0 IN %s %s", type_name, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	status = ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL);
	if (status == LDNS_STATUS_OK && ldns_rr_rd_count(rr) > 0) {
		*ret_rr = rr;
		return 0;
	}
	ldns_rr_free(rr);
	return error_set(error, -EINVAL, "\"%s\" is not the data of a record of type %s: %s", value,
		type_name, status == LDNS_STATUS_OK ? "a field is missing" : ldns_get_errorstr_by_id(status));
}

int rdata_set_add_text(struct rdata_set *set, ldns_rr_type type, const char *value, struct error *error)
{
	ldns_rr *rr = NULL;
	int r;

	if (!*value)
		return error_set(error, -EINVAL, "a value is empty");
	if (strlen(value) > VALUE_MAX)
		return error_set(error, -EINVAL, "a value is longer than %d bytes", VALUE_MAX);
	if (is_text(type) && *value != '"')
		return add_bare_text(set, value);
	if (!is_printable(value))
		return error_set(
			error, -EINVAL, "a value has characters other than printable ASCII; write \\DDD");
	r = parse(type, value, &rr, error);
	if (r == 0)
		r = rdata_set_add(set, rr);
	ldns_rr_free(rr);
	return r;
}

bool rdata_set_equal(const struct rdata_set *a, const struct rdata_set *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (compare(&a->list[i], &b->list[i]) != 0)
			return false;
	return true;
}

static size_t common(const struct rdata_set *a, const struct rdata_set *b)
{
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++)
		count += rdata_set_contains(b, &a->list[i]);
	return count;
}

bool rdata_set_matches(const struct rdata_set *set, const struct rdata_set *expected, enum rdata_match match)
{
	size_t both = common(set, expected);

	switch (match) {
	case RDATA_INCLUDES:
		return both == expected->count;
	case RDATA_SUBSET:
		return set->count && both == set->count;
	case RDATA_ANY:
		return both > 0;
	case RDATA_EXACT:
		break;
	}
	return rdata_set_equal(set, expected);
}

size_t rdata_set_print(const struct rdata_set *set, const struct rdata_set *without, struct buf *out)
{
	size_t told = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (without && rdata_set_contains(without, &set->list[i]))
			continue;
		if (told++ < SHOWN_MAX)
			buf_printf(out, "%s%s", told > 1 ? ", " : "", set->list[i].text);
	}
	if (told > SHOWN_MAX)
		buf_printf(out, " and %zu more", told - SHOWN_MAX);
	return told;
}
