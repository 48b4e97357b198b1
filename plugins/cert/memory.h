/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate was seen where, from run to run: so that a renewal is an event, and has a date. */
#ifndef CERT_MEMORY_H
#define CERT_MEMORY_H

#include "facts.h"

#include <gavea/plugin.h>

struct memory;

/* Reads what is kept. NULL: no memory. What is damaged is forgotten. */
struct memory *memory_open(struct gavea_check *check);
void memory_free(struct memory *memory);

/*
 * The certificate that is seen at a place (name) in this run. An event "certificate-renewed" is told when it is newer
 * than all that were seen there. Returns when it was seen first (seconds since 1970).
 */
int64_t memory_see(struct memory *memory, const char *name, const struct facts *facts, int64_t now);

/* A place that could not be seen in this run: what is known of it is kept. */
void memory_keep(struct memory *memory, const char *name);

/* Writes what is to be kept; places that were not named in this run are forgotten. Blocks on the disk. */
void memory_save(struct memory *memory);

#endif
