/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that must be there: each is judged by where it lies, who may read it and what it holds. */
#ifndef SECRET_PRESENT_H
#define SECRET_PRESENT_H

#include "fingerprint.h"
#include "wanted.h"

#include "base/buf.h"

/* A secret's value by its fingerprint, and the name under which it is known. */
struct holding {
	char *name; /* with the member of the file behind it */
	size_t stem; /* bytes of the name before that member */
	char fingerprint[FINGERPRINT_SIZE];
	dev_t device; /* of the file, for which one secret may have many names */
	ino_t inode;
};

struct present {
	struct gavea_check *check;
	struct wanted wanted;
	const struct fingerprint_key *key;
	int64_t now; /* CLOCK_REALTIME, ns */
	struct holding *holdings;
	size_t count;
	size_t room;
	size_t judged;
	size_t wrong; /* of those, not ok */
	size_t reused; /* pairs that are the same */
	char *worst; /* the first of the worst, for the summary; owned */
	enum gavea_status worst_status;
	int64_t deadline; /* CLOCK_MONOTONIC, ns */
	bool unfinished; /* time ran out */
	bool no_memory;
};

/* What is said of one secret. */
struct judgement {
	enum gavea_status status;
	struct buf text; /* begins with "; " */
};

#define JUDGEMENT_INIT \
	{ \
		.status = GAVEA_OK, .text = BUF_INIT \
	}

/* Adds a finding. */
void judgement_add(struct judgement *judgement, enum gavea_status status, const char *format, ...)
	_printf_(3, 4);

int present_init(struct present *present, struct gavea_check *check, const struct fingerprint_key *key,
	struct error *error);
void present_done(struct present *present);

/* Whether time is up; remembered. */
bool present_is_over(struct present *present);

enum present_part {
	PRESENT_PLACE = 1, /* owner, mode, ACL, folders, age */
	PRESENT_CONTENT = 2,
};

/* Judges one file. name is what the secret is called when it is found twice; ret_fingerprint (NULL: not wanted) is set to
 * that of the whole content, or to "". */
void present_judge(struct present *present, const char *name, const char *path, unsigned parts,
	struct judgement *judgement, char *ret_fingerprint);

/* The fingerprint of a file's content alone; "" when it cannot be read, which is said. */
void present_fingerprint(struct present *present, const char *path, struct judgement *judgement,
	char ret_fingerprint[static FINGERPRINT_SIZE]);

/* Tells an item from a judgement, which is emptied. */
void present_tell(struct present *present, const char *name, struct judgement *judgement);

/* All of the option "files". */
void present_files(struct present *present);

/* Tells which secrets are the same under two names. */
void present_tell_reused(struct present *present);

#endif
