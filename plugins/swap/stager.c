/* SPDX-License-Identifier: Apache-2.0 */
#include "stager.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct stager {
	const struct release_settings *settings;
	struct release release;
	int64_t deadline;
	atomic_bool cancelled;
	atomic_bool over; /* result and error may be read */
	int result;
	struct error error;
	pthread_t thread;
};

static bool is_cancelled(void *userdata)
{
	struct stager *stager = userdata;

	return atomic_load(&stager->cancelled);
}

static void *work(void *userdata)
{
	struct stager *stager = userdata;

	stager->result = release_stage(
		stager->settings, &stager->release, stager->deadline, is_cancelled, stager, &stager->error);
	atomic_store(&stager->over, true);
	return NULL;
}

int stager_new(const struct release_settings *settings, const struct release *release, int64_t deadline,
	struct stager **ret_stager)
{
	struct stager *stager = calloc(1, sizeof *stager);
	int r;

	if (!stager)
		return -ENOMEM;
	stager->settings = settings;
	stager->release = *release;
	stager->deadline = deadline;
	r = pthread_create(&stager->thread, NULL, work, stager);
	if (r) {
		free(stager);
		return -r;
	}
	*ret_stager = stager;
	return 0;
}

int stager_result(struct stager *stager, char *why, size_t size)
{
	if (!atomic_load(&stager->over))
		return -EINPROGRESS;
	if (stager->result < 0)
		snprintf(why, size, "%s", error_text(&stager->error, stager->result));
	return stager->result;
}

void stager_free(struct stager *stager)
{
	if (!stager)
		return;
	atomic_store(&stager->cancelled, true);
	pthread_join(stager->thread, NULL);
	error_done(&stager->error);
	free(stager);
}
