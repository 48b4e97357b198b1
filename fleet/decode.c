/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/decode.h"

#include "base/buf.h"

#include <errno.h>
#include <pthread.h>
#include <zstd.h>
#include <zstd_errors.h>

#define KEEP_MAX ((size_t)256 << 10) /* of a decoder's memory between reports */
#define WINDOW_LOG_MAX 23

struct decoder {
	struct decoder *next;
	ZSTD_DCtx *zstd;
	struct buf plain;
};

struct decoders {
	pthread_mutex_t mutex;
	struct decoder *idle;
};

int report_encoding_from_name(const char *name)
{
	if (!name || streq(name, "identity"))
		return REPORT_IDENTITY;
	return streq(name, "zstd") ? REPORT_ZSTD : -EINVAL;
}

const char *report_encoding_name(enum report_encoding encoding)
{
	return encoding == REPORT_ZSTD ? "zstd" : "identity";
}

struct decoders *decoders_new(void)
{
	struct decoders *decoders = calloc(1, sizeof *decoders);

	if (decoders)
		pthread_mutex_init(&decoders->mutex, NULL);
	return decoders;
}

static void decoder_free(struct decoder *decoder)
{
	ZSTD_freeDCtx(decoder->zstd);
	buf_done(&decoder->plain);
	free(decoder);
}

void decoders_free(struct decoders *decoders)
{
	if (!decoders)
		return;
	while (decoders->idle) {
		struct decoder *decoder = decoders->idle;

		decoders->idle = decoder->next;
		decoder_free(decoder);
	}
	pthread_mutex_destroy(&decoders->mutex);
	free(decoders);
}

static struct decoder *take(struct decoders *decoders)
{
	struct decoder *decoder;

	pthread_mutex_lock(&decoders->mutex);
	decoder = decoders->idle;
	if (decoder)
		decoders->idle = decoder->next;
	pthread_mutex_unlock(&decoders->mutex);
	if (decoder)
		return decoder;
	decoder = calloc(1, sizeof *decoder);
	if (!decoder)
		return NULL;
	decoder->zstd = ZSTD_createDCtx();
	if (!decoder->zstd ||
		ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		decoder_free(decoder);
		return NULL;
	}
	return decoder;
}

static void give_back(struct decoders *decoders, struct decoder *decoder)
{
	if (decoder->plain.room > KEEP_MAX)
		buf_done(&decoder->plain);
	pthread_mutex_lock(&decoders->mutex);
	decoder->next = decoders->idle;
	decoders->idle = decoder;
	pthread_mutex_unlock(&decoders->mutex);
}

/* Trouble of ours must not be taken for a bad report: the agent would give it up. */
static int damaged(size_t code, struct error *error)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
		return error_set(error, -ENOMEM, "out of memory");
	return error_set(error, -EBADMSG, "damaged zstd data: %s", ZSTD_getErrorName(code));
}

static int too_large(struct error *error)
{
	return error_set(error, -EFBIG, "more than %zu bytes when decompressed", REPORT_PLAIN_MAX);
}

/* A frame that doesn't say how long its content is. */
static int inflate_stream(struct decoder *decoder, const void *body, size_t size, struct error *error)
{
	ZSTD_inBuffer in = {body, size, 0};
	struct buf *plain = &decoder->plain;
	size_t chunk = ZSTD_DStreamOutSize(), left = 1;

	ZSTD_DCtx_reset(decoder->zstd, ZSTD_reset_session_only);
	for (;;) {
		char *at = buf_extend(plain, chunk);
		ZSTD_outBuffer out = {at, chunk, 0};

		if (!at)
			return buf_error(plain) == -E2BIG ? too_large(error)
							  : error_set(error, -ENOMEM, "out of memory");
		left = ZSTD_decompressStream(decoder->zstd, &out, &in);
		if (ZSTD_isError(left))
			return damaged(left, error);
		plain->size += out.pos;
		if (plain->size > REPORT_PLAIN_MAX)
			return too_large(error);
		if (in.pos == in.size && out.pos < out.size)
			break;
	}
	return left == 0 ? 0 : error_set(error, -EBADMSG, "the zstd data is cut off");
}

static int inflate(struct decoder *decoder, const void *body, size_t size, struct error *error)
{
	unsigned long long content = ZSTD_getFrameContentSize(body, size);
	struct buf *plain = &decoder->plain;
	char *at;
	size_t n;

	buf_reset(plain);
	plain->limit = REPORT_PLAIN_MAX + ZSTD_DStreamOutSize();
	if (content == ZSTD_CONTENTSIZE_ERROR)
		return error_set(error, -EBADMSG, "not zstd data");
	if (content == ZSTD_CONTENTSIZE_UNKNOWN)
		return inflate_stream(decoder, body, size, error);
	if (content > REPORT_PLAIN_MAX)
		return too_large(error);
	at = buf_extend(plain, content + 1);
	if (!at)
		return error_set(error, -ENOMEM, "out of memory");
	n = ZSTD_decompressDCtx(decoder->zstd, at, content, body, size);
	if (ZSTD_isError(n))
		return damaged(n, error);
	plain->size = n;
	return 0;
}

int report_decode(struct decoders *decoders, enum report_encoding encoding, const void *body, size_t size,
	struct arena *arena, Gavea__V1__Report **ret_report, struct error *error)
{
	struct decoder *decoder = take(decoders);
	Gavea__V1__Report *report;
	int r = 0;

	if (!decoder)
		return error_set(error, -ENOMEM, "out of memory");
	if (encoding == REPORT_ZSTD) {
		r = inflate(decoder, body, size, error);
		body = buf_str(&decoder->plain);
		size = decoder->plain.size;
	}
	if (r == 0) {
		report = gavea__v1__report__unpack(&arena->allocator, size, body);
		if (report)
			*ret_report = report;
		else if (arena->full)
			r = error_set(error, -EFBIG,
				"too many parts: they don't fit into %zu bytes of memory", arena->limit);
		else if (arena->starved)
			r = error_set(error, -ENOMEM, "out of memory");
		else
			r = error_set(error, -EBADMSG, "not a gavea.v1.Report");
	}
	give_back(decoders, decoder);
	return r;
}
