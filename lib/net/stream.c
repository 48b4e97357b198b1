/* SPDX-License-Identifier: Apache-2.0 */
#include "net/internal.h"

struct httpd_stream {
	struct httpd *httpd;
	struct httpd_stream *next, *previous;
	struct MHD_Connection *connection;
	httpd_stream_read read;
	void (*closed)(void *userdata);
	void *userdata;
	pthread_mutex_t mutex;
	bool suspended;
	bool woken; /* since read() was asked last */
};

static bool hold(struct httpd_stream *stream)
{
	bool held;

	pthread_mutex_lock(&stream->mutex);
	held = !stream->woken && !stream->httpd->stopping;
	if (held) {
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->mutex);
	return held;
}

static ssize_t on_read(void *userdata, uint64_t position _unused_, char *buffer, size_t size)
{
	struct httpd_stream *stream = userdata;
	ssize_t n;

	for (;;) {
		pthread_mutex_lock(&stream->mutex);
		stream->woken = false;
		pthread_mutex_unlock(&stream->mutex);
		if (stream->httpd->stopping)
			return MHD_CONTENT_READER_END_OF_STREAM;
		n = stream->read(stream->userdata, buffer, size);
		if (n < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (n > 0 || hold(stream))
			return n;
	}
}

static void on_free(void *userdata)
{
	struct httpd_stream *stream = userdata;
	struct httpd *httpd = stream->httpd;

	pthread_mutex_lock(&httpd->mutex);
	if (stream->next)
		stream->next->previous = stream->previous;
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		httpd->streams = stream->next;
	pthread_mutex_unlock(&httpd->mutex);
	if (stream->closed)
		stream->closed(stream->userdata);
	pthread_mutex_destroy(&stream->mutex);
	free(stream);
}

struct httpd_stream *httpd_answer_stream(struct httpd_request *request, const char *content_type,
	httpd_stream_read read, void (*closed)(void *userdata), void *userdata)
{
	struct httpd *httpd = request->httpd;
	struct httpd_stream *stream = calloc(1, sizeof *stream);
	struct MHD_Response *response;

	if (!stream)
		return NULL;
	stream->httpd = httpd;
	stream->connection = request->connection;
	stream->read = read;
	stream->closed = closed;
	stream->userdata = userdata;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, stream, on_free);
	if (!response) {
		free(stream);
		return NULL;
	}
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_mutex_lock(&httpd->mutex);
	stream->next = httpd->streams;
	if (stream->next)
		stream->next->previous = stream;
	httpd->streams = stream;
	pthread_mutex_unlock(&httpd->mutex);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	httpd_respond(request, 200, response);
	return stream;
}

void httpd_stream_wake(struct httpd_stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	stream->woken = true;
	if (stream->suspended) {
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->mutex);
}

void httpd_end_streams(struct httpd *httpd)
{
	pthread_mutex_lock(&httpd->mutex);
	for (struct httpd_stream *stream = httpd->streams; stream; stream = stream->next)
		httpd_stream_wake(stream);
	pthread_mutex_unlock(&httpd->mutex);
}
