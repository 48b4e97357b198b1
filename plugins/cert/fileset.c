/* SPDX-License-Identifier: Apache-2.0 */
#include "fileset.h"
#include "content.h"
#include "paths.h"
#include "source.h"

#include "base/clock.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define ENTRIES_MAX 5000

static const char need_rights[] =
	"let user gavea read it (a group, an ACL), or give gavead CAP_DAC_READ_SEARCH (see gavea-cert(7))";

/* An entry; NULL: no memory, or too many. */
static struct file_entry *add_entry(struct fileset *fileset, const char *path, const char *label)
{
	struct buf name = BUF_INIT;
	struct file_entry *entry;

	if (fileset->count >= ENTRIES_MAX || GROW(fileset->list, fileset->count, fileset->room) < 0)
		return NULL;
	buf_printf(&name, "%s%s%s", path, label ? "#" : "", label ? label : "");
	entry = &fileset->list[fileset->count];
	*entry = (struct file_entry){.name = buf_take(&name), .path = strdup(path)};
	if (!entry->name || !entry->path) {
		free(entry->name);
		free(entry->path);
		return NULL;
	}
	fileset->count++;
	return entry;
}

/* ---- Which certificates are leaves ---- */

static bool same_entry(const struct bundle_certificate *one, const struct bundle_certificate *other)
{
	return one->entry == other->entry;
}

static bool issued(const struct bundle_certificate *issuer, const struct bundle_certificate *subject)
{
	if (!same_entry(issuer, subject) || issuer == subject || issuer->is_authority ||
		subject->is_authority)
		return false;
	if (X509_NAME_cmp(X509_get_subject_name(issuer->certificate),
		    X509_get_issuer_name(subject->certificate)) != 0)
		return false;
	if (X509_cmp(issuer->certificate, subject->certificate) == 0)
		return issuer < subject ? false : true; /* the second of twins belongs to the first */
	return X509_check_issued(issuer->certificate, subject->certificate) == X509_V_OK;
}

static bool is_issuer(const struct bundle *bundle, size_t index)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (issued(&bundle->certificates[index], &bundle->certificates[i]))
			return true;
	return false;
}

/* The chain of a leaf within the file, the leaf first. NULL: no memory. */
static STACK_OF(X509) * chain_of(const struct bundle *bundle, size_t leaf)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	size_t at = leaf;

	for (size_t step = 0; chain && step < 20; step++) {
		size_t next;

		if (sk_X509_push(chain, bundle->certificates[at].certificate) <= 0)
			break;
		for (next = 0; next < bundle->count; next++)
			if (issued(&bundle->certificates[next], &bundle->certificates[at]))
				break;
		if (next == bundle->count)
			break;
		at = next;
	}
	return chain;
}

/* ---- Keys ---- */

static void mismatch(struct verdict *verdict, const char *where)
{
	snprintf(verdict->key, sizeof(verdict->key), "does not match the certificate");
	findings_add(&verdict->findings, GAVEA_CRITICAL, FINDING_BREAKS,
		"put the right pair together, or have it issued anew",
		"the private key%s does not belong to the certificate", where);
}

/* Against the keys of a bundle that are meant for this entry. */
static void judge_keys(const struct bundle *keys, const struct bundle_certificate *leaf, const char *where,
	struct verdict *verdict)
{
	EVP_PKEY *public = X509_get0_pubkey(leaf->certificate);
	size_t seen = 0, locked = 0;

	for (size_t i = 0; i < keys->key_count; i++) {
		if (keys->keys[i].entry && keys->keys[i].entry != leaf->entry)
			continue;
		seen++;
		if (!keys->keys[i].key)
			locked++;
		else if (public && EVP_PKEY_eq(public, keys->keys[i].key) == 1) {
			snprintf(verdict->key, sizeof(verdict->key), "matches the certificate");
			return;
		}
	}
	if (seen && !locked)
		mismatch(verdict, where);
	else if (locked)
		snprintf(verdict->key, sizeof(verdict->key), "encrypted");
}

static void copy_findings(const struct findings *from, struct findings *to)
{
	for (size_t i = 0; i < from->count; i++)
		findings_add(to, from->list[i].status, from->list[i].breaks ? FINDING_BREAKS : 0,
			from->list[i].remedy, "%s", from->list[i].text);
	to->lost |= from->lost;
}

