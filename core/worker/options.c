/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/options.h"
#include "base/utf8.h"
#include "core/worker/option_value.h"
#include "core/worker/plugin_check.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct value {
	bool set;
	struct option_number number;
	char *text; /* of a string or a choice */
	char **list;
	size_t count;
	struct gavea_secret secret;
};

struct options {
	const struct gavea_plugin *plugin;
	struct value *values; /* one for each option of the table */
	char *vault; /* pages for the secrets */
	size_t vault_size;
	size_t vault_used;
};

static void value_done(struct value *value)
{
	for (size_t i = 0; i < value->count; i++)
		free(value->list[i]);
	free(value->list);
	free(value->text);
}

void options_free(struct options *options)
{
	if (!options)
		return;
	for (size_t i = 0; options->values && i < options->plugin->option_count; i++)
		value_done(&options->values[i]);
	free(options->values);
	if (options->vault) {
		explicit_bzero(options->vault, options->vault_size);
		munmap(options->vault, options->vault_size);
	}
	free(options);
}

/* One mapping for all secrets: not swapped, not dumped, not inherited by children. Locking may be refused by
 * a limit; that is no reason to go without the check. */
static int make_vault(struct options *options, Gavea__Worker__V1__OptionValue **values, size_t count)
{
	size_t need = 0, page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < count; i++)
		if (values[i]->type == GAVEA_OPTION_SECRET && values[i]->n_values > 0)
			need += values[i]->values[0].len + 1;
	for (size_t i = 0; i < options->plugin->option_count; i++) {
		struct gavea_option option = plugin_option(options->plugin, i);

		if (option.type == GAVEA_OPTION_SECRET && option.default_value)
			need += strlen(option.default_value) + 1;
	}
	if (need == 0)
		return 0;
	need = (need + page - 1) / page * page;
	options->vault = mmap(NULL, need, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (options->vault == MAP_FAILED) {
		options->vault = NULL;
		return -ENOMEM;
	}
	options->vault_size = need;
	if (mlock(options->vault, need) < 0 || madvise(options->vault, need, MADV_DONTDUMP) < 0)
		return 0;
	return 0;
}

static void set_secret(struct options *options, struct value *value, const void *bytes, size_t size)
{
	char *at = options->vault + options->vault_used;

	assert(options->vault && size < options->vault_size - options->vault_used);
	if (size > 0)
		memcpy(at, bytes, size);
	at[size] = 0;
	options->vault_used += size + 1;
	value->secret = (struct gavea_secret){.bytes = at, .size = size};
	value->set = true;
}

/* A copy of text that came as bytes. NULL and *ret_error set: no memory, or not text. */
static char *take_text(const ProtobufCBinaryData *bytes, int *ret_error)
{
	char *text;

	*ret_error = -EINVAL;
	if (bytes->len > 0 &&
		(memchr(bytes->data, 0, bytes->len) || !utf8_valid((char *)bytes->data, bytes->len)))
		return NULL;
	*ret_error = -ENOMEM;
	text = malloc(bytes->len + 1);
	if (!text)
		return NULL;
	if (bytes->len > 0)
		memcpy(text, bytes->data, bytes->len);
	text[bytes->len] = 0;
	return text;
}

static int set_list(struct value *value, const Gavea__Worker__V1__OptionValue *from)
{
	int r = 0;

	value->list = calloc(from->n_values + 1, sizeof *value->list);
	if (!value->list)
		return -ENOMEM;
	for (; value->count < from->n_values; value->count++) {
		value->list[value->count] = take_text(&from->values[value->count], &r);
		if (!value->list[value->count])
			return r;
	}
	value->set = true;
	return 0;
}

static int set_value(struct options *options, uint32_t type, struct value *value,
	const Gavea__Worker__V1__OptionValue *from)
{
	int r;

	if (value->set)
		return -EINVAL;
	if (type == GAVEA_OPTION_STRINGS)
		return set_list(value, from);
	if (from->n_values != 1)
		return -EINVAL;
	if (type == GAVEA_OPTION_SECRET) {
		set_secret(options, value, from->values[0].data, from->values[0].len);
		return 0;
	}
	value->text = take_text(&from->values[0], &r);
	if (!value->text)
		return r;
	r = option_value_parse_canonical(type, value->text, &value->number);
	value->set = r == 0;
	return r;
}

static int set_values(
	struct options *options, Gavea__Worker__V1__OptionValue **values, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		int number = plugin_option_find(options->plugin, values[i]->key);
		struct gavea_option option;
		int r;

		if (number < 0)
			return error_set(
				error, -EINVAL, "option %s is not one of the plugin's", values[i]->key);
		option = plugin_option(options->plugin, (size_t)number);
		if (option.type != values[i]->type)
			return error_set(error, -EINVAL, "option %s came with another type than the plugin's",
				values[i]->key);
		r = set_value(options, option.type, &options->values[number], values[i]);
		if (r < 0)
			return error_set(error, r, "option %s came with a value that is none of its type",
				values[i]->key);
	}
	return 0;
}

