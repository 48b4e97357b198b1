/* SPDX-License-Identifier: Apache-2.0 */
#include "kubeconfig.h"
#include "pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <yaml.h>

/* Events are taken one by one and aliases are not followed, so a small file stays small. */
#define DEPTH_MAX 32
#define EVENTS_MAX 100000
#define VALUE_MAX (256u * 1024)

static const char ca_data[] = "certificate-authority-data";
static const char client_data[] = "client-certificate-data";
static const char key_data[] = "client-key-data";

struct reading {
	struct bundle *bundle;
	const struct bundle_secrets *secrets;
	bool is_map[DEPTH_MAX]; /* of each open collection */
	bool wants_value[DEPTH_MAX]; /* of a map: a key was read */
	unsigned depth;
	unsigned entry; /* counts the entries of the lists at the top */
	char key[64]; /* the last key */
	bool refers; /* to a file */
};

bool kubeconfig_is(const char *text, size_t size)
{
	return memmem(text, size, "certificate-authority", 21) ||
		memmem(text, size, "client-certificate", 18);
}

/* Base64 without what stands between its characters; the result, or a negative errno. */
static int decode_clean(const char *clean, size_t size, struct buf *out)
{
	size_t padding = 0;
	int decoded;

	while (padding < 2 && padding < size && clean[size - 1 - padding] == '=')
		padding++;
	if (!buf_extend(out, size + 4))
		return -ENOMEM;
	decoded = EVP_DecodeBlock(
		(unsigned char *)out->data + out->size, (const unsigned char *)clean, (int)size);
	if (decoded <= (int)padding)
		return -EBADMSG;
	out->size += (size_t)decoded - padding;
	return 0;
}

static int decode(const char *text, size_t size, struct buf *out)
{
	char *clean = size <= VALUE_MAX ? malloc(size + 1) : NULL;
	size_t kept = 0;
	int r;

	if (!clean)
		return size > VALUE_MAX ? -E2BIG : -ENOMEM;
	for (size_t i = 0; i < size; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			clean[kept++] = text[i];
	r = decode_clean(clean, kept, out);
	explicit_bzero(clean, size + 1);
	free(clean);
	return r;
}

static void label_new(struct reading *reading, size_t count, size_t key_count, bool is_authority)
{
	for (size_t i = count; i < reading->bundle->count; i++) {
		struct bundle_certificate *certificate = &reading->bundle->certificates[i];
		char label[96];

		snprintf(label, sizeof(label), "%s-%u",
			is_authority ? "certificate-authority" : "client-certificate", reading->entry);
		certificate->entry = reading->entry;
		certificate->is_authority = is_authority;
		certificate->label = strdup(label);
	}
	for (size_t i = key_count; i < reading->bundle->key_count; i++)
		reading->bundle->keys[i].entry = reading->entry;
}

static int take_data(struct reading *reading, const char *text, size_t size)
{
	struct buf content = BUF_INIT;
	size_t count = reading->bundle->count, keys = reading->bundle->key_count;
	int r = decode(text, size, &content);

	if (r == 0)
		r = pem_read(content.data, content.size, reading->secrets, reading->bundle);
	else if (r != -ENOMEM)
		r = bundle_broken(reading->bundle, "write the file anew", "%s is not base64", reading->key);
	if (content.data)
		explicit_bzero(content.data, content.room);
	buf_done(&content);
	if (r == 0 && reading->bundle->count == count && reading->bundle->key_count == keys)
		r = bundle_broken(reading->bundle, "write the file anew", "%s holds nothing that can be read",
			reading->key);
	label_new(reading, count, keys, streq(reading->key, ca_data));
	ERR_clear_error();
	return r == -ENOMEM ? r : 0;
}

static int take_value(struct reading *reading, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;

	if (size == 0)
		return 0;
	if (streq(reading->key, ca_data) || streq(reading->key, client_data) || streq(reading->key, key_data))
		return take_data(reading, text, size);
	if (streq(reading->key, "certificate-authority") || streq(reading->key, "client-certificate"))
		reading->refers = true;
	return 0;
}

static int take_scalar(struct reading *reading, const yaml_event_t *event)
{
	unsigned top = reading->depth - 1;

	if (reading->depth == 0 || !reading->is_map[top])
		return 0;
	reading->wants_value[top] = !reading->wants_value[top];
	if (!reading->wants_value[top])
		return take_value(reading, event);
	snprintf(reading->key, sizeof(reading->key), "%s", (const char *)event->data.scalar.value);
	return 0;
}

static int begin(struct reading *reading, bool is_map)
{
	if (reading->depth == DEPTH_MAX)
		return bundle_broken(reading->bundle, NULL, "is nested too deeply");
	if (is_map && reading->depth == 2) /* clusters: - … */
		reading->entry++;
	reading->is_map[reading->depth] = is_map;
	reading->wants_value[reading->depth++] = false;
	return 0;
}

static void end(struct reading *reading)
{
	if (reading->depth)
		reading->depth--;
	if (reading->depth && reading->is_map[reading->depth - 1])
		reading->wants_value[reading->depth - 1] = false;
}

/* 1: go on, 0: the end. */
static int take_event(struct reading *reading, const yaml_event_t *event)
{
	int r = 0;

	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		return 0;
	case YAML_SCALAR_EVENT:
		r = take_scalar(reading, event);
		break;
	case YAML_ALIAS_EVENT:
		if (reading->depth && reading->is_map[reading->depth - 1])
			reading->wants_value[reading->depth - 1] = !reading->wants_value[reading->depth - 1];
		break;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		r = begin(reading, event->type == YAML_MAPPING_START_EVENT);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		end(reading);
		break;
	default:
		break;
	}
	return r < 0 ? r : 1;
}

static int next_event(yaml_parser_t *parser, struct reading *reading)
{
	yaml_event_t event;
	int r;

	if (!yaml_parser_parse(parser, &event))
		return parser->error == YAML_MEMORY_ERROR
			? -ENOMEM
			: bundle_broken(reading->bundle, "correct the file", "line %zu is not YAML",
				  parser->problem_mark.line + 1);
	r = take_event(reading, &event);
	yaml_event_delete(&event);
	return r;
}

int kubeconfig_read(
	const char *text, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	struct reading reading = {.bundle = bundle, .secrets = secrets};
	yaml_parser_t parser;
	int r = 1;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	for (unsigned i = 0; r > 0; i++)
		r = i < EVENTS_MAX ? next_event(&parser, &reading)
				   : bundle_broken(bundle, NULL, "has too many entries");
	yaml_parser_delete(&parser);
	bundle->form = "kubeconfig";
	if (reading.refers)
		findings_add(&bundle->findings, bundle->count ? GAVEA_OK : GAVEA_UNKNOWN, 0,
			"name those in files too",
			"refers to certificates in other files, which were not looked at");
	return r == -ENOMEM ? r : 0;
}