/* The key file of the option. */
static void judge_key_file(const struct fileset_settings *settings, const struct bundle_certificate *leaf,
	struct verdict *verdict)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct bundle keys = {0};
	struct source source = {0};
	int r = source_read(settings->key, &source, &error);

	if (r < 0) {
		findings_add(&verdict->findings, r == -EACCES ? GAVEA_UNKNOWN : GAVEA_CRITICAL, 0,
			r == -EACCES ? need_rights : NULL, "the key file %s: %s", settings->key,
			error_text(&error, r));
		return;
	}
	r = content_read(source.content.data, source.content.size, &settings->secrets, &keys);
	source_done(&source);
	copy_findings(&keys.findings, &verdict->findings);
	for (size_t i = 0; i < keys.key_count; i++)
		keys.keys[i].entry = 0;
	if (r < 0 || keys.key_count == 0)
		findings_add(&verdict->findings, GAVEA_CRITICAL, 0, "correct key",
			"the key file %s holds no private key", settings->key);
	else
		judge_keys(&keys, leaf, " in the key file", verdict);
	bundle_done(&keys);
}

/* ---- One file ---- */

static const char *label_of(
	const struct bundle_certificate *certificate, size_t index, size_t leaves, char buffer[static 32])
{
	if (certificate->label)
		return certificate->label;
	if (leaves < 2)
		return NULL;
	snprintf(buffer, 32, "%zu", index + 1);
	return buffer;
}

static void judge_leaf(const struct fileset_settings *settings, const struct bundle *bundle, size_t index,
	struct file_entry *entry)
{
	const struct bundle_certificate *leaf = &bundle->certificates[index];
	STACK_OF(X509) *chain = chain_of(bundle, index);
	bool is_authority = leaf->is_authority || X509_check_ca(leaf->certificate) == 1;
	struct judge_case subject = {
		.leaf = leaf->certificate,
		.others = chain,
		.verify = settings->verify && !is_authority,
		.is_authority = is_authority,
		.name = is_authority ? NULL : settings->server_name,
	};

	judge(settings->judge, &subject, &entry->verdict);
	entry->is_leaf = !is_authority;
	if (settings->key && !is_authority)
		judge_key_file(settings, leaf, &entry->verdict);
	else if (!leaf->is_authority)
		judge_keys(bundle, leaf, "", &entry->verdict);
	if (!is_authority && entry->verdict.facts.present)
		renewal_judge(entry->path, entry->modified, &entry->verdict.facts, settings->renewal,
			settings->judge->now, &entry->verdict.findings);
	sk_X509_free(chain);
}

/* The number of entries, or -ENOMEM. */
static int judge_bundle(const struct fileset_settings *settings, const char *path, int64_t modified,
	const struct bundle *bundle, struct fileset *fileset)
{
	_cleanup_free_ bool *leaves = calloc(bundle->count + 1, sizeof(*leaves));
	size_t count = 0;
	char number[32];
	int added = 0;

	if (!leaves)
		return -ENOMEM;
	for (size_t i = 0; i < bundle->count; i++)
		count += leaves[i] = !is_issuer(bundle, i);
	for (size_t i = 0; i < bundle->count; i++) {
		struct file_entry *entry;

		if (!leaves[i])
			continue;
		entry = add_entry(fileset, path, label_of(&bundle->certificates[i], i, count, number));
		if (!entry)
			return -ENOMEM;
		entry->form = bundle->form;
		entry->modified = modified;
		if (added++ == 0)
			copy_findings(&bundle->findings, &entry->verdict.findings);
		judge_leaf(settings, bundle, i, entry);
	}
	return added;
}

