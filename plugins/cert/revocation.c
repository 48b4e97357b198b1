/* SPDX-License-Identifier: Apache-2.0 */
#include "revocation.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define STAPLE_MAX 65536
#define CLOCK_SKEW 300 /* seconds that the clock of the responder may be ahead */

static const char replace[] = "replace certificate and key";

/* ---- Lists ---- */

static bool has_passed(const ASN1_TIME *time, int64_t now)
{
	int64_t seconds;

	return !time || facts_time(time, &seconds) < 0 || seconds < now;
}

static bool is_signed_by(X509_CRL *list, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_CRL_verify(list, key) == 1;
}

enum {
	LIST_NONE,
	LIST_CLEAR,
	LIST_OLD,
	LIST_BAD,
	LIST_REVOKED,
};

static int look_up(X509 *certificate, X509 *issuer, STACK_OF(X509_CRL) * lists, int64_t now)
{
	int found = LIST_NONE;

	for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
		X509_CRL *list = sk_X509_CRL_value(lists, i);
		X509_REVOKED *entry;

		if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) != 0)
			continue;
		if (!is_signed_by(list, issuer)) {
			found = MAX(found, LIST_BAD);
			continue;
		}
		/* 2: it was taken off the list again */
		if (X509_CRL_get0_by_cert(list, &entry, certificate) == 1)
			return LIST_REVOKED;
		found = MAX(found, has_passed(X509_CRL_get0_nextUpdate(list), now) ? LIST_OLD : LIST_CLEAR);
	}
	ERR_clear_error();
	return found;
}

void revocation_by_lists(
	const struct chain *chain, STACK_OF(X509_CRL) * lists, int64_t now, struct findings *findings)
{
	int count = sk_X509_num(chain->path);

	for (int i = 0; i + 1 < count; i++) {
		X509 *certificate = sk_X509_value(chain->path, i);
		_cleanup_free_ char *subject = facts_name(X509_get_subject_name(certificate));
		_cleanup_free_ char *issuer = facts_name(X509_get_issuer_name(certificate));
		const char *name = subject ? subject : "?", *by = issuer ? issuer : "?";

		switch (look_up(certificate, sk_X509_value(chain->path, i + 1), lists, now)) {
		case LIST_REVOKED:
			findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, replace,
				"%s is revoked by the CRL of %s", name, by);
			break;
		case LIST_OLD:
			findings_add(findings, GAVEA_UNKNOWN, 0, "fetch the current one",
				"the CRL of %s is out of date", by);
			break;
		case LIST_BAD:
			findings_add(findings, GAVEA_UNKNOWN, 0, "fetch it anew",
				"the CRL of %s is not signed by it", by);
			break;
		case LIST_NONE:
			if (i == 0) /* those of the authorities are rarely had */
				findings_add(findings, GAVEA_UNKNOWN, 0, "add it to crl",
					"there is no CRL of %s", by);
			break;
		default:
			break;
		}
	}
	if (count == 1 && !(X509_get_extension_flags(sk_X509_value(chain->path, 0)) & EXFLAG_SS))
		findings_add(findings, GAVEA_UNKNOWN, 0, NULL, "without its issuer no CRL can be judged");
}

/* ---- Stapled answers ---- */

static bool names_responder(X509 *leaf)
{
	STACK_OF(OPENSSL_STRING) *addresses = X509_get1_ocsp(leaf);
	bool some = sk_OPENSSL_STRING_num(addresses) > 0;

	X509_email_free(addresses);
	return some;
}

/* The extension by which a certificate demands stapling (RFC 7633). */
static bool must_staple(X509 *leaf)
{
	TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == 5;
	TLS_FEATURE_free(features);
	return found;
}

