/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void json_init(struct json *json, struct buf *out)
{
	*json = (struct json){.out = out};
}

static void before_value(struct json *json)
{
	if (json->comma)
		buf_add_char(json->out, ',');
	json->comma = true;
}

static void begin(struct json *json, char bracket)
{
	before_value(json);
	buf_add_char(json->out, bracket);
	json->comma = false;
}

static void end(struct json *json, char bracket)
{
	buf_add_char(json->out, bracket);
	json->comma = true;
}

void json_object_begin(struct json *json)
{
	begin(json, '{');
}

void json_object_end(struct json *json)
{
	end(json, '}');
}

void json_array_begin(struct json *json)
{
	begin(json, '[');
}

void json_array_end(struct json *json)
{
	end(json, ']');
}

static void add_escaped(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_add_str(out, "\\\"");
		break;
	case '\\':
		buf_add_str(out, "\\\\");
		break;
	case '\n':
		buf_add_str(out, "\\n");
		break;
	case '\r':
		buf_add_str(out, "\\r");
		break;
	case '\t':
		buf_add_str(out, "\\t");
		break;
	default:
		buf_printf(out, "\\u%04x", c);
	}
}

static void add_text(struct buf *out, const char *text, size_t size)
{
	size_t i = 0, run = 0;

	buf_add_char(out, '"');
	while (i < size) {
		unsigned char c = (unsigned char)text[i];
		size_t length = utf8_sequence(text + i, size - i);

		if (length > 0 && c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
			i += length;
			continue;
		}
		buf_add(out, text + run, i - run);
		if (length == 0)
			buf_add_str(out, "\xef\xbf\xbd");
		else
			add_escaped(out, c);
		run = ++i;
	}
	buf_add(out, text + run, size - run);
	buf_add_char(out, '"');
}

void json_key(struct json *json, const char *key)
{
	before_value(json);
	add_text(json->out, key, strlen(key));
	buf_add_char(json->out, ':');
	json->comma = false;
}

void json_string_n(struct json *json, const char *text, size_t size)
{
	before_value(json);
	add_text(json->out, text, size);
}

void json_string(struct json *json, const char *text)
{
	json_string_n(json, text, strlen(text));
}

void json_int(struct json *json, int64_t value)
{
	before_value(json);
	buf_printf(json->out, "%" PRId64, value);
}

void json_uint(struct json *json, uint64_t value)
{
	before_value(json);
	buf_printf(json->out, "%" PRIu64, value);
}

void json_double(struct json *json, double value)
{
	char text[32];

	if (!isfinite(value)) {
		json_null(json);
		return;
	}
	before_value(json);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_add_str(json->out, text);
}

void json_bool(struct json *json, bool value)
{
	before_value(json);
	buf_add_str(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
	before_value(json);
	buf_add_str(json->out, "null");
}

void json_kv_string(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_string(json, text);
}

void json_kv_int(struct json *json, const char *key, int64_t value)
{
	json_key(json, key);
	json_int(json, value);
}

void json_kv_double(struct json *json, const char *key, double value)
{
	json_key(json, key);
	json_double(json, value);
}

void json_kv_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	json_bool(json, value);
}
