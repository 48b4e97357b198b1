/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"
#include "weak.h"

#include "base/clock.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DAY INT64_C(86400)
#define NAMES_SHOWN 160

/* The certificate as the texts name it: the leaf is "the certificate", all else bears its name. */
static char *describe(X509 *certificate, bool is_leaf)
{
	_cleanup_free_ char *subject = is_leaf ? NULL : facts_name(X509_get_subject_name(certificate));
	struct buf text = BUF_INIT;

	if (is_leaf)
		buf_add_str(&text, "the certificate");
	else
		buf_printf(&text, "the issuer's certificate %s", subject ? subject : "?");
	return buf_take(&text);
}

/* ---- Dates ---- */

static char *rough(char buffer[static 32], int64_t seconds)
{
	return format_duration_rough(buffer,
		MAX(seconds, INT64_C(0)) > INT64_MAX / NSEC_PER_SEC
			? INT64_MAX
			: MAX(seconds, INT64_C(0)) * NSEC_PER_SEC);
}

/* Whether the dates can be read and make sense. */
static bool judge_dates(
	X509 *certificate, const char *what, int64_t *ret_begin, int64_t *ret_end, struct findings *findings)
{
	char begin[32], end[32];

	if (facts_time(X509_get0_notBefore(certificate), ret_begin) < 0 ||
		facts_time(X509_get0_notAfter(certificate), ret_end) < 0) {
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, "have it issued anew",
			"the dates of %s cannot be read", what);
		return false;
	}
	if (*ret_end >= *ret_begin)
		return true;
	findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, "have it issued anew",
		"%s was never valid: it ends (%s) before it begins (%s)", what, facts_date(end, *ret_end),
		facts_date(begin, *ret_begin));
	return false;
}

static void judge_time(
	const struct judge_settings *settings, X509 *certificate, bool is_leaf, struct findings *findings)
{
	_cleanup_free_ char *what = describe(certificate, is_leaf);
	const char *renew = is_leaf ? "renew it" : "send a chain with its successor";
	int64_t begin, end, left, lifetime;
	char date[32], time[32];
	const char *name = what ? what : "the certificate";

	if (!judge_dates(certificate, name, &begin, &end, findings))
		return;
	left = end - settings->now;
	lifetime = end - begin;
	facts_date(date, end);
	if (left < 0) {
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, renew, "%s expired %s ago (%s)", name,
			rough(time, -left), date);
		return;
	}
	if (begin > settings->now) {
		char start[32];

		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"look at the clocks, here and where it was issued",
			"%s is not valid yet: it begins in %s (%s)", name, rough(time, begin - settings->now),
			facts_date(start, begin));
	}
	if (left < threshold_seconds(&settings->critical, lifetime))
		findings_add(findings, GAVEA_CRITICAL, 0, renew, "%s expires in %s (%s)", name,
			rough(time, left), date);
	else if (left < threshold_seconds(&settings->warning, lifetime))
		findings_add(findings, GAVEA_WARNING, 0, renew, "%s expires in %s (%s)", name,
			rough(time, left), date);
}

/* What is sent and not needed turns nobody away, unless a client is old and silly. */
static void judge_surplus(const struct judge_settings *settings, X509 *certificate, struct verdict *verdict)
{
	_cleanup_free_ char *name = facts_name(X509_get_subject_name(certificate));
	char date[32];
	int64_t end;

	if (facts_time(X509_get0_notAfter(certificate), &end) < 0)
		return;
	if (!verdict->facts.surplus_not_after || end < verdict->facts.surplus_not_after)
		verdict->facts.surplus_not_after = end;
	if (end < settings->now)
		findings_add(&verdict->findings, GAVEA_WARNING, 0,
			"take it out of the chain that the server sends",
			"%s, which is sent though it is not needed, expired on %s",
			name ? name : "a certificate", facts_date(date, end));
}

/* ---- Trust ---- */

static void untrusted(const struct judge_settings *settings, const struct judge_case *subject,
	const struct chain *chain, struct findings *findings)
{
	X509 *last = sk_X509_value(chain->path, sk_X509_num(chain->path) - 1);
	_cleanup_free_ char *issuer = last ? facts_name(X509_get_issuer_name(last)) : NULL;
	const char *by = issuer ? issuer : "?";

	if (settings->store_empty)
		findings_add(findings, GAVEA_UNKNOWN, 0, "install ca-certificates, or set ca",
			"this host has no trust store");
	else if (sk_X509_num(chain->path) == 1 && sk_X509_num(subject->others) <= 1)
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			subject->served
				? "let the server send its intermediates too (fullchain.pem), or set ca"
				: "use the file with the full chain (fullchain.pem), or set ca",
			"the chain is incomplete: the issuer %s is not trusted here and %s", by,
			subject->served ? "was not sent" : "is not in the file");
	else
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"complete the chain, or set ca to its root",
			"the chain ends at %s, which is not trusted here", by);
}

static void judge_trust(const struct judge_settings *settings, const struct judge_case *subject,
	const struct chain *chain, struct findings *findings)
{
	switch (chain->error) {
	case X509_V_OK:
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"use one of an authority, or set ca to this very certificate",
			"the certificate is self-signed and not trusted here");
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		untrusted(settings, subject, chain, findings);
		return;
	case X509_V_ERR_INVALID_PURPOSE:
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, "have it issued for serverAuth",
			"the chain holds a certificate that is not made for this (wrong key usage)");
		return;
	default:
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, NULL, "the chain is not good: %s",
			X509_verify_cert_error_string(chain->error));
	}
}

