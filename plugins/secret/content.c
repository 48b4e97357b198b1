/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"
#include "formats.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>

#define NESTING_MAX 64
#define NAME_SIZE 128
#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"

enum content_form content_form_of(const char *word)
{
	static const char *const words[] = {"none", "pem_key", "pem_cert", "json", "env"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i], word))
			return (enum content_form)i;
	return CONTENT_ANY;
}

/* ---- PEM ---- */

static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
	bool *asked = userdata;

	(void)buffer;
	(void)size;
	(void)writing;
	*asked = true;
	return -1;
}

/* OpenSSL does not know the form of OpenSSH: its frame and its magic must do. */
static bool is_openssh_key(const char *text, size_t size)
{
	static const char magic[] = "openssh-key-v1";
	const char *begin = memmem(text, size, OPENSSH_BEGIN, sizeof(OPENSSH_BEGIN) - 1);
	const char *stop = memmem(text, size, "-----END OPENSSH PRIVATE KEY-----", 33);
	unsigned char base64[24], bytes[24];
	size_t count = 0;

	if (!begin || !stop)
		return false;
	for (begin += sizeof(OPENSSH_BEGIN) - 1; begin < stop && count < sizeof(base64); begin++)
		if (!isspace((unsigned char)*begin))
			base64[count++] = (unsigned char)*begin;
	return count == sizeof(base64) && EVP_DecodeBlock(bytes, base64, sizeof(base64)) > 0 &&
		memcmp(bytes, magic, sizeof(magic)) == 0;
}

static int check_key(const char *text, size_t size, char *ret_why)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	bool locked = false;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &locked) : NULL;
	bool good = key || locked || is_openssh_key(text, size);

	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	if (!good)
		snprintf(ret_why, 96, "there is no private key in PEM in it");
	return good ? 0 : -EBADMSG;
}

static int check_certificate(const char *text, size_t size, char *ret_why)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	bool good = certificate != NULL;

	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	if (!good)
		snprintf(ret_why, 96, "there is no certificate in PEM in it");
	return good ? 0 : -EBADMSG;
}

/* ---- JSON ---- */

static json_t *parse_json(const char *text, size_t size, json_error_t *error)
{
	return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

static int check_json(const char *text, size_t size, char *ret_why)
{
	json_error_t error = {.line = 0};
	json_t *root = parse_json(text, size, &error);
	bool good = json_is_object(root) || json_is_array(root);

	json_decref(root);
	/* Its message quotes the text: the line alone is told. */
	if (!good && root)
		snprintf(ret_why, 96, "it is neither an object nor an array in JSON");
	else if (!good)
		snprintf(ret_why, 96, "line %d is no JSON", error.line);
	return good ? 0 : -EBADMSG;
}

struct visitor {
	content_visit visit;
	void *userdata;
};

static void visit_json(const struct visitor *visitor, const char *name, json_t *value, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (depth == NESTING_MAX)
		return;
	if (json_is_string(value) && name && format_name_tells(name, strlen(name)))
		visitor->visit(visitor->userdata, name, json_string_value(value), json_string_length(value));
	json_object_foreach(value, key, member) visit_json(visitor, key, member, depth + 1);
	json_array_foreach(value, i, member) visit_json(visitor, name, member, depth + 1);
}

/* ---- NAME=value ---- */

struct variable {
	const char *name;
	size_t name_size;
	const char *value;
	size_t value_size;
};

static bool is_name(const char *text, size_t size)
{
	if (size == 0 || isdigit((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	return true;
}

static void trim(const char **text, size_t *size)
{
	while (*size && isspace((unsigned char)**text))
		(*text)++, (*size)--;
	while (*size && isspace((unsigned char)(*text)[*size - 1]))
		(*size)--;
}

/* 1: a variable; 0: empty or a comment; -EBADMSG. */
static int parse_line(const char *line, size_t size, struct variable *ret_variable)
{
	const char *equals;
	struct variable it;

	trim(&line, &size);
	if (size == 0 || *line == '#' || *line == ';')
		return 0;
	if (size > 7 && memcmp(line, "export ", 7) == 0)
		line += 7, size -= 7;
	equals = memchr(line, '=', size);
	if (!equals)
		return -EBADMSG;
	it = (struct variable){line, (size_t)(equals - line), equals + 1, (size_t)(line + size - equals - 1)};
	trim(&it.name, &it.name_size);
	trim(&it.value, &it.value_size);
	if (!is_name(it.name, it.name_size))
		return -EBADMSG;
	if (it.value_size && (*it.value == '"' || *it.value == '\'')) {
		if (it.value_size < 2 || it.value[it.value_size - 1] != *it.value)
			return -EBADMSG;
		it.value++;
		it.value_size -= 2;
	}
	*ret_variable = it;
	return 1;
}

static int walk_variables(
	const char *text, size_t size, const struct visitor *visitor, unsigned *ret_count, unsigned *ret_line)
{
	const char *p = text, *end = text + size;
	int r = 0;

	*ret_count = *ret_line = 0;
	while (r >= 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct variable it;
		char name[NAME_SIZE];

		r = parse_line(p, (size_t)((newline ? newline : end) - p), &it);
		*ret_line += 1;
		*ret_count += r > 0;
		if (r > 0 && visitor && format_name_tells(it.name, it.name_size)) {
			snprintf(name, sizeof(name), "%.*s", (int)MIN(it.name_size, sizeof(name) - 1),
				it.name);
			visitor->visit(visitor->userdata, name, it.value, it.value_size);
		}
		p = newline ? newline + 1 : end;
	}
	return MIN(r, 0);
}

static int check_variables(const char *text, size_t size, char *ret_why)
{
	unsigned count, line;
	int r = walk_variables(text, size, NULL, &count, &line);

	if (r < 0)
		snprintf(ret_why, 96, "line %u is no NAME=value", line);
	else if (count == 0)
		snprintf(ret_why, 96, "no variable is set in it");
	return r < 0 || count == 0 ? -EBADMSG : 0;
}

/* ---- All forms ---- */

int content_check(enum content_form form, const char *text, size_t size, char ret_why[static 96])
{
	switch (form) {
	case CONTENT_PEM_KEY:
		return check_key(text, size, ret_why);
	case CONTENT_PEM_CERT:
		return check_certificate(text, size, ret_why);
	case CONTENT_JSON:
		return check_json(text, size, ret_why);
	case CONTENT_ENV:
		return check_variables(text, size, ret_why);
	default:
		return 0;
	}
}

int content_values(enum content_form form, const char *text, size_t size, content_visit visit, void *userdata)
{
	struct visitor visitor = {visit, userdata};
	unsigned count, line;
	json_error_t error;
	json_t *root;

	switch (form) {
	case CONTENT_PEM_CERT:
		return 0; /* public */
	case CONTENT_JSON:
		root = parse_json(text, size, &error);
		if (!root)
			return -ENOMEM;
		visit_json(&visitor, NULL, root, 0);
		json_decref(root);
		return 0;
	case CONTENT_ENV:
		return walk_variables(text, size, &visitor, &count, &line);
	default:
		trim(&text, &size);
		visit(userdata, NULL, text, size);
		return 0;
	}
}
