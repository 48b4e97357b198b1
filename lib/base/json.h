/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON (RFC 8259) into a buffer. Commas are put in by the writer; text that is not valid UTF-8 has its
 * bad bytes replaced by U+FFFD. Numbers that JSON can't say (NaN, infinities) become null, unless written as
 * strings.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
	struct buf *out;
	bool comma; /* the next value needs one before it */
};

/* Writes into out, which stays the caller's. */
void json_init(struct json *json, struct buf *out);

void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);

/* A key; its value must follow. */
void json_key(struct json *json, const char *key);

/* This and json_null() bear other names for the linker: jansson has functions called so, and a program that links both
 * would silently get ours for its. */
void json_string(struct json *json, const char *text) __asm__("gavea_json_string");
void json_string_n(struct json *json, const char *text, size_t size);
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
/* The shortest decimal that reads back as the same double. */
void json_double(struct json *json, double value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json) __asm__("gavea_json_null");

/* Key and value at once. */
void json_kv_string(struct json *json, const char *key, const char *text);
void json_kv_int(struct json *json, const char *key, int64_t value);
void json_kv_double(struct json *json, const char *key, double value);
void json_kv_bool(struct json *json, const char *key, bool value);

#endif
