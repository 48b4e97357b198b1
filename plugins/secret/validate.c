/* SPDX-License-Identifier: Apache-2.0 */
#include "validate.h"

#include "base/util.h"

#include <ctype.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <strings.h>
#include <zlib.h>

#define CRC_TAIL 6
#define BECH32_MAX 90
#define RANDOM_MIN 8 /* characters that tell whether they are */
#define REST_MAX 256

double entropy_bits(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	unsigned counts[256] = {0};
	double bits = 0;

	for (size_t i = 0; i < size; i++)
		counts[p[i]]++;
	for (size_t i = 0; i < 256; i++)
		if (counts[i])
			bits -= counts[i] * log2((double)counts[i] / (double)size);
	return size ? bits / (double)size : 0;
}

static size_t distinct(const char *value, size_t size)
{
	bool seen[256] = {false};
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		count += !seen[(unsigned char)value[i]];
		seen[(unsigned char)value[i]] = true;
	}
	return count;
}

static bool is_one_of(const char *const *words, size_t count, const char *value, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i]) == size && strncasecmp(value, words[i], size) == 0)
			return true;
	return false;
}

/* What people type is of one kind of characters; what was made at random is not. */
static bool is_random(const char *value, size_t size)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < size; i++) {
		digits += isdigit((unsigned char)value[i]) != 0;
		letters += isalpha((unsigned char)value[i]) != 0;
	}
	return size >= RANDOM_MIN && digits && letters && distinct(value, size) >= 5;
}

/* How long what stands here is, that says "not the real one"; 0: it says nothing. */
static size_t marker_size(const char *value, size_t size)
{
	static const char *const words[] = {"changeme", "change_me", "change-me", "changeit", "change_this",
		"example", "placeholder", "replaceme", "replace", "redacted", "insert", "dummy", "sample",
		"todo", "fixme", "your_", "your-"};
	static const char *const templates[][2] = {
		{"${", "}"}, {"{{", "}}"}, {"$(", ")"}, {"%(", ")"}, {"<", ">"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) <= size && strncasecmp(value, words[i], strlen(words[i])) == 0)
			return strlen(words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		const char *end = size > 2 && memcmp(value, templates[i][0], strlen(templates[i][0])) == 0
			? memmem(value, size, templates[i][1], strlen(templates[i][1]))
			: NULL;

		if (end && (*value != '<' || !is_random(value + 1, (size_t)(end - value - 1))))
			return (size_t)(end - value) + strlen(templates[i][1]);
	}
	for (size_t run = 0; run < size && (value[run] == value[0]); run++)
		if (run == 3 && strchr("xX*.", value[0]))
			return 4;
	return 0;
}

/* Words that often stand beside such a mark, and separators. */
static size_t filler_size(const char *value, size_t size)
{
	static const char *const words[] = {"password", "passwd", "secret", "token", "value", "here", "this",
		"your", "with", "key", "api", "the", "my", "me", "in", "to"};

	if (strchr("_-.*:/ \t\"'", *value))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) <= size && strncasecmp(value, words[i], strlen(words[i])) == 0)
			return strlen(words[i]);
	return 0;
}

/* A mark within a real secret does not make it a placeholder: what is left besides the marks decides. */
static bool is_marked(const char *value, size_t size)
{
	char rest[REST_MAX];
	size_t left = 0;
	bool marked = false;

	for (size_t i = 0; i < size;) {
		size_t step = marker_size(value + i, size - i);

		marked |= step > 0;
		if (!step)
			step = filler_size(value + i, size - i);
		if (step) {
			i += step;
			continue;
		}
		if (left < sizeof(rest))
			rest[left++] = value[i];
		i++;
	}
	marked = marked && !is_random(rest, left);
	explicit_bzero(rest, left);
	return marked;
}

static bool ends_with(const char *value, size_t size, const char *end)
{
	return size >= strlen(end) && memcmp(value + size - strlen(end), end, strlen(end)) == 0;
}

bool is_placeholder(const char *value, size_t size)
{
	static const char *const whole[] = {"password", "passwd", "passw0rd", "p@ssw0rd", "pass", "secret",
		"token", "admin", "root", "toor", "test", "none", "null", "nil", "true", "false", "undefined",
		"default", "postgres", "mysql", "guest", "user", "letmein", "qwerty", "welcome", "welcome1",
		"iloveyou", "abc123", "monkey", "dragon", "111111", "12345", "123456", "1234567", "12345678",
		"123456789", "1234567890", "password1", "password123", "secret123", "admin123", "hunter2",
		"s3cr3t", "foobar", "foo", "bar", "xxx", "tbd", "todo"};

	while (size && isspace((unsigned char)value[size - 1]))
		size--;
	/* AWS ends those of its documentation so. */
	return is_one_of(whole, ARRAY_SIZE(whole), value, size) || ends_with(value, size, "EXAMPLE") ||
		ends_with(value, size, "EXAMPLEKEY") || (size > 0 && distinct(value, size) == 1) ||
		is_marked(value, size);
}