static int default_list(struct value *value, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word;
	size_t most = 1;

	for (const char *c = text; *c; c++)
		most += *c == ',';
	value->list = calloc(most + 1, sizeof *value->list);
	if (!value->list || !copy)
		return -ENOMEM;
	while ((word = strsep(&rest, ","))) {
		size_t length;

		word += strspn(word, " ");
		length = strlen(word);
		while (length > 0 && word[length - 1] == ' ')
			length--;
		if (length == 0)
			continue;
		value->list[value->count] = strndup(word, length);
		if (!value->list[value->count])
			return -ENOMEM;
		value->count++;
	}
	value->set = true;
	return 0;
}

static int set_default(struct options *options, const struct gavea_option *option, struct value *value)
{
	int r;

	if (option->type == GAVEA_OPTION_STRINGS)
		return default_list(value, option->default_value);
	if (option->type == GAVEA_OPTION_SECRET) {
		set_secret(options, value, option->default_value, strlen(option->default_value));
		return 0;
	}
	value->text = strdup(option->default_value);
	if (!value->text)
		return -ENOMEM;
	r = option_value_parse(option->type, option->default_value, &value->number);
	value->set = r == 0;
	return r;
}

static int set_defaults(struct options *options)
{
	for (size_t i = 0; i < options->plugin->option_count; i++) {
		struct gavea_option option = plugin_option(options->plugin, i);
		int r;

		if (options->values[i].set || !option.default_value)
			continue;
		r = set_default(options, &option, &options->values[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void wipe_secrets(Gavea__Worker__V1__OptionValue **values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < values[i]->n_values; k++)
			if (values[i]->type == GAVEA_OPTION_SECRET && values[i]->values[k].len > 0)
				explicit_bzero(values[i]->values[k].data, values[i]->values[k].len);
}

int options_new(const struct gavea_plugin *plugin, Gavea__Worker__V1__OptionValue **values, size_t count,
	struct options **ret_options, struct error *error)
{
	_cleanup_(options_freep) struct options *options = calloc(1, sizeof *options);
	int r = -ENOMEM;

	if (options) {
		options->plugin = plugin;
		options->values = calloc(MAX(plugin->option_count, 1u), sizeof *options->values);
		if (options->values)
			r = make_vault(options, values, count);
	}
	if (r == 0)
		r = set_values(options, values, count, error);
	wipe_secrets(values, count);
	if (r == 0)
		r = set_defaults(options);
	if (r < 0)
		return r;
	*ret_options = TAKE_PTR(options);
	return 0;
}

/* Finds an option whose type is in the mask (1 << type). */
static int find(
	const struct options *options, const char *key, unsigned types, const struct value **ret_value)
{
	int number = key ? plugin_option_find(options->plugin, key) : -ENOENT;

	if (number < 0)
		return -ENOENT;
	if (!(types & (1u << plugin_option(options->plugin, (size_t)number).type)))
		return -EINVAL;
	*ret_value = &options->values[number];
	return (*ret_value)->set ? 0 : -ENODATA;
}

int options_string(const struct options *options, const char *key, const char **ret_text)
{
	const struct value *value;
	int r = find(options, key, 1u << GAVEA_OPTION_STRING | 1u << GAVEA_OPTION_CHOICE, &value);

	if (r == 0)
		*ret_text = value->text;
	return r;
}

int options_int(const struct options *options, const char *key, int64_t *ret_value)
{
	const struct value *value;
	int r = find(options, key,
		1u << GAVEA_OPTION_BOOL | 1u << GAVEA_OPTION_INT | 1u << GAVEA_OPTION_DURATION |
			1u << GAVEA_OPTION_SIZE,
		&value);

	if (r == 0)
		*ret_value = value->number.integer;
	return r;
}

int options_float(const struct options *options, const char *key, double *ret_value)
{
	const struct value *value;
	int r = find(options, key, 1u << GAVEA_OPTION_FLOAT | 1u << GAVEA_OPTION_PERCENT, &value);

	if (r == 0)
		*ret_value = value->number.real;
	return r;
}

int options_strings(
	const struct options *options, const char *key, const char *const **ret_list, size_t *ret_count)
{
	const struct value *value;
	int r = find(options, key, 1u << GAVEA_OPTION_STRINGS, &value);

	if (r == 0) {
		*ret_list = (const char *const *)value->list;
		*ret_count = value->count;
	}
	return r;
}

int options_secret(const struct options *options, const char *key, const struct gavea_secret **ret_secret)
{
	const struct value *value;
	int r = find(options, key, 1u << GAVEA_OPTION_SECRET, &value);

	if (r == 0)
		*ret_secret = &value->secret;
	return r;
}
