/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/stream.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#define HOSTS_NAMED_MAX 200 /* in one event */
#define PACE_MS 1000 /* between two events of one stream */
#define BEAT_MS 15000 /* so that a client knows a silent connection from a dead one */

struct stream {
	struct streams *streams;
	struct stream *next, *previous;
	struct httpd_stream *http;
	uint64_t seen; /* generation */
	int64_t written_ms; /* CLOCK_MONOTONIC; under the mutex */
	bool greeted;
	struct buf out;
	size_t out_at;
};

struct streams {
	struct model *model;
	const char *instance;
	struct model_subscription *subscription;
	pthread_mutex_t mutex;
	pthread_cond_t end;
	pthread_t ticker;
	bool started, ending;
	struct stream *first;
	unsigned count;
};

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NSEC_PER_MSEC;
}

uint64_t streams_seen(const char *instance, const char *last_event_id)
{
	const char *rest = last_event_id ? startswith(last_event_id, instance) : NULL;
	uint64_t seen;

	return rest && *rest == '-' && parse_uint64(rest + 1, &seen) == 0 ? seen : 0;
}

/* Hosts that changed after that generation, as a JSON array; false when there are too many or none. */
static bool write_hosts(const struct model *model, uint64_t seen, struct buf *out)
{
	struct json json;
	size_t count = 0;

	json_init(&json, out);
	json_array_begin(&json);
	for (const struct model_host *host = model_host_first(model); host && count <= HOSTS_NAMED_MAX;
		host = model_host_next(model, host))
		if (host->generation > seen && ++count <= HOSTS_NAMED_MAX)
			json_string(&json, host->id);
	json_array_end(&json);
	return count > 0 && count <= HOSTS_NAMED_MAX;
}

uint64_t streams_write_change(struct model *model, const char *instance, uint64_t seen, struct buf *out)
{
	_cleanup_buf_ struct buf hosts = BUF_INIT;
	uint64_t generation;
	bool named = false;

	model_lock(model);
	generation = model_generation(model);
	if (seen > 0 && seen <= generation)
		named = write_hosts(model, seen, &hosts);
	model_unlock(model);
	buf_printf(out, "id: %s-%" PRIu64 "\nevent: change\ndata: ", instance, generation);
	if (named)
		buf_printf(out, "{\"hosts\":%s}\n\n", buf_str(&hosts));
	else
		buf_add_str(out, "{\"all\":true}\n\n");
	return generation;
}

/* Puts what is to be said now into stream->out, if anything is. */
static void compose(struct stream *stream)
{
	struct streams *streams = stream->streams;
	int64_t now = now_ms(), silent;

	pthread_mutex_lock(&streams->mutex);
	silent = now - stream->written_ms;
	pthread_mutex_unlock(&streams->mutex);
	buf_reset(&stream->out);
	stream->out_at = 0;
	if (!stream->greeted)
		buf_add_str(&stream->out, "retry: 3000\n\n");
	if (model_generation(streams->model) != stream->seen && (!stream->greeted || silent >= PACE_MS))
		stream->seen =
			streams_write_change(streams->model, streams->instance, stream->seen, &stream->out);
	else if (!stream->greeted || silent >= BEAT_MS)
		buf_add_str(&stream->out, "event: beat\ndata: \n\n");
	stream->greeted = true;
	if (stream->out.size == 0)
		return;
	pthread_mutex_lock(&streams->mutex);
	stream->written_ms = now;
	pthread_mutex_unlock(&streams->mutex);
}

static ssize_t on_read(void *userdata, char *buffer, size_t size)
{
	struct stream *stream = userdata;
	size_t n;

	if (stream->out_at == stream->out.size)
		compose(stream);
	if (buf_error(&stream->out) < 0)
		return -1;
	n = MIN(size, stream->out.size - stream->out_at);
	if (n > 0)
		memcpy(buffer, stream->out.data + stream->out_at, n);
	stream->out_at += n;
	return (ssize_t)n;
}

