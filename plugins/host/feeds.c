/* SPDX-License-Identifier: Apache-2.0 */
#include "feeds.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"

#include <errno.h>

#define RETRY (60 * NSEC_PER_SEC)

void feeds_done(struct feeds *feeds)
{
	for (size_t i = 0; i < feeds->worker_count; i++) {
		if (feeds->workers[i].collector->close)
			feeds->workers[i].collector->close(feeds->workers[i].state);
		free(feeds->workers[i].state);
	}
	for (size_t i = 0; i < feeds->feed_count; i++)
		source_close(&feeds->feeds[i].source);
	text_done(&feeds->text);
}

/* Joins a collector to the feed of a file, which is opened when it is the first one. */
static void feed_join(struct feeds *feeds, const struct collection *collection, const char *name,
	struct worker *worker, size_t file)
{
	struct feed *feed = NULL;

	for (size_t i = 0; name && !feed && i < feeds->feed_count; i++)
		if (feeds->feeds[i].name && streq(feeds->feeds[i].name, name))
			feed = &feeds->feeds[i];
	if (!feed) {
		feed = &feeds->feeds[feeds->feed_count++];
		*feed = (struct feed){.name = name, .source = {.fd = -1, .short_records = true}};
		if (name && source_open(&feed->source, collection->procfs, name) < 0)
			feed->next_try = collection->now + RETRY;
	}
	feed->consumers[feed->consumer_count].worker = worker;
	feed->consumers[feed->consumer_count++].file = file;
}

int feeds_add(struct feeds *feeds, struct collection *collection, const struct collector *collector)
{
	struct worker *worker;
	int r;

	for (size_t i = 0; i < feeds->worker_count; i++)
		if (feeds->workers[i].collector == collector)
			return 0;
	worker = &feeds->workers[feeds->worker_count];
	worker->state = calloc(1, collector->state_size);
	if (!worker->state)
		return gavea_fail(collection->check, -ENOMEM, "out of memory");
	worker->collector = collector;
	feeds->worker_count++;
	r = collector->open ? collector->open(worker->state, collection) : 0;
	if (r < 0)
		return r;
	if (!collector->files[0])
		feed_join(feeds, collection, NULL, worker, 0);
	for (size_t i = 0; i < COLLECTOR_FILES && collector->files[i]; i++)
		feed_join(feeds, collection, collector->files[i], worker, i);
	return 0;
}

bool feeds_begin(struct feeds *feeds, struct collection *collection)
{
	_cleanup_buf_ struct buf missing = BUF_INIT;
	bool any = false;

	for (size_t i = 0; i < feeds->feed_count; i++) {
		const struct feed *feed = &feeds->feeds[i];

		if (!feed->name || feed->source.fd >= 0)
			any = true;
		else
			buf_printf(&missing, "%s%s", missing.size ? ", " : "", feed->name);
	}
	if (any && missing.size)
		gavea_log(collection->check, GAVEA_LOG_INFO,
			"not there, and left out until they are: %s (below %s)", buf_str(&missing),
			collection->procfs);
	return any;
}

/* The text of a feed. -ENOENT: the file is not there (any more). A module that is unloaded and loaded again makes what is
 * open useless: then it is opened again. */
static int feed_read(struct feeds *feeds, struct collection *collection, struct feed *feed)
{
	int r = 0;

	if (feed->source.fd >= 0) {
		r = source_read(&feed->source, &feeds->text);
		if (r != -EIO && r != -ENODEV && r != -ENOENT && r != -ESRCH)
			return r;
		source_close(&feed->source);
	} else if (!due(collection, &feed->next_try, RETRY)) {
		return -ENOENT;
	}
	r = source_open(&feed->source, collection->procfs, feed->name);
	return r < 0 ? r : source_read(&feed->source, &feeds->text);
}

static void feed_run(struct feeds *feeds, struct collection *collection, struct feed *feed)
{
	int r = feed->name ? feed_read(feeds, collection, feed) : 0;

	if (r == -ENOENT)
		return;
	for (size_t i = 0; i < feed->consumer_count; i++) {
		struct worker *worker = feed->consumers[i].worker;
		int one = r;

		if (one == 0)
			one = worker->collector->collect(worker->state, collection, feed->consumers[i].file,
				feed->name ? feeds->text.data : "");
		/* A file of a feature that is turned off can be opened, but not read. */
		if (one < 0 && one != -EOPNOTSUPP)
			worker->error = one;
	}
}

void feeds_run(struct feeds *feeds, struct collection *collection)
{
	for (size_t i = 0; i < feeds->feed_count; i++)
		feed_run(feeds, collection, &feeds->feeds[i]);
}

void feeds_save(struct feeds *feeds, struct collection *collection)
{
	for (size_t i = 0; i < feeds->worker_count; i++)
		if (feeds->workers[i].collector->save)
			feeds->workers[i].collector->save(feeds->workers[i].state, collection);
}

const char *feeds_reason(int error)
{
	return error == -EBADMSG ? "the text is not of the form that was expected" : strerror(-error);
}

const struct worker *feeds_failed(struct feeds *feeds, struct collection *collection)
{
	const struct worker *failed = NULL;

	for (size_t i = 0; i < feeds->worker_count; i++) {
		struct worker *worker = &feeds->workers[i];

		if (worker->error && worker->error != worker->reported)
			gavea_log(collection->check, GAVEA_LOG_WARNING, "%s: %s", worker->collector->name,
				feeds_reason(worker->error));
		worker->reported = worker->error;
		if (worker->error && !failed)
			failed = worker;
		worker->error = 0;
	}
	return failed;
}
