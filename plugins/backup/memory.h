/* SPDX-License-Identifier: Apache-2.0 */
/* What lasts between runs, in the key-value state: records of long work, and the sizes that were seen. */
#ifndef BACKUP_MEMORY_H
#define BACKUP_MEMORY_H

#include "context.h"

#define SIZES_MAX 101

/* A record that cannot be read counts as none. */
void memory_read_record(struct context *context, const char *key, struct record *ret_record);
void memory_write_record(struct context *context, const char *key, const struct record *record);

/* Sizes of up to window backups before the newest one, from the facts, or from memory where the kind does not tell them
 * all; remembers that of the newest. Returns how many. */
size_t memory_sizes(struct context *context, int64_t sizes[static SIZES_MAX]);

/* The size of this backup if it was the newest one before, else SIZE_UNKNOWN. */
int64_t memory_size(struct context *context, const struct backup *backup);

#endif
