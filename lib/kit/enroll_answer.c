/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/enroll_answer.h"

#include "base/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define TEXT_MAX 300 /* of the server's words that we repeat */

void enroll_answer_done(struct enroll_answer *answer)
{
	free(answer->certificate);
	free(answer->ca);
	*answer = (struct enroll_answer)ENROLL_ANSWER_INIT;
}

int enroll_answer_parse(const void *bytes, size_t size, struct enroll_answer *ret_answer)
{
	json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	const char *certificate = json_string_value(json_object_get(root, "certificate"));
	const char *ca = json_string_value(json_object_get(root, "ca"));
	const json_t *time = json_object_get(root, "server_time_ms");
	struct enroll_answer answer = ENROLL_ANSWER_INIT;
	int r = certificate && ca && json_is_integer(time) ? 0 : -EBADMSG;

	if (r == 0) {
		answer.certificate = strdup(certificate);
		answer.ca = strdup(ca);
		answer.server_time_ms = json_integer_value(time);
		r = answer.certificate && answer.ca ? 0 : -ENOMEM;
	}
	json_decref(root);
	if (r < 0)
		enroll_answer_done(&answer);
	else
		*ret_answer = answer;
	return r;
}

/* One line of valid UTF-8, and not too much of it. */
static void add_presentable(const char *words, struct buf *out)
{
	char text[TEXT_MAX + 1];

	snprintf(text, sizeof text, "%s", words);
	text[utf8_cut(text, strlen(text), TEXT_MAX)] = '\0';
	utf8_repair(text, strlen(text));
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	buf_add_str(out, text);
}

static const char *advice(const char *code)
{
	static const struct {
		const char *code, *text;
	} all[] = {
		{"token-expired", "make a new one on the server: gavea-fleetd token create --role enroll"},
		{"token-used", "make a new one on the server: gavea-fleetd token create --role enroll"},
		{"token-revoked", "make a new one on the server: gavea-fleetd token create --role enroll"},
		{"token-unknown", "was it made on this server?"},
		{"scope", "make one on the server: gavea-fleetd token create --role enroll"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (streq(all[i].code, code))
			return all[i].text;
	return NULL;
}

void enroll_refusal_parse(const void *bytes, size_t size, struct buf *text, char *code, size_t code_size)
{
	json_t *root = json_loadb(bytes, size, 0, NULL);
	const char *error = json_string_value(json_object_get(root, "error"));
	const char *word = json_string_value(json_object_get(root, "code")), *more;

	code[0] = 0;
	if (word && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word))
		snprintf(code, code_size, "%s", word);
	if (error)
		add_presentable(error, text);
	more = advice(code);
	if (more)
		buf_printf(text, "; %s", more);
	json_decref(root);
}
