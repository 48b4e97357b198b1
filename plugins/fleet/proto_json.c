/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- Names and scalars ---- */

static void write_key(struct json *json, const char *name)
{
	_cleanup_buf_ struct buf camel = BUF_INIT;

	for (const char *c = name; *c; c++) {
		if (*c != '_')
			buf_add_char(&camel, *c);
		else if (c[1] >= 'a' && c[1] <= 'z')
			buf_add_char(&camel, (char)(*++c - 'a' + 'A'));
	}
	if (buf_error(&camel) < 0)
		json->out->error = buf_error(&camel);
	json_key(json, buf_str(&camel));
}

static void write_double(struct json *json, double value)
{
	if (isnan(value))
		json_string(json, "NaN");
	else if (isinf(value))
		json_string(json, value > 0 ? "Infinity" : "-Infinity");
	else
		json_double(json, value);
}

static void write_int64(struct json *json, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	json_string(json, text);
}

static void write_uint64(struct json *json, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_string(json, text);
}

static void write_enum(struct json *json, const ProtobufCEnumDescriptor *type, int value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);

	if (known)
		json_string(json, known->name);
	else
		json_int(json, value); /* of a later version of the contract */
}

static void write_bytes(struct json *json, const ProtobufCBinaryData *bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t left = bytes->len - i;
		uint32_t group = (uint32_t)bytes->data[i] << 16;

		if (left > 1)
			group |= (uint32_t)bytes->data[i + 1] << 8;
		if (left > 2)
			group |= bytes->data[i + 2];
		buf_add_char(&text, digits[group >> 18]);
		buf_add_char(&text, digits[group >> 12 & 63]);
		buf_add_char(&text, left > 1 ? digits[group >> 6 & 63] : '=');
		buf_add_char(&text, left > 2 ? digits[group & 63] : '=');
	}
	if (buf_error(&text) < 0)
		json->out->error = buf_error(&text);
	json_string_n(json, buf_str(&text), text.size);
}

/* ---- One value ---- */

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(double);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return sizeof(uint32_t);
	}
}

static void write_message(struct json *json, const ProtobufCMessage *message);

static void write_value(struct json *json, const ProtobufCFieldDescriptor *field, const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		json_int(json, *(const int32_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		json_uint(json, *(const uint32_t *)value);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		write_int64(json, *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		write_uint64(json, *(const uint64_t *)value);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		write_double(json, (double)*(const float *)value);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		write_double(json, *(const double *)value);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		json_bool(json, *(const protobuf_c_boolean *)value != 0);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		write_enum(json, field->descriptor, *(const int *)value);
		break;
	case PROTOBUF_C_TYPE_STRING:
		json_string(json, *(const char *const *)value);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(json, value);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		write_message(json, *(const ProtobufCMessage *const *)value);
		break;
	}
}

/* Whether the bits are all zero: -0.0 is not the default. */
static bool is_default(ProtobufCType type, const void *value)
{
	static const char zeros[sizeof(uint64_t)] = {0};
	const char *text;

	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)value;
		return str_empty(text);
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)value)->len == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(const void *const *)value == NULL;
	default:
		return memcmp(value, zeros, value_size(type)) == 0;
	}
}

/* ---- Fields ---- */

static bool is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	size_t length;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE || type->n_fields != 2)
		return false;
	length = strlen(type->name);
	return length >= 5 && streq(type->name + length - 5, "Entry") && streq(type->fields[0].name, "key") &&
		streq(type->fields[1].name, "value");
}

/* Keys of objects are strings, whatever the key's type. */
static void write_map_key(struct json *json, const ProtobufCFieldDescriptor *field, const void *value)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json key;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		json_key(json, *(const char *const *)value);
		return;
	}
	json_init(&key, &text);
	write_value(&key, field, value);
	if (buf_str(&text)[0] == '"') {
		text.data[text.size - 1] = '\0';
		json_key(json, text.data + 1);
	} else {
		json_key(json, buf_str(&text));
	}
}

static void write_map(struct json *json, const ProtobufCMessage *const *entries, size_t count)
{
	json_object_begin(json);
	for (size_t i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
		const char *entry = (const char *)entries[i];

		write_map_key(json, &fields[0], entry + fields[0].offset);
		write_value(json, &fields[1], entry + fields[1].offset);
	}
	json_object_end(json);
}

static void write_repeated(
	struct json *json, const ProtobufCFieldDescriptor *field, const char *values, size_t count)
{
	size_t size = value_size(field->type);

	json_array_begin(json);
	for (size_t i = 0; i < count; i++)
		write_value(json, field, values + i * size);
	json_array_end(json);
}

static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)message;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(base + field->quantifier_offset) > 0;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
		field->type != PROTOBUF_C_TYPE_MESSAGE)
		return *(const protobuf_c_boolean *)(base + field->quantifier_offset) != 0;
	return !is_default(field->type, base + field->offset);
}

static void write_field(
	struct json *json, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *value = (const char *)message + field->offset;
	size_t count;

	write_key(json, field->name);
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		write_value(json, field, value);
		return;
	}
	count = *(const size_t *)((const char *)message + field->quantifier_offset);
	if (is_map(field))
		write_map(json, *(const ProtobufCMessage *const *const *)(const void *)value, count);
	else
		write_repeated(json, field, *(const char *const *)(const void *)value, count);
}

/* As deep as the contract's messages nest, and none of them contains itself. */
static void write_message(struct json *json, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	json_object_begin(json);
	for (unsigned i = 0; i < type->n_fields; i++)
		if (is_present(message, &type->fields[i]))
			write_field(json, message, &type->fields[i]);
	json_object_end(json);
}

void proto_json_write(struct json *json, const ProtobufCMessage *message)
{
	write_message(json, message);
}
