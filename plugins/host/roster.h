/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The things that a file lists (CPUs, disks, interfaces, kinds of memory), by name, each with its series. The
 * kernel lists them in the same order each time, so finding one costs one comparison; what is new is added,
 * and what is not listed any more is forgotten at the end of the round.
 */
#ifndef HOST_ROSTER_H
#define HOST_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roster_entry {
	char *name; /* with a NUL byte behind it */
	size_t size;
	bool ignored; /* by configuration: nothing is collected */
	uint64_t round;
	int *series; /* width of them; 0: not declared */
	uint64_t *last; /* width of them: the last values, for whoever needs them */
};

struct roster {
	struct roster_entry *entries;
	size_t count;
	size_t room;
	size_t width;
	size_t next; /* where the next name is expected */
	uint64_t round;
};

void roster_init(struct roster *roster, size_t width);
void roster_done(struct roster *roster);

void roster_begin(struct roster *roster);

/* The entry of that name, which counts as listed in this round, or NULL. Borrowed, until the roster changes.
 */
struct roster_entry *roster_find(struct roster *roster, const char *name, size_t size);

/* Adds a name that was not found. NULL: no memory. */
struct roster_entry *roster_add(struct roster *roster, const char *name, size_t size);

void roster_end(struct roster *roster);

#endif
