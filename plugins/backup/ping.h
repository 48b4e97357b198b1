/* SPDX-License-Identifier: Apache-2.0 */
/* The dead-man's switch: what a backup job says about itself, in the key-value state of its check. */
#ifndef BACKUP_PING_H
#define BACKUP_PING_H

#include <stdbool.h>
#include <stdint.h>

struct ping {
	int64_t started; /* seconds since 1970; 0: no start is known */
	int64_t succeeded;
	int64_t failed;
	int64_t seconds; /* that the last one took; -1: not known */
	int64_t size; /* bytes of the last one; -1: not told */
};

void ping_write(const struct ping *ping, char buffer[static 256]);
/* 0 or -EINVAL. */
int ping_read(const char *text, struct ping *ret_ping);

/* What a ping makes of what was known. */
void ping_start(struct ping *ping, int64_t now);
void ping_success(struct ping *ping, int64_t size, int64_t now);
void ping_failure(struct ping *ping, int64_t now);

#endif
