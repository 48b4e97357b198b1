/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A release on its way to a colour: fetched, its digest (and signature) verified, unpacked or put in place, switched to.
 * Every call is idempotent: done again after a crash it ends in the same place. -errno with an error for people.
 */
#ifndef SWAP_RELEASE_H
#define SWAP_RELEASE_H

#include "base/error.h"
#include "colour.h"
#include "signature.h"

#include <stdbool.h>
#include <stdint.h>

#define RELEASE_STAMP ".gavea-release" /* in each release: its digest */

struct release_settings {
	const char *artefact; /* path, http:// or https:// URL; "%r" is the release's name */
	const char *directory; /* where releases are kept: DIRECTORY/NAME; NULL: nothing is fetched */
	const char *link; /* symlink to switch, "%c" is the colour; NULL: none */
	const char *public_key; /* PEM file, ed25519; NULL: signatures are not asked for */
	const char *pattern; /* names that are allowed, with * and ?; NULL: any valid name */
	uint64_t size_max; /* bytes of the artefact, and of what it unpacks to */
	bool unpack; /* a tar archive (gz, xz, zst): unpacked to the release's folder */
};

struct release {
	char name[128]; /* [A-Za-z0-9][A-Za-z0-9._+-]* */
	uint8_t digest[DIGEST_BYTES]; /* SHA-256 of the artefact */
	bool has_digest;
};

/* Judges name and digest ("sha256:HEX" or HEX; NULL: none). What is fetched has a digest, or there is a public key. */
int release_parse(const char *name, const char *digest, const struct release_settings *settings,
	struct release *ret_release, struct error *error);

/* Fetches into DIRECTORY/NAME: download to a temporary name, digest, signature (artefact + ".sig", 64 bytes raw or
 * base64, of the whole artefact as `openssl pkeyutl -sign -rawin` makes it), then one rename. What is there already with
 * the same digest is taken as it is. Blocks up to deadline (CLOCK_MONOTONIC); cancelled may be NULL. -EAGAIN: the time
 * is up in the middle of a download, which the next call goes on with; -EBADMSG: digest or signature is wrong, and
 * nothing was kept; -EEXIST: a release of that name but with another digest is there. */
int release_stage(const struct release_settings *settings, const struct release *release, int64_t deadline,
	bool (*cancelled)(void *userdata), void *userdata, struct error *error);

/* Points the colour's link at the release: a temporary link, renamed, the folder synced. */
int release_switch(const struct release_settings *settings, enum colour colour, const struct release *release,
	struct error *error);

/* The release that the colour's link points to; "" when there is none or it is no release of ours. */
int release_current(const struct release_settings *settings, enum colour colour, char ret_name[static 128],
	struct error *error);

/* Removes releases that no link points to, but for the newest keep. */
int release_tidy(const struct release_settings *settings, unsigned keep, struct error *error);

#endif