static void judge_none(X509 *leaf, enum ocsp_mode mode, struct verdict *verdict)
{
	if (must_staple(leaf)) {
		snprintf(
			verdict->ocsp, sizeof(verdict->ocsp), "none stapled, but the certificate demands it");
		findings_add(&verdict->findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"switch OCSP stapling on in the server",
			"the certificate demands a stapled OCSP answer (must-staple), and the server sends "
			"none");
	} else if (!names_responder(leaf)) {
		snprintf(verdict->ocsp, sizeof(verdict->ocsp), "n/a: the certificate names no responder");
	} else {
		snprintf(verdict->ocsp, sizeof(verdict->ocsp), "none stapled");
		if (mode == OCSP_REQUIRE)
			findings_add(&verdict->findings, GAVEA_CRITICAL, 0,
				"switch OCSP stapling on in the server", "the server staples no OCSP answer");
	}
}

static void bad_staple(struct verdict *verdict, const char *why)
{
	snprintf(verdict->ocsp, sizeof(verdict->ocsp), "stapled, but %s", why);
	findings_add(&verdict->findings, GAVEA_WARNING, 0,
		"look at the server's OCSP cache and its way to the responder", "the stapled OCSP answer %s",
		why);
}

static void judge_status(int status, int reason, struct verdict *verdict)
{
	if (status == V_OCSP_CERTSTATUS_GOOD) {
		snprintf(verdict->ocsp, sizeof(verdict->ocsp), "stapled: good");
	} else if (status == V_OCSP_CERTSTATUS_REVOKED) {
		snprintf(verdict->ocsp, sizeof(verdict->ocsp), "stapled: revoked");
		findings_add(&verdict->findings, GAVEA_CRITICAL, FINDING_BREAKS, replace,
			"the stapled OCSP answer says that the certificate is revoked%s%s",
			reason >= 0 ? ", reason " : "", reason >= 0 ? OCSP_crl_reason_str(reason) : "");
	} else {
		bad_staple(verdict, "does not know the certificate");
	}
}

static bool is_current(ASN1_GENERALIZEDTIME *from, ASN1_GENERALIZEDTIME *until, int64_t now)
{
	int64_t begin;

	if (facts_time(from, &begin) < 0 || begin > now + CLOCK_SKEW)
		return false;
	return !until || !has_passed(until, now);
}

static void judge_basic(const struct chain *chain, X509_STORE *store, OCSP_BASICRESP *basic, int64_t now,
	struct verdict *verdict)
{
	X509 *leaf = sk_X509_value(chain->path, 0);
	X509 *issuer = sk_X509_value(chain->path, 1);
	ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
	int status = -1, reason = -1, found = 0;

	if (OCSP_basic_verify(basic, chain->path, store, 0) != 1) {
		bad_staple(verdict, "is not signed by the issuer");
		return;
	}
	/* Responders choose the digest that names the certificate. */
	for (int i = 0; i < 2 && !found; i++) {
		OCSP_CERTID *id = OCSP_cert_to_id(i == 0 ? EVP_sha1() : EVP_sha256(), leaf, issuer);

		found = id ? OCSP_resp_find_status(basic, id, &status, &reason, NULL, &from, &until) : 0;
		OCSP_CERTID_free(id);
	}
	if (!found)
		bad_staple(verdict, "is about another certificate");
	else if (!is_current(from, until, now) && status != V_OCSP_CERTSTATUS_REVOKED)
		bad_staple(verdict, "is out of date");
	else
		judge_status(status, reason, verdict);
}

void revocation_by_staple(const struct chain *chain, X509_STORE *store, enum ocsp_mode mode,
	const unsigned char *staple, long size, int64_t now, struct verdict *verdict)
{
	X509 *leaf = sk_X509_value(chain->path, 0);
	OCSP_RESPONSE *response;
	OCSP_BASICRESP *basic = NULL;

	if (mode == OCSP_OFF || !leaf)
		return;
	if (size <= 0 || !staple) {
		judge_none(leaf, mode, verdict);
		return;
	}
	response = size <= STAPLE_MAX ? d2i_OCSP_RESPONSE(NULL, &staple, size) : NULL;
	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (!basic)
		bad_staple(verdict, "is none that says anything");
	else if (sk_X509_num(chain->path) < 2)
		bad_staple(verdict, "cannot be judged without the issuer");
	else
		judge_basic(chain, store, basic, now, verdict);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
}
