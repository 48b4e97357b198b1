/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a check: what its parts share. And the interface of the kinds of backup. */
#ifndef BACKUP_CONTEXT_H
#define BACKUP_CONTEXT_H

#include "facts.h"
#include "finding.h"
#include "settings.h"

struct context {
	struct gavea_check *check;
	const struct settings *settings;
	struct findings findings;
	struct facts facts; /* of the place itself */
	int64_t now; /* seconds since 1970 */
	int64_t deadline; /* CLOCK_MONOTONIC: a little before the host's */
	bool idle; /* what runs now is long work, which gives way to all else */
	double progress_done;
	char progress[200]; /* what is under way; "": nothing that takes long */
	int64_t progress_until; /* CLOCK_MONOTONIC */
	const char *temporary; /* during a restore test: a folder that the tools may write; else NULL */
	const char *work; /* for the tools' own files; NULL: there is none */
};

struct backup_kind {
	const char *name;
	const char *const *programs; /* where its tool may be, NULL at the end; NULL: it needs none */
	const char *package; /* of Debian, with the tool */
	bool remembers; /* sizes are not told for all backups: the plugin keeps those that it saw */
	bool has_places; /* what look() takes says where the backups lie: there can be copies */
	bool has_repositories; /* it judges copies_min by itself */

	/* Lists the backups at a place, and adds findings of its own. Negative: it could not; a finding says why. */
	int (*look)(struct context *context, const char *place, struct facts *facts);

	/* Reads what look() does not, and fills in status and text. -EAGAIN: time ran out, and text says how far it got. */
	int (*verify)(struct context *context, struct record *record);

	/* Restores into the empty folder. Fills an error that says what went wrong. */
	int (*restore)(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
		struct error *error);
};

/* Says what is under way, done (0 to 1; -1: unknown) of it. The host drops what comes within a second of the last, so
 * whoever waits for something calls context_repeat_progress() now and then. */
void context_progress(struct context *context, double done, const char *format, ...) _printf_(3, 4);
void context_repeat_progress(struct context *context);

#endif
