/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition.h"

#include "scan.h"

#include "base/parse.h"
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

enum {
	NAME_MAX_SIZE = 255,
};

/* What the comments before say of one metric. */
struct family {
	char *name;
	char *help;
	enum { UNTYPED, GAUGE, COUNTER, SUMMARY, HISTOGRAM } kind;
	bool typed; /* by a line of its own */
};

struct parser {
	const char *p;
	int line;
	struct exposition *out;
	struct family family; /* the last one that comments spoke of */
	struct error *error;
};

static void sample_done(struct exposition_sample *sample)
{
	for (size_t i = 0; i < sample->label_count; i++) {
		free((char *)sample->labels[i].name);
		free((char *)sample->labels[i].value);
	}
	free(sample->labels);
	free(sample->name);
	free(sample->help);
}

void exposition_done(struct exposition *exposition)
{
	for (size_t i = 0; i < exposition->count; i++)
		sample_done(&exposition->samples[i]);
	free(exposition->samples);
	*exposition = (struct exposition){0};
}

static int wrong(struct parser *parser, const char *what)
{
	return error_set(parser->error, -EBADMSG, "line %d: %s", parser->line, what);
}

static void skip_blanks(struct parser *parser)
{
	parser->p = scan_blanks(parser->p);
}

static bool at_end_of_line(const struct parser *parser)
{
	return *parser->p == '\n' || *parser->p == '\0';
}

/* The length of the name here; 0: there is none. Colons are for metrics, not for labels. */
static size_t name_size(const char *p, bool colons)
{
	size_t size = 0;

	while (isalnum((unsigned char)p[size]) || p[size] == '_' || (colons && p[size] == ':'))
		size++;
	return isdigit((unsigned char)*p) || size > NAME_MAX_SIZE ? 0 : size;
}

/* A quoted value with its escapes undone; NULL after an error. Owned. */
static char *label_value(struct parser *parser, int *ret_error)
{
	size_t used = 0, room = strcspn(parser->p, "\n") + 1;
	char *value = malloc(room);

	*ret_error = -ENOMEM;
	if (!value)
		return NULL;
	for (parser->p++; *parser->p != '"'; parser->p++) {
		if (at_end_of_line(parser)) {
			*ret_error = wrong(parser, "a label's value has no end");
			free(value);
			return NULL;
		}
		if (*parser->p == '\\') {
			parser->p++;
			if (!strchr("\\\"n", *parser->p) || !*parser->p) {
				*ret_error = wrong(parser, "a label's value has an escape that is none");
				free(value);
				return NULL;
			}
			value[used++] = *parser->p == 'n' ? '\n' : *parser->p;
			continue;
		}
		value[used++] = *parser->p;
	}
	parser->p++;
	value[used] = '\0';
	return value;
}

