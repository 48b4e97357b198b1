/* SPDX-License-Identifier: Apache-2.0 */
#include "ack.h"

#include "base/parse.h"
#include "base/util.h"
#include "proto/report.pb-c.h"

#include <errno.h>
#include <jansson.h>

void ack_done(struct ack *ack)
{
	free(ack->error);
	*ack = (struct ack)ACK_INIT;
}

int ack_parse_protobuf(const void *bytes, size_t size, struct ack *ret_ack)
{
	Gavea__V1__ReportAck *message = gavea__v1__report_ack__unpack(NULL, size, bytes);
	int r = 0;

	if (!message)
		return -EBADMSG;
	ret_ack->acked_seq = message->acked_seq;
	ret_ack->need_declarations = message->need_declarations;
	ret_ack->retry_after_ms = message->retry_after_ms;
	if (!str_empty(message->error)) {
		ret_ack->error = strdup(message->error);
		r = ret_ack->error ? 0 : -ENOMEM;
	}
	gavea__v1__report_ack__free_unpacked(message, NULL);
	return r;
}

/* proto3's JSON mapping: readers take the camel-case name and the original one. */
static const json_t *member(const json_t *object, const char *name, const char *original)
{
	const json_t *value = json_object_get(object, name);

	if (!value)
		value = json_object_get(object, original);
	return json_is_null(value) ? NULL : value;
}

/* …and whole numbers as numbers or as strings. */
static int read_uint(const json_t *value, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return -EBADMSG;
		number = (uint64_t)json_integer_value(value);
	} else if (json_is_string(value)) {
		if (parse_uint64(json_string_value(value), &number) < 0)
			return -EBADMSG;
	} else if (value) {
		return -EBADMSG;
	}
	if (number > max)
		return -EBADMSG;
	*ret_number = number;
	return 0;
}

static int read_ack(const json_t *root, struct ack *ret_ack)
{
	const json_t *declarations = member(root, "needDeclarations", "need_declarations");
	const json_t *error = member(root, "error", "error");
	uint64_t acked_seq, retry_after_ms;

	if (!json_is_object(root))
		return -EBADMSG;
	if (read_uint(member(root, "ackedSeq", "acked_seq"), UINT64_MAX, &acked_seq) < 0 ||
		read_uint(member(root, "retryAfterMs", "retry_after_ms"), UINT32_MAX, &retry_after_ms) < 0)
		return -EBADMSG;
	if ((declarations && !json_is_boolean(declarations)) || (error && !json_is_string(error)))
		return -EBADMSG;
	ret_ack->acked_seq = acked_seq;
	ret_ack->retry_after_ms = (uint32_t)retry_after_ms;
	ret_ack->need_declarations = json_is_true(declarations);
	if (!str_empty(json_string_value(error))) {
		ret_ack->error = strdup(json_string_value(error));
		if (!ret_ack->error)
			return -ENOMEM;
	}
	return 0;
}

int ack_parse_json(const void *bytes, size_t size, struct ack *ret_ack)
{
	json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	int r = root ? read_ack(root, ret_ack) : -EBADMSG;

	json_decref(root);
	return r;
}

static char *text_parse_json(const void *bytes, size_t size, const char *key)
{
	json_t *root = json_loadb(bytes, size, 0, NULL);
	const char *text = json_string_value(json_object_get(root, key));
	char *copy = text ? strdup(text) : NULL;

	json_decref(root);
	return copy;
}

char *error_parse_json(const void *bytes, size_t size)
{
	return text_parse_json(bytes, size, "error");
}

char *code_parse_json(const void *bytes, size_t size)
{
	return text_parse_json(bytes, size, "code");
}
