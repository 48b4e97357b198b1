/* SPDX-License-Identifier: Apache-2.0 */
/* Judges the certificates in files: one entry for each certificate that is not the issuer of another one beside it. */
#ifndef CERT_FILESET_H
#define CERT_FILESET_H

#include "bundle.h"
#include "judge.h"
#include "renewal.h"

struct fileset_settings {
	const struct judge_settings *judge;
	bool verify; /* the chain, up to what is trusted */
	const char *server_name; /* that each leaf must be for; NULL: any */
	const char *key; /* file of the private key; NULL: only what is in the file itself */
	enum renewal_mode renewal;
	struct bundle_secrets secrets;
	int64_t deadline; /* on CLOCK_MONOTONIC */
	bool (*cancelled)(void *userdata);
	void *userdata;
};

struct file_entry {
	char *name; /* of the item: the path, or "path#label". Owned. */
	char *path; /* owned */
	const char *form; /* "PEM"; NULL: could not be read. Constant. */
	bool is_leaf; /* not an authority */
	int64_t modified; /* seconds since 1970; 0: not read */
	struct verdict verdict;
};

struct fileset {
	struct file_entry *list;
	size_t count;
	size_t room;
};

/* Files, folders, patterns. 0, -ENOMEM or -ECANCELED. Blocks on the disk. */
int fileset_read(const struct fileset_settings *settings, const char *const *files, size_t count,
	struct fileset *fileset);
void fileset_done(struct fileset *fileset);

#endif
