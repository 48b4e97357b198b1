/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of records for an output, read from a segment of the spool. */
#ifndef CORE_WORKER_BATCH_H
#define CORE_WORKER_BATCH_H

#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <gavea/plugin.h>

/* What is read of a batch at once; the rest is offered again by the host. */
#define BATCH_SIZE_MAX (4u * 1024 * 1024)

/*
 * Reads the batch that deliver (borrowed) names from the segment fd (taken over, whatever is returned). 0;
 * -EBADMSG: not that segment, with error filled; or -errno. Blocks.
 */
int batch_open(const Gavea__Worker__V1__Deliver *deliver, int fd, struct gavea_batch **ret_batch,
	struct error *error);
void batch_free(struct gavea_batch *batch);
DEFINE_CLEANUP(struct gavea_batch *, batch_free);

/* As in plugin.h. */
const char *batch_info(const struct gavea_batch *batch, const char *key);
uint64_t batch_stream(const struct gavea_batch *batch);
int batch_next(struct gavea_batch *batch, uint64_t *ret_seq, int *ret_kind, const void **ret_bytes,
	size_t *ret_size);
int batch_declarations(struct gavea_batch *batch);
void batch_acknowledge(struct gavea_batch *batch, uint64_t seq);
void batch_retry_after(struct gavea_batch *batch, int64_t delay);

/* What the plugin answered: the seq up to which all is safe (0: none), and the pause that it wants. */
uint64_t batch_acknowledged(const struct gavea_batch *batch);
int64_t batch_delay(const struct gavea_batch *batch);

#endif
