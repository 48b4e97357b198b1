/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the callbacks of a check and answers the host. */
#ifndef CORE_WORKER_JOBS_H
#define CORE_WORKER_JOBS_H

#include "core/worker/check.h"

/* Prepares the job that a message asks for. */
void job_init(struct job *job, const Gavea__Worker__V1__ToWorker *message, struct output *output);

/* The check that a message is about, and the number of its job (0: it is none). */
uint32_t message_check(const Gavea__Worker__V1__ToWorker *message);
uint64_t message_job(const Gavea__Worker__V1__ToWorker *message);

/* Each calls one callback and answers. fd is taken over. */
void jobs_open(struct check *check, struct job *job, const Gavea__Worker__V1__Open *open);
void jobs_run(struct check *check, struct job *job);
void jobs_deliver(struct check *check, struct job *job, const Gavea__Worker__V1__Deliver *deliver, int fd);
void jobs_command(struct check *check, struct job *job, const Gavea__Worker__V1__Command *command);

/* Closes a check that may be open; answers only when job is one that the host asked for. */
void jobs_close(struct check *check, struct job *job);

/* Answers without calling anything. */
void jobs_refuse(struct channel *channel, uint64_t job, int error, const char *message);
void jobs_refuse_open(struct channel *channel, uint32_t check, int error, const char *message);
void jobs_closed(struct channel *channel, uint32_t check);

#endif