/* ---- Name ---- */

static bool is_for(X509 *leaf, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_check_ip_asc(leaf, name, 0) == 1;
	/* RFC 9525: the common name is not looked at, and a wildcard stands for one whole label. */
	return X509_check_host(leaf, name, 0,
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

static void judge_name(const char *name, X509 *leaf, struct verdict *verdict)
{
	const char *names = verdict->facts.names ? verdict->facts.names : "";

	if (is_for(leaf, name))
		return;
	if (!*names)
		findings_add(&verdict->findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"have it issued with subjectAltName; the common name no longer counts",
			"the certificate is for no name at all, and so not for %s", name);
	else
		findings_add(&verdict->findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"have that name added, or let the server choose the right one for it",
			"the certificate is not for %s but for %.*s%s", name, NAMES_SHOWN, names,
			strlen(names) > NAMES_SHOWN ? "..." : "");
}

/* ---- All of it ---- */

static void judge_form(const struct judge_case *subject, struct findings *findings)
{
	if (subject->is_authority)
		return;
	/* One that signed itself is either trusted as it is, or said to be self-signed. */
	if (subject->served && X509_check_ca(subject->leaf) == 1 &&
		!(X509_get_extension_flags(subject->leaf) & EXFLAG_SS))
		findings_add(findings, GAVEA_WARNING, 0,
			"serve a certificate that was issued for this server",
			"the certificate is that of an authority (CA:TRUE)");
	if (X509_get_version(subject->leaf) < X509_VERSION_3)
		findings_add(findings, GAVEA_WARNING, 0, "have it issued anew",
			"the certificate is of X.509 version %ld", X509_get_version(subject->leaf) + 1);
}

static void judge_path(
	const struct judge_settings *settings, const struct chain *chain, struct verdict *verdict)
{
	int count = sk_X509_num(chain->path);

	for (int i = 0; i < count; i++) {
		X509 *certificate = sk_X509_value(chain->path, i);
		_cleanup_free_ char *what = describe(certificate, i == 0);

		judge_time(settings, certificate, i == 0, &verdict->findings);
		weak_key(certificate, what ? what : "?", &verdict->findings);
		weak_signature(certificate, what ? what : "?", &verdict->findings);
	}
}

static void note_chain(const struct chain *chain, struct facts *facts)
{
	int64_t end;

	for (int i = 0; i < sk_X509_num(chain->path); i++)
		if (facts_time(X509_get0_notAfter(sk_X509_value(chain->path, i)), &end) == 0 &&
			(!facts->chain_not_after || end < facts->chain_not_after))
			facts->chain_not_after = end;
}

/* Without a trust store: whatever came along is the chain. */
static int take_as_it_is(const struct judge_case *subject, struct chain *ret_chain)
{
	struct chain chain = {.error = X509_V_ERR_UNSPECIFIED, .path = sk_X509_new_null()};

	if (!chain.path || X509_add_cert(chain.path, subject->leaf, X509_ADD_FLAG_UP_REF) != 1 ||
		(subject->others &&
			X509_add_certs(chain.path, subject->others,
				X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)) {
		chain_done(&chain);
		return -ENOMEM;
	}
	*ret_chain = chain;
	return 0;
}

static int find_chain(
	const struct judge_settings *settings, const struct judge_case *subject, struct chain *ret_chain)
{
	struct chain_request request = {
		.store = settings->store,
		.partial = settings->partial,
		.for_server = subject->served,
		.leaf = subject->leaf,
		.others = subject->others,
		.now = settings->now,
	};

	return subject->verify ? chain_find(&request, ret_chain) : take_as_it_is(subject, ret_chain);
}

void judge(const struct judge_settings *settings, const struct judge_case *subject, struct verdict *verdict)
{
	struct chain chain = {0};

	facts_read(subject->leaf, subject->others, &verdict->facts);
	if (find_chain(settings, subject, &chain) < 0) {
		findings_add(&verdict->findings, GAVEA_UNKNOWN, 0, NULL, "out of memory");
		return;
	}
	judge_path(settings, &chain, verdict);
	judge_form(subject, &verdict->findings);
	if (subject->verify) {
		judge_trust(settings, subject, &chain, &verdict->findings);
		if (chain.error == X509_V_OK)
			note_chain(&chain, &verdict->facts);
		for (int i = 0; i < sk_X509_num(subject->others); i++)
			if (!chain_has(&chain, sk_X509_value(subject->others, i)))
				judge_surplus(settings, sk_X509_value(subject->others, i), verdict);
	}
	if (subject->verify && subject->name)
		judge_name(subject->name, subject->leaf, verdict);
	if (settings->lists)
		revocation_by_lists(&chain, settings->lists, settings->now, &verdict->findings);
	if (subject->served)
		revocation_by_staple(&chain, settings->store, settings->ocsp, subject->staple,
			subject->staple_size, settings->now, verdict);
	chain_done(&chain);
	ERR_clear_error();
}