static void on_closed(void *userdata)
{
	struct stream *stream = userdata;
	struct streams *streams = stream->streams;

	pthread_mutex_lock(&streams->mutex);
	if (stream->next)
		stream->next->previous = stream->previous;
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		streams->first = stream->next;
	streams->count--;
	pthread_mutex_unlock(&streams->mutex);
	buf_done(&stream->out);
	free(stream);
}

/* Wakes those streams that may speak again. */
static void wake(struct streams *streams, int64_t silent_ms)
{
	int64_t now = now_ms();

	for (struct stream *stream = streams->first; stream; stream = stream->next)
		if (now - stream->written_ms >= silent_ms)
			httpd_stream_wake(stream->http);
}

static void on_change(void *userdata)
{
	struct streams *streams = userdata;

	pthread_mutex_lock(&streams->mutex);
	wake(streams, PACE_MS);
	pthread_mutex_unlock(&streams->mutex);
}

/* A change that came too soon after an event is told a moment later. */
static void *tick(void *userdata)
{
	struct streams *streams = userdata;

	pthread_mutex_lock(&streams->mutex);
	while (!streams->ending) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&streams->end, &streams->mutex, &until);
		wake(streams, PACE_MS);
	}
	pthread_mutex_unlock(&streams->mutex);
	return NULL;
}

struct streams *streams_new(struct model *model, const char *instance)
{
	struct streams *streams = calloc(1, sizeof *streams);
	pthread_condattr_t attributes;

	if (!streams)
		return NULL;
	streams->model = model;
	streams->instance = instance;
	pthread_mutex_init(&streams->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&streams->end, &attributes);
	pthread_condattr_destroy(&attributes);
	streams->subscription = model_subscribe(model, on_change, streams);
	streams->started = pthread_create(&streams->ticker, NULL, tick, streams) == 0;
	if (!streams->subscription || !streams->started) {
		streams_free(streams);
		return NULL;
	}
	return streams;
}

void streams_free(struct streams *streams)
{
	if (!streams)
		return;
	model_unsubscribe(streams->model, streams->subscription);
	pthread_mutex_lock(&streams->mutex);
	streams->ending = true;
	pthread_cond_signal(&streams->end);
	pthread_mutex_unlock(&streams->mutex);
	if (streams->started)
		pthread_join(streams->ticker, NULL);
	pthread_cond_destroy(&streams->end);
	pthread_mutex_destroy(&streams->mutex);
	free(streams);
}

/* A client that comes back says what it saw last; a page says it for its first stream. */
static uint64_t seen_of(struct streams *streams, struct httpd_request *request)
{
	const char *last = httpd_header(request, "Last-Event-ID");

	return streams_seen(streams->instance, last ? last : httpd_query(request, "since"));
}

/* Under the mutex, so that nobody wakes a stream before it is whole. */
static bool begin(struct streams *streams, struct httpd_request *request, struct stream *stream)
{
	if (streams->count >= STREAMS_MAX)
		return false;
	stream->streams = streams;
	stream->seen = seen_of(streams, request);
	stream->http = httpd_answer_stream(request, "text/event-stream", on_read, on_closed, stream);
	if (!stream->http)
		return false;
	stream->next = streams->first;
	if (stream->next)
		stream->next->previous = stream;
	streams->first = stream;
	streams->count++;
	return true;
}

void streams_answer(struct streams *streams, struct httpd_request *request)
{
	struct stream *stream;
	bool begun = false;

	if (streq(httpd_method(request), "HEAD")) { /* the library would send the end of a body */
		httpd_answer(request, 200, "text/event-stream", "", 0);
		return;
	}
	stream = calloc(1, sizeof *stream);
	if (stream) {
		pthread_mutex_lock(&streams->mutex);
		begun = begin(streams, request, stream);
		pthread_mutex_unlock(&streams->mutex);
	}
	if (begun)
		return;
	free(stream);
	httpd_set_header(request, "Retry-After", "30");
	httpd_answer_error(request, 503, "too many streams are open");
}
