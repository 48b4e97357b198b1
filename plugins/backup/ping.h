/* SPDX-License-Identifier: Apache-2.0 */
/* The dead-man's switch: what a backup job says about itself, in the key-value state of its check. */
#ifndef BACKUP_PING_H
#define BACKUP_PING_H

#include <stdbool.h>
#include <stdint.h>

struct ping {
	int64_t started; /* seconds since 1970; 0: no start is known */
	int64_t succeeded;
	int64_t failed; /* 0: the last one that ended ended well */
	int64_t seconds; /* that the last one took; -1: not known */
	int64_t size; /* bytes of the last one; -1: not told */
};

void ping_write(const struct ping *ping, char buffer[static 256]);
/* 0 or -EINVAL. */
int ping_read(const char *text, struct ping *ret_ping);

/* What a job says, as it came: each may be NULL. */
struct ping_words {
	const char *state; /* "start", "success", "fail"; NULL: success */
	const char *size; /* as parse_size() reads it */
	const char *duration; /* as parse_duration() reads it; NULL: what has passed since the start */
};

/* Adds to what was known. 0, or -EINVAL with what is wrong in *ret_problem, and nothing has changed. now: seconds since
 * 1970. */
int ping_take(struct ping *ping, const struct ping_words *words, int64_t now, const char **ret_problem);

#endif
