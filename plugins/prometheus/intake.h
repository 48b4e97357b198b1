/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the records of a batch into the picture. */
#ifndef PROMETHEUS_INTAKE_H
#define PROMETHEUS_INTAKE_H

#include "records.h"

/*
 * Goes through a batch; *ret_seq is the last record that was taken in (0: none). Records that can't be understood are passed
 * over. 0, or a negative errno after gavea_fail(). Blocks on the disk only when declarations are missing.
 */
int intake_batch(
	struct gavea_check *check, struct gavea_batch *batch, struct records *records, uint64_t *ret_seq);

/* Keeps what the batch says about the agent. 0 or -ENOMEM. */
int intake_facts(struct gavea_check *check, struct gavea_batch *batch, struct picture *picture);

#endif