/* A file in which no certificate was found; what is not named by itself may be anything. */
static int judge_nothing(const struct path *path, const struct bundle *bundle, struct fileset *fileset)
{
	struct file_entry *entry;

	if (!path->named && !bundle->findings.count)
		return 0;
	/* Keys and CRLs lie beside certificates. */
	if (!path->named && !bundle->broken && (bundle->key_count || bundle->lists))
		return 0;
	entry = add_entry(fileset, path->path, NULL);
	if (!entry)
		return -ENOMEM;
	entry->form = bundle->form;
	copy_findings(&bundle->findings, &entry->verdict.findings);
	if (!bundle->findings.count || findings_status(&bundle->findings) == GAVEA_OK)
		findings_add(&entry->verdict.findings, GAVEA_CRITICAL, 0, "name the file that holds it",
			"there is no certificate in it%s", bundle->form ? "" : " that could be recognised");
	return 1;
}

static int cannot_read(const struct path *path, int r, const struct error *error, struct fileset *fileset)
{
	struct file_entry *entry;

	/* What a folder holds besides files and what is far too large to be a certificate is left alone. */
	if (!path->named && (r == -EINVAL || r == -EFBIG))
		return 0;
	entry = add_entry(fileset, path->path, NULL);
	if (!entry)
		return -ENOMEM;
	findings_add(&entry->verdict.findings,
		r == -ENOENT || r == -ELOOP || r == -EINVAL || r == -EFBIG ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
		0, r == -EACCES ? need_rights : NULL, "%s", error_text(error, r));
	return 1;
}

/* The number of certificates in it, or a negative errno. */
static int read_one(const struct fileset_settings *settings, const struct path *path, struct fileset *fileset)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct source source = {0};
	struct bundle bundle = {0};
	int r = source_read(path->path, &source, &error);

	if (r < 0) {
		r = r == -ENOMEM ? r : cannot_read(path, r, &error, fileset);
		return r;
	}
	r = content_read(source.content.data, source.content.size, &settings->secrets, &bundle);
	if (r == 0)
		r = bundle.count ? judge_bundle(settings, path->path, source.modified, &bundle, fileset)
				 : judge_nothing(path, &bundle, fileset);
	source_done(&source);
	bundle_done(&bundle);
	ERR_clear_error();
	return r;
}

/* ---- All of them ---- */

static int add_finding(struct fileset *fileset, const char *path, enum gavea_status status,
	const char *remedy, const char *text)
{
	struct file_entry *entry = add_entry(fileset, path, NULL);

	if (!entry)
		return -ENOMEM;
	findings_add(&entry->verdict.findings, status, 0, remedy, "%s", text);
	return 0;
}

/* What one string of the configuration stands for. */
static int read_text(const struct fileset_settings *settings, const char *text, struct fileset *fileset)
{
	struct paths paths = {0};
	struct findings findings = {0};
	int found = 0, r = paths_add(&paths, text, &findings);

	for (size_t i = 0; r == 0 && i < paths.count; i++) {
		int n;

		if (settings->cancelled && settings->cancelled(settings->userdata)) {
			r = -ECANCELED;
		} else if (clock_ns(CLOCK_MONOTONIC) >= settings->deadline) {
			r = add_finding(fileset, text, GAVEA_UNKNOWN,
				"raise timeout, or check fewer files in one check",
				"the time of the check ran out before all files were read");
			found++;
			break;
		} else {
			n = read_one(settings, &paths.list[i], fileset);
			r = MIN(n, 0);
			found += MAX(n, 0);
		}
	}
	for (size_t i = 0; r == 0 && i < findings.count; i++, found++)
		r = add_finding(fileset, text, findings.list[i].status, findings.list[i].remedy,
			findings.list[i].text);
	if (r == 0 && paths.full)
		r = add_finding(fileset, text, GAVEA_UNKNOWN, "name fewer",
			"stands for too many files: not all were read");
	if (r == 0 && found == 0)
		r = add_finding(
			fileset, text, GAVEA_CRITICAL, "correct files", "there is no certificate in it");
	findings_done(&findings);
	paths_done(&paths);
	return r;
}

int fileset_read(const struct fileset_settings *settings, const char *const *files, size_t count,
	struct fileset *fileset)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_text(settings, files[i], fileset);
	return r;
}

void fileset_done(struct fileset *fileset)
{
	for (size_t i = 0; i < fileset->count; i++) {
		free(fileset->list[i].name);
		free(fileset->list[i].path);
		verdict_done(&fileset->list[i].verdict);
	}
	free(fileset->list);
	*fileset = (struct fileset){0};
}
