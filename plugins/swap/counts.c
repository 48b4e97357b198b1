/* SPDX-License-Identifier: Apache-2.0 */
#include "counts.h"

#include "counts_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static int copy_name(struct counts_name *name, const char *text)
{
	char *slash;

	if (str_empty(text))
		return 0;
	name->backend = strdup(text);
	if (!name->backend)
		return -ENOMEM;
	slash = strchr(name->backend, '/');
	if (slash) {
		*slash = '\0';
		name->server = slash + 1;
		name->server_size = strlen(slash + 1);
	}
	name->backend_size = strlen(name->backend);
	return 0;
}

static int copy_settings(struct counts *counts, const struct counts_settings *settings, struct error *error)
{
	if (settings->limit_count > COUNTS_LIMITS_MAX)
		return error_set(error, -EINVAL, "more than %d limits on times", COUNTS_LIMITS_MAX);
	for (unsigned i = 0; i < settings->limit_count; i++)
		counts->limit[i] = settings->limits[i];
	counts->limit_count = settings->limit_count;
	for (unsigned c = 0; c < COLOURS; c++)
		if (copy_name(&counts->name[c], settings->backend[c]) < 0)
			return error_set(error, -ENOMEM, "out of memory");
	return 0;
}

/* The process's signals are for its main thread. */
static int start_thread(struct counts *counts)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&counts->thread, NULL, counts_reader_run, counts);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	counts->started = r == 0;
	return r;
}

int counts_open(const struct counts_settings *settings, struct counts **ret_counts, struct error *error)
{
	struct counts *counts = calloc(1, sizeof *counts);
	int r;

	if (!counts)
		return error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&counts->mutex, NULL);
	counts_reader_init(counts);
	r = copy_settings(counts, settings, error);
	if (r == 0)
		r = counts_reader_open(counts, settings, error);
	if (r == 0) {
		r = start_thread(counts);
		if (r < 0)
			error_set(error, r, "can't start a thread: %s", error_text(NULL, r));
	}
	if (r < 0) {
		counts_close(counts);
		return r;
	}
	*ret_counts = counts;
	return 0;
}

void counts_close(struct counts *counts)
{
	if (!counts)
		return;
	counts_reader_stop(counts);
	if (counts->started)
		pthread_join(counts->thread, NULL);
	counts_reader_done(counts);
	for (unsigned c = 0; c < COLOURS; c++)
		free(counts->name[c].backend);
	pthread_mutex_destroy(&counts->mutex);
	free(counts);
}
