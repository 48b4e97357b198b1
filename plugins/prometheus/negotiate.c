/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiate.h"

#include "base/util.h"

#include <ctype.h>
#include <strings.h>

/* A weight in thousandths; RFC 9110 has three digits. */
#define WEIGHT_MAX 1000

struct span {
	const char *text;
	size_t size;
};

static void trim(struct span *span)
{
	while (span->size > 0 && (*span->text == ' ' || *span->text == '\t')) {
		span->text++;
		span->size--;
	}
	while (span->size > 0 && strchr(" \t", span->text[span->size - 1]))
		span->size--;
}

/* Cuts off what stands before the next separator outside of quotes. false: nothing is left. */
static bool next_part(struct span *rest, char separator, struct span *ret_part)
{
	bool quoted = false;
	size_t size = 0;

	if (!rest->text)
		return false;
	for (; size < rest->size && (quoted || rest->text[size] != separator); size++) {
		if (quoted && rest->text[size] == '\\' && size + 1 < rest->size)
			size++;
		else if (rest->text[size] == '"')
			quoted = !quoted;
	}
	*ret_part = (struct span){rest->text, size};
	if (size == rest->size)
		*rest = (struct span){NULL, 0};
	else
		*rest = (struct span){rest->text + size + 1, rest->size - size - 1};
	trim(ret_part);
	return true;
}

static bool is(struct span span, const char *word)
{
	return span.size == strlen(word) && strncasecmp(span.text, word, span.size) == 0;
}

/* "0.5" to 500; what is not of the form is 0: not wanted. */
static int parse_weight(struct span text)
{
	int weight = 0, unit = WEIGHT_MAX;

	if (text.size == 0 || text.size > 5 || (text.text[0] != '0' && text.text[0] != '1') ||
		(text.size > 1 && text.text[1] != '.'))
		return 0;
	weight = (text.text[0] - '0') * WEIGHT_MAX;
	for (size_t i = 2; i < text.size; i++) {
		if (!isdigit((unsigned char)text.text[i]))
			return 0;
		unit /= 10;
		weight += (text.text[i] - '0') * unit;
	}
	return weight <= WEIGHT_MAX ? weight : 0;
}

/* One element of a list: its name, and what its parameters say. */
struct element {
	struct span name;
	int weight;
	struct span version; /* size 0: none is said */
};

static bool next_element(struct span *rest, struct element *ret_element)
{
	struct span element, parameter;

	if (!next_part(rest, ',', &element))
		return false;
	*ret_element = (struct element){.weight = WEIGHT_MAX};
	if (!next_part(&element, ';', &ret_element->name))
		return true;
	while (next_part(&element, ';', &parameter)) {
		struct span name, value = {NULL, 0};

		next_part(&parameter, '=', &name);
		if (parameter.text)
			value = parameter;
		trim(&value);
		if (value.size >= 2 && value.text[0] == '"' && value.text[value.size - 1] == '"')
			value = (struct span){value.text + 1, value.size - 2};
		if (is(name, "q"))
			ret_element->weight = parse_weight(value);
		else if (is(name, "version"))
			ret_element->version = value;
	}
	return true;
}

/* How exactly an element speaks of a format: 0 not at all. Of several, the most exact one counts. */
static int exactness(const struct element *element, enum format format)
{
	const struct span *version = &element->version;

	if (is(element->name, "*/*"))
		return 1;
	if (format == FORMAT_TEXT) {
		if (is(element->name, "text/*"))
			return 2;
		return is(element->name, "text/plain") && (version->size == 0 || is(*version, "0.0.4")) ? 3
													: 0;
	}
	if (is(element->name, "application/*"))
		return 2;
	if (!is(element->name, "application/openmetrics-text"))
		return 0;
	return version->size == 0 || is(*version, "1.0.0") || is(*version, "0.0.1") ? 3 : 0;
}

enum format negotiate_format(const char *accept)
{
	struct span rest = {accept, accept ? strlen(accept) : 0};
	int weights[FORMATS] = {0}, exact[FORMATS] = {0};
	struct element element;

	while (next_element(&rest, &element))
		for (int format = 0; format < FORMATS; format++) {
			int this = exactness(&element, (enum format)format);

			if (this < exact[format] || this == 0)
				continue;
			weights[format] =
				this > exact[format] ? element.weight : MAX(weights[format], element.weight);
			exact[format] = this;
		}
	return weights[FORMAT_OPENMETRICS] > weights[FORMAT_TEXT] ? FORMAT_OPENMETRICS : FORMAT_TEXT;
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct span rest = {accept_encoding, accept_encoding ? strlen(accept_encoding) : 0};
	int any = 0, gzip = -1;
	struct element element;

	while (next_element(&rest, &element)) {
		if (is(element.name, "gzip") || is(element.name, "x-gzip"))
			gzip = MAX(gzip, element.weight);
		else if (is(element.name, "*"))
			any = element.weight;
	}
	return gzip >= 0 ? gzip > 0 : any > 0;
}

const char *format_content_type(enum format format)
{
	return format == FORMAT_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
					    : "text/plain; version=0.0.4; charset=utf-8";
}
