/* SPDX-License-Identifier: Apache-2.0 */
/* Who renews a file, as far as its place tells: certbot and lego. And whether that has stopped. */
#ifndef CERT_RENEWAL_H
#define CERT_RENEWAL_H

#include "facts.h"
#include "finding.h"

enum renewal_mode {
	RENEWAL_AUTO, /* judged where something renews by itself: certbot, lego, or a life of at most 100 days */
	RENEWAL_ALWAYS,
	RENEWAL_NEVER,
};

enum renewer {
	RENEWER_UNKNOWN,
	RENEWER_CERTBOT,
	RENEWER_LEGO,
};

/* By the path and what lies beside it. Blocks on the disk. */
enum renewer renewal_by(const char *path);

/* Adds a finding when two thirds of the life are over and the file (modified: seconds since 1970) was not replaced. Also
 * when certbot has a newer file than the one that its link names. Blocks on the disk. */
void renewal_judge(const char *path, int64_t modified, const struct facts *facts, enum renewal_mode mode,
	int64_t now, struct findings *findings);

#endif
