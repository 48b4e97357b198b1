/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <time.h>

#define NAME_BYTES 200
#define NAMES_BYTES 1024
#define CHAIN_SHOWN 10

int facts_time(const ASN1_TIME *time, int64_t *ret_seconds)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return -EINVAL;
	*ret_seconds = timegm(&tm);
	return 0;
}

char *facts_date(char buffer[static 32], int64_t seconds)
{
	clock_format_utc(buffer, seconds * 1000, 0);
	buffer[strcspn(buffer, "T")] = '\0';
	return buffer;
}

/* What a memory BIO holds, cut to limit. */
static char *text_of(BIO *bio, size_t limit)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	size_t kept = utf8_cut(data, size > 0 ? (size_t)size : 0, limit);
	char *text = malloc(kept + 1);

	if (!text)
		return NULL;
	if (kept)
		memcpy(text, data, kept);
	text[kept] = '\0';
	utf8_repair(text, kept);
	return text;
}

char *facts_name(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned long flags =
		(XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | XN_FLAG_SEP_CPLUS_SPC;
	char *text = NULL;

	flags &= ~(unsigned long)(XN_FLAG_SEP_COMMA_PLUS & ~XN_FLAG_SEP_CPLUS_SPC);
	if (bio && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
		text = text_of(bio, NAME_BYTES);
	BIO_free(bio);
	if (text && !*text) {
		free(text);
		text = strdup("(no name)");
	}
	return text;
}

char *facts_hex(char buffer[static 65], const unsigned char *fingerprint)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < FACTS_FINGERPRINT_SIZE; i++) {
		buffer[2 * i] = digits[fingerprint[i] >> 4];
		buffer[2 * i + 1] = digits[fingerprint[i] & 15];
	}
	buffer[64] = '\0';
	return buffer;
}

char *facts_short(char buffer[static 24], const unsigned char *fingerprint)
{
	char all[65];

	facts_hex(all, fingerprint);
	memcpy(buffer, all, 16);
	buffer[16] = '\0';
	return buffer;
}

/* One name as text into out; kinds that say nothing about hosts are left out. */
static void add_name(struct buf *out, const GENERAL_NAME *name)
{
	char address[INET6_ADDRSTRLEN];
	const ASN1_STRING *text;
	int size;

	switch (name->type) {
	case GEN_DNS:
	case GEN_EMAIL:
	case GEN_URI:
		text = name->d.ia5;
		size = ASN1_STRING_length(text);
		buf_printf(out, "%s%s:", out->size ? ", " : "",
			name->type == GEN_DNS             ? "DNS"
				: name->type == GEN_EMAIL ? "email"
							  : "URI");
		for (int i = 0; i < size; i++) {
			unsigned char c = ASN1_STRING_get0_data(text)[i];

			buf_add_char(out, c >= 0x20 && c < 0x7f ? (char)c : '?');
		}
		return;
	case GEN_IPADD:
		size = ASN1_STRING_length(name->d.ip);
		if ((size == 4 || size == 16) &&
			inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.ip), address,
				sizeof(address)))
			buf_printf(out, "%sIP:%s", out->size ? ", " : "", address);
		return;
	default:
		return;
	}
}

static char *read_names(const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	struct buf out = BUF_INIT;
	char *text;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (out.size > NAMES_BYTES) {
			buf_printf(&out, ", and %d more", sk_GENERAL_NAME_num(names) - i);
			break;
		}
		add_name(&out, sk_GENERAL_NAME_value(names, i));
	}
	GENERAL_NAMES_free(names);
	if (!out.size)
		buf_add_str(&out, "");
	text = buf_take(&out);
	return text ? text : strdup("");
}

static char *read_serial(const X509 *leaf)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	char *hex = number && BN_num_bits(number) <= 512 ? BN_bn2hex(number) : NULL;
	char *text = hex ? strdup(hex) : NULL;

	OPENSSL_free(hex);
	BN_free(number);
	return text;
}

static char *read_key(X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	struct buf out = BUF_INIT;
	char group[64];
	size_t size;

	if (!key)
		return strdup("unreadable");
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
		EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1)
		buf_printf(&out, "EC %s", group);
	else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS)
		buf_printf(&out, "RSA %d", EVP_PKEY_get_bits(key));
	else
		buf_printf(
			&out, "%s", EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
	return buf_take(&out);
}

static void chain_entry(struct buf *out, X509 *certificate)
{
	_cleanup_free_ char *subject = facts_name(X509_get_subject_name(certificate));
	char date[32] = "?";
	int64_t end;

	if (facts_time(X509_get0_notAfter(certificate), &end) == 0)
		facts_date(date, end);
	buf_printf(out, "%s%s (until %s)", out->size ? " <- " : "", subject ? subject : "?", date);
}

static char *read_chain(X509 *leaf, STACK_OF(X509) * others)
{
	struct buf out = BUF_INIT;

	chain_entry(&out, leaf);
	for (int i = 0; i < sk_X509_num(others); i++) {
		if (i == CHAIN_SHOWN) {
			buf_printf(&out, " <- and %d more", sk_X509_num(others) - i);
			break;
		}
		if (sk_X509_value(others, i) != leaf)
			chain_entry(&out, sk_X509_value(others, i));
	}
	return buf_take(&out);
}

static int64_t earliest_end(int64_t earliest, STACK_OF(X509) * others)
{
	int64_t end;

	for (int i = 0; i < sk_X509_num(others); i++)
		if (facts_time(X509_get0_notAfter(sk_X509_value(others, i)), &end) == 0)
			earliest = MIN(earliest, end);
	return earliest;
}

void facts_read(X509 *leaf, STACK_OF(X509) * others, struct facts *ret_facts)
{
	struct facts facts = {.present = true};
	int nid = X509_get_signature_nid(leaf);
	unsigned size = sizeof(facts.fingerprint);

	if (X509_digest(leaf, EVP_sha256(), facts.fingerprint, &size) != 1)
		facts.present = false;
	if (facts_time(X509_get0_notBefore(leaf), &facts.not_before) < 0)
		facts.not_before = 0;
	if (facts_time(X509_get0_notAfter(leaf), &facts.not_after) < 0)
		facts.not_after = 0;
	facts.earliest_not_after = earliest_end(facts.not_after, others);
	facts.subject = facts_name(X509_get_subject_name(leaf));
	facts.issuer = facts_name(X509_get_issuer_name(leaf));
	facts.serial = read_serial(leaf);
	facts.names = read_names(leaf);
	facts.key = read_key(leaf);
	facts.signature = strdup(nid != NID_undef ? OBJ_nid2ln(nid) : "unknown");
	facts.chain = read_chain(leaf, others);
	*ret_facts = facts;
}

void facts_done(struct facts *facts)
{
	free(facts->subject);
	free(facts->issuer);
	free(facts->serial);
	free(facts->names);
	free(facts->key);
	free(facts->signature);
	free(facts->chain);
	*facts = (struct facts){0};
}
