/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"
#include "base/fd.h"

#include <ctype.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK ((size_t)128 << 10)
#define KEY_MAX_BYTES 65536
#define BASE64_BYTES 88 /* of a signature */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int digest_parse(const char *text, uint8_t ret_digest[static DIGEST_BYTES])
{
	const char *hex = startswith(text, "sha256:");
	uint8_t digest[DIGEST_BYTES];

	hex = hex ? hex : text;
	if (strlen(hex) != 2 * DIGEST_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_digest, digest, sizeof digest);
	return 0;
}

void digest_text(char buffer[static 2 * DIGEST_BYTES + 1], const uint8_t digest[static DIGEST_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		buffer[2 * i] = digits[digest[i] >> 4];
		buffer[2 * i + 1] = digits[digest[i] & 15];
	}
	buffer[2 * DIGEST_BYTES] = '\0';
}

static int add_all(int fd, EVP_MD_CTX *context, char *chunk, const struct patience *patience)
{
	off_t offset = 0;
	ssize_t n;

	while ((n = fd_pread_full(fd, chunk, CHUNK, offset)) > 0) {
		if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
			return -EIO;
		offset += n;
		if (patience_over(patience))
			return -ETIMEDOUT;
	}
	return (int)n;
}

int digest_file(int fd, uint8_t ret_digest[static DIGEST_BYTES], const struct patience *patience)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = -ENOMEM;

	if (chunk && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
		r = add_all(fd, context, chunk, patience);
	if (r == 0 && EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(context);
	return r;
}

/* ---- Signatures ---- */

int signature_parse(const void *bytes, size_t size, uint8_t ret_signature[static SIGNATURE_BYTES])
{
	uint8_t decoded[BASE64_BYTES / 4 * 3];
	const char *text = bytes;

	if (size == SIGNATURE_BYTES) {
		memcpy(ret_signature, bytes, SIGNATURE_BYTES);
		return 0;
	}
	while (size && isspace((unsigned char)*text)) {
		text++;
		size--;
	}
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	/* The last two bytes of what is decoded stand for "==". */
	if (size != BASE64_BYTES || text[size - 1] != '=' || text[size - 2] != '=' ||
		EVP_DecodeBlock(decoded, (const uint8_t *)text, (int)size) != (int)sizeof decoded)
		return -EINVAL;
	memcpy(ret_signature, decoded, SIGNATURE_BYTES);
	return 0;
}

static EVP_PKEY *read_key(const char *path, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	EVP_PKEY *key = NULL;
	BIO *bio;
	int r = file_read(AT_FDCWD, path, KEY_MAX_BYTES, &text);

	if (r < 0) {
		error_set(error, r, "%s: %s", path, strerror(-r));
		return NULL;
	}
	bio = BIO_new_mem_buf(buf_str(&text), (int)text.size);
	if (bio)
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		return key;
	EVP_PKEY_free(key);
	error_set(error, -EINVAL,
		"%s is no public key for Ed25519 in PEM (openssl pkey -in KEY -pubout makes one)", path);
	return NULL;
}

static int verify(EVP_PKEY *key, const uint8_t *signature, const void *bytes, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int r = -ENOMEM;

	if (context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1)
		r = EVP_DigestVerify(context, signature, SIGNATURE_BYTES, bytes, size) == 1 ? 0 : -EBADMSG;
	EVP_MD_CTX_free(context);
	return r;
}

int signature_verify(
	int fd, const uint8_t signature[static SIGNATURE_BYTES], const char *key_path, struct error *error)
{
	EVP_PKEY *key = read_key(key_path, error);
	struct stat st;
	void *bytes;
	int r;

	if (!key)
		return -EINVAL;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	/* Ed25519 wants all of it at once. */
	bytes = r == 0 && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
					 : NULL;
	if (bytes == MAP_FAILED)
		r = -errno;
	if (r == 0)
		r = verify(key, signature, bytes ? bytes : "", (size_t)st.st_size);
	if (bytes && bytes != MAP_FAILED)
		munmap(bytes, (size_t)st.st_size);
	EVP_PKEY_free(key);
	return r;
}