static int label_add(struct parser *parser, struct exposition_sample *sample)
{
	size_t size = name_size(parser->p, false);
	const char *name = parser->p;
	struct gavea_pair *grown, pair;
	int r;

	if (!size)
		return wrong(parser, "a label has no name");
	if (sample->label_count == EXPOSITION_LABELS_MAX)
		return wrong(parser, "too many labels");
	parser->p += size;
	skip_blanks(parser);
	if (*parser->p != '=')
		return wrong(parser, "a label has no value");
	parser->p++;
	skip_blanks(parser);
	if (*parser->p != '"')
		return wrong(parser, "a label's value does not begin with a quote");
	for (size_t i = 0; i < sample->label_count; i++)
		if (strlen(sample->labels[i].name) == size && memcmp(sample->labels[i].name, name, size) == 0)
			return wrong(parser, "a label is there twice");
	grown = realloc(sample->labels, (sample->label_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sample->labels = grown;
	pair.value = label_value(parser, &r);
	if (!pair.value)
		return r;
	pair.name = strndup(name, size);
	if (!pair.name) {
		free((char *)pair.value);
		return -ENOMEM;
	}
	sample->labels[sample->label_count++] = pair;
	return 0;
}

static int labels_parse(struct parser *parser, struct exposition_sample *sample)
{
	for (parser->p++;;) {
		int r;

		skip_blanks(parser);
		if (*parser->p == '}') {
			parser->p++;
			return 0;
		}
		r = label_add(parser, sample);
		if (r < 0)
			return r;
		skip_blanks(parser);
		if (*parser->p == ',')
			parser->p++;
		else if (*parser->p != '}')
			return wrong(parser, "a comma or \"}\" is missing behind a label");
	}
}

/* A number as Go writes it: NaN, +Inf, -Inf too. */
static int value_parse(struct parser *parser, double *ret_value)
{
	char text[64];
	size_t size = strcspn(parser->p, " \t\n");

	if (!size || size >= sizeof(text))
		return wrong(parser, "a sample has no value");
	memcpy(text, parser->p, size);
	text[size] = '\0';
	parser->p += size;
	if (strcasecmp(text, "NaN") == 0)
		*ret_value = NAN;
	else if (strcasecmp(text, "+Inf") == 0 || strcasecmp(text, "Inf") == 0)
		*ret_value = INFINITY;
	else if (strcasecmp(text, "-Inf") == 0)
		*ret_value = -INFINITY;
	else if (parse_double(text, ret_value) < 0)
		return wrong(parser, "a value is no number");
	return 0;
}

/* Whether name is the family's, or one of the series that its kind is made of. */
static bool of_family(const struct family *family, const char *name)
{
	const char *rest = family->name ? startswith(name, family->name) : NULL;

	if (!rest || !*rest)
		return rest != NULL;
	return (family->kind == SUMMARY || family->kind == HISTOGRAM) &&
		(streq(rest, "_sum") || streq(rest, "_count") ||
			(family->kind == HISTOGRAM && streq(rest, "_bucket")));
}

static enum gavea_sample_type type_of(const struct family *family, const char *name)
{
	/* What a histogram and a summary are made of only grows; quantiles do not. */
	if (family->kind == COUNTER || (family->name && !streq(name, family->name)))
		return GAVEA_COUNTER;
	return GAVEA_GAUGE;
}

static int sample_parse(struct parser *parser, struct exposition_sample *sample)
{
	size_t size = name_size(parser->p, true);
	int r = 0;

	if (!size)
		return wrong(parser, "no name of a metric");
	sample->name = strndup(parser->p, size);
	if (!sample->name)
		return -ENOMEM;
	parser->p += size;
	skip_blanks(parser);
	if (*parser->p == '{')
		r = labels_parse(parser, sample);
	if (r < 0)
		return r;
	skip_blanks(parser);
	r = value_parse(parser, &sample->value);
	if (r < 0)
		return r;
	skip_blanks(parser);
	if (!at_end_of_line(parser))
		return wrong(parser, "there is something behind the value; times are not taken");
	sample->type = GAVEA_GAUGE;
	if (!of_family(&parser->family, sample->name))
		return 0;
	sample->type = type_of(&parser->family, sample->name);
	if (parser->family.help && !(sample->help = strdup(parser->family.help)))
		return -ENOMEM;
	return 0;
}

static int family_begin(struct parser *parser, const char *name, size_t size)
{
	struct family *family = &parser->family;

	if (family->name && strlen(family->name) == size && memcmp(family->name, name, size) == 0)
		return 0;
	free(family->name);
	free(family->help);
	*family = (struct family){.name = strndup(name, size)};
	return family->name ? 0 : -ENOMEM;
}

static int type_parse(struct parser *parser)
{
	static const char *const kinds[] = {"untyped", "gauge", "counter", "summary", "histogram"};
	size_t size = strcspn(parser->p, " \t\n");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i]) == size && memcmp(kinds[i], parser->p, size) == 0) {
			if (parser->family.typed)
				return wrong(parser, "a second type for the same metric");
			parser->family.kind = i;
			parser->family.typed = true;
			return 0;
		}
	return wrong(parser, "a type that is none");
}

/* "# HELP name text", "# TYPE name counter"; other comments say nothing. */
static int comment_parse(struct parser *parser)
{
	const char *word;
	size_t size, length;
	bool is_help;
	int r;

	parser->p = scan_blanks(parser->p + 1);
	word = scan_word(parser->p, &size);
	is_help = word && size == 4 && memcmp(word, "HELP", 4) == 0;
	if (!word || (!is_help && (size != 4 || memcmp(word, "TYPE", 4) != 0)))
		return 0;
	parser->p = scan_blanks(word + 4);
	length = name_size(parser->p, true);
	if (!length)
		return wrong(parser, "a comment names no metric");
	r = family_begin(parser, parser->p, length);
	if (r < 0)
		return r;
	parser->p = scan_blanks(parser->p + length);
	if (!is_help)
		return type_parse(parser);
	if (parser->family.help)
		return wrong(parser, "a second help text for the same metric");
	parser->family.help = strndup(parser->p, strcspn(parser->p, "\n"));
	return parser->family.help ? 0 : -ENOMEM;
}

static int line_parse(struct parser *parser)
{
	struct exposition_sample sample = {0};
	int r;

	skip_blanks(parser);
	if (at_end_of_line(parser))
		return 0;
	if (*parser->p == '#')
		return comment_parse(parser);
	if (parser->out->count == EXPOSITION_SAMPLES_MAX)
		return error_set(parser->error, -E2BIG, "line %d: more than %d samples", parser->line,
			EXPOSITION_SAMPLES_MAX);
	r = sample_parse(parser, &sample);
	if (r == 0 && GROW(parser->out->samples, parser->out->count, parser->out->room) < 0)
		r = -ENOMEM;
	if (r < 0) {
		sample_done(&sample);
		return r;
	}
	parser->out->samples[parser->out->count++] = sample;
	return 0;
}

int exposition_parse(const char *text, struct exposition *ret_exposition, struct error *error)
{
	struct parser parser = {.p = text, .line = 1, .out = ret_exposition, .error = error};
	int r = 0;

	*ret_exposition = (struct exposition){0};
	while (*parser.p && r == 0) {
		r = line_parse(&parser);
		parser.p += strcspn(parser.p, "\n");
		if (r == 0 && !*parser.p)
			r = wrong(&parser, "the last line has no end; was the file written only in part?");
		if (*parser.p)
			parser.p++;
		parser.line++;
	}
	free(parser.family.name);
	free(parser.family.help);
	if (r < 0)
		exposition_done(ret_exposition);
	return r;
}
