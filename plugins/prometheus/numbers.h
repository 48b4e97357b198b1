/* SPDX-License-Identifier: Apache-2.0 */
/* What the numbers of a stream stand for. They are dense and begin at 1. */
#ifndef PROMETHEUS_NUMBERS_H
#define PROMETHEUS_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBERS_MAX (1u << 20)

struct numbers {
	void **things; /* borrowed; by number less 1 */
	size_t room;
};

void numbers_done(struct numbers *numbers);

/* Forgets all, keeps the memory. */
void numbers_reset(struct numbers *numbers);

/* NULL: nothing was set. */
void *numbers_get(const struct numbers *numbers, uint32_t number);

/* 0; -EBADMSG: not a number that can be; -ENOMEM. */
int numbers_set(struct numbers *numbers, uint32_t number, void *thing);

/* Forgets the things that end. */
void numbers_forget(struct numbers *numbers, bool (*ends)(const void *thing));

#endif
