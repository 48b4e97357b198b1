/* SPDX-License-Identifier: Apache-2.0 */
/* What opens (counts.c), reads (counts_reader.c) and adds up (counts_tally.c) shares. */
#ifndef SWAP_COUNTS_INTERNAL_H
#define SWAP_COUNTS_INTERNAL_H

#include "counts.h"
#include "counts_socket.h"
#include "logtail.h"

#include <pthread.h>
#include <stdbool.h>

struct counts_name {
	char *backend; /* NULL: this colour has none */
	size_t backend_size;
	const char *server; /* within backend; NULL: any */
	size_t server_size;
};

struct counts {
	/* Fixed while the thread runs. */
	struct counts_name name[COLOURS];
	int64_t limit[COUNTS_LIMITS_MAX];
	unsigned limit_count;
	char *where; /* the socket is; NULL: there is none */
	struct counts_socket socket; /* the thread's */
	int wake; /* eventfd: the thread ends */
	struct batch *batch; /* the thread's */
	struct logtail *tail; /* the thread's */
	pthread_t thread;
	bool started;

	pthread_mutex_t mutex; /* of view alone */
	struct counts_view view;
};

/* Reads one line into sum. */
void counts_add(const struct counts *counts, const char *text, size_t size, struct counts_view *sum);

/* Adds sum to what others see. */
void counts_commit(struct counts *counts, const struct counts_view *sum);

void counts_reader_init(struct counts *counts);
int counts_reader_open(struct counts *counts, const struct counts_settings *settings, struct error *error);
void *counts_reader_run(void *counts);
void counts_reader_stop(struct counts *counts);
void counts_reader_done(struct counts *counts);

#endif
