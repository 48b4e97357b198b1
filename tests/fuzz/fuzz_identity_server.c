/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: fleet
/*
 * What strangers send to the server before it knows who they are: tokens, Authorization headers, bodies, requests for
 * certificates. The first byte chooses which; nothing that comes may be taken for a token of ours, or for a good request,
 * unless it really is.
 */
#include "fleet/identity/authority.h"
#include "fleet/identity/secret.h"
#include "fleet/identity_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(const char *text)
{
	uint8_t hash[SECRET_HASH_SIZE];

	if (secret_hash(text, hash) && !startswith(text, "gavea_"))
		__builtin_trap();
}

static void try_header(const char *text)
{
	_cleanup_secret_ struct buf secret = BUF_INIT;

	if (secret_from_header(text, &secret) && strlen(buf_str(&secret)) != secret.size)
		__builtin_trap();
}

static void try_body(const struct buf *text)
{
	static const char *const keys[] = {"agent_id", "machine_id", "name", "csr", "uses"};
	_cleanup_(body_freep) struct body *body = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;

	if (body_parse(buf_str(text), text->size, &body, &error) < 0) {
		if (!error.message)
			__builtin_trap();
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (body_text(body, keys[i]) && body_number(body, keys[i]) != 0)
			__builtin_trap();
}

static void try_request(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	uint8_t hash[32];

	if (authority_judge_request(text, hash, &error) < 0 && !error.message)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (size == 0)
		return 0;
	buf_add(&text, data + 1, size - 1);
	switch (data[0] & 3) {
	case 0:
		try_token(buf_str(&text));
		break;
	case 1:
		try_header(buf_str(&text));
		break;
	case 2:
		try_body(&text);
		break;
	default:
		try_request(buf_str(&text));
	}
	return 0;
}