/* The last six characters of a token of GitHub or npm are the CRC-32 of the random ones before, in base 62. */
static bool crc32_base62_holds(const char *value, size_t size)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *random = memrchr(value, '_', size);
	unsigned long crc;

	if (!random || (size_t)(value + size - ++random) <= CRC_TAIL)
		return false;
	crc = crc32(0, (const unsigned char *)random, (unsigned)(value + size - random - CRC_TAIL));
	for (size_t i = 1; i <= CRC_TAIL; i++, crc /= 62)
		if (value[size - i] != digits[crc % 62])
			return false;
	return true;
}

static uint32_t bech32_step(uint32_t sum, uint32_t digit)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ digit;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

/* BIP 173. */
static bool bech32_holds(const char *value, size_t size)
{
	static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	const char *separator = memrchr(value, '1', size);
	uint32_t sum = 1;

	if (!separator || size > BECH32_MAX)
		return false;
	for (const char *p = value; p < separator; p++)
		sum = bech32_step(sum, (uint32_t)tolower((unsigned char)*p) >> 5);
	sum = bech32_step(sum, 0);
	for (const char *p = value; p < separator; p++)
		sum = bech32_step(sum, (uint32_t)tolower((unsigned char)*p) & 31);
	for (const char *p = separator + 1; p < value + size; p++) {
		const char *at = strchr(digits, tolower((unsigned char)*p));

		if (!at || !*at)
			return false;
		sum = bech32_step(sum, (uint32_t)(at - digits));
	}
	return sum == 1;
}

/* The new form of OpenSSH says inside of its base64 whether there is a passphrase. */
static bool openssh_is_plain(const char *body, size_t size)
{
	static const char magic[] = "openssh-key-v1"; /* and its NUL */
	static const char none[] = {0, 0, 0, 4, 'n', 'o', 'n', 'e'};
	char text[64];
	unsigned char bytes[48];
	size_t count = 0;

	for (size_t i = 0; i < size && count < sizeof(text); i++)
		if (!isspace((unsigned char)body[i]) && body[i] != '\\')
			text[count++] = body[i];
	if (count < sizeof(text) || EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)count) < 0)
		return false;
	return memcmp(bytes, magic, sizeof(magic)) == 0 &&
		memcmp(bytes + sizeof(magic), none, sizeof(none)) == 0;
}

static bool private_key_is_plain(const char *rest, size_t size)
{
	const char *body = memmem(rest, MIN(size, (size_t)128), "KEY-----", 8);
	size_t left, base64 = 0;

	if (!body || memmem(rest, (size_t)(body - rest), "ENCRYPTED", 9))
		return false;
	body += 8;
	left = MIN((size_t)(rest + size - body), (size_t)400);
	/* In a string of a program a line ends with the two characters of an escape. */
	while (left &&
		(isspace((unsigned char)*body) || *body == '\\' || (body[-1] == '\\' && strchr("nr", *body))))
		body++, left--;
	if (memmem(rest, (size_t)(body - rest), "OPENSSH", 7))
		return openssh_is_plain(body, left);
	if (memmem(body, MIN(left, (size_t)80), "ENCRYPTED", 9))
		return false;
	while (base64 < left && (isalnum((unsigned char)body[base64]) || strchr("+/", body[base64])))
		base64++;
	return base64 >= 16;
}

enum verdict validate(
	const struct rule *rule, const char *value, size_t size, const char *rest, size_t rest_size)
{
	if (size < rule->length_min || size > rule->length_max)
		return VERDICT_NO;
	for (size_t i = 0; rule->alphabet && i < size; i++)
		if (!value[i] || !strchr(rule->alphabet, value[i]))
			return VERDICT_NO;
	if (rule->entropy > 0 && entropy_bits(value, size) < rule->entropy)
		return VERDICT_NO;
	if (rule->check == RULE_CHECK_PRIVATE_KEY)
		return private_key_is_plain(rest, rest_size) ? VERDICT_YES : VERDICT_NO;
	if (rule->generic ? is_placeholder(value, size)
			  : ends_with(value, size, "EXAMPLE") || ends_with(value, size, "EXAMPLEKEY"))
		return VERDICT_NO;
	if (rule->check == RULE_CHECK_CRC32_BASE62 && !crc32_base62_holds(value, size))
		return VERDICT_DOUBTFUL;
	if (rule->check == RULE_CHECK_BECH32 && !bech32_holds(value, size))
		return VERDICT_DOUBTFUL;
	return VERDICT_YES;
}
