/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: lib/kit
/*
 * What a hostile server may answer to an agent that enrols, and what may stand in an identity file. The first byte chooses.
 * What is shown of it is one bounded line of UTF-8.
 */
#include "base/utf8.h"
#include "kit/credential.h"
#include "kit/enroll_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_answer(const struct buf *text)
{
	_cleanup_(enroll_answer_done) struct enroll_answer answer = ENROLL_ANSWER_INIT;

	if (enroll_answer_parse(text->data, text->size, &answer) == 0 && (!answer.certificate || !answer.ca))
		__builtin_trap();
}

static void try_refusal(const struct buf *text)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;
	char code[48];

	enroll_refusal_parse(text->data, text->size, &shown, code, sizeof code);
	if (!utf8_valid(buf_str(&shown), shown.size) || shown.size > 600 || strlen(code) >= sizeof code)
		__builtin_trap();
	for (size_t i = 0; i < shown.size; i++)
		if ((unsigned char)shown.data[i] < ' ')
			__builtin_trap();
}

static void try_file(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf authority = BUF_INIT;
	char fingerprint[CREDENTIAL_FINGERPRINT_SIZE];
	struct own_credential credential;

	if (credential_read(text, &credential, &error) == 0 &&
		(strlen(credential.agent_id) != 32 || strlen(credential.machine_id) != 32))
		__builtin_trap();
	(void)credential_fingerprint(text, fingerprint);
	credential_add_authority(text, &authority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (size == 0)
		return 0;
	buf_add(&text, data + 1, size - 1);
	if (size == 1)
		buf_add(&text, "", 0);
	switch (data[0] % 3) {
	case 0:
		try_answer(&text);
		break;
	case 1:
		try_refusal(&text);
		break;
	default:
		try_file(buf_str(&text));
	}
	return 0;
}
