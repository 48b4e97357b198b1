/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/channel.h"
#include "base/fd.h"
#include "core/worker/text.h"
#include "wire/frame.h"

#include <sys/socket.h>
#include <sys/time.h>

int channel_init(struct channel *channel, int fd)
{
	struct timeval patience = {.tv_sec = CHANNEL_PATIENCE};
	int r;

	*channel = (struct channel){.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER};
	r = fd_set_nonblocking(fd, 0);
	if (r < 0)
		return r;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ? -errno : 0;
}

void channel_done(struct channel *channel)
{
	buf_done(&channel->scratch);
	pthread_mutex_destroy(&channel->lock);
}

int channel_send(struct channel *channel, const Gavea__Worker__V1__FromWorker *message)
{
	int r = -EPIPE;

	pthread_mutex_lock(&channel->lock);
	if (!channel->lost) {
		r = frame_send(channel->fd, &message->base, -1, &channel->scratch);
		if (r < 0 && r != -EMSGSIZE && r != -ENOMEM) {
			channel->lost = true;
			r = -EPIPE;
		}
	}
	pthread_mutex_unlock(&channel->lock);
	return r;
}

void channel_log_traced(
	struct channel *channel, uint32_t check, int level, const uint8_t *trace_id, const char *text)
{
	Gavea__Worker__V1__FromWorker message = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Log log = GAVEA__WORKER__V1__LOG__INIT;

	log.level = (uint32_t)level;
	log.check = check;
	log.text = (char *)text;
	if (trace_id)
		log.trace_id = (ProtobufCBinaryData){16, (uint8_t *)trace_id};
	message.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_LOG;
	message.log = &log;
	channel_send(channel, &message);
}

void channel_log(struct channel *channel, uint32_t check, int level, const char *format, ...)
{
	char text[TEXT_ROOM(TEXT_LOG_MAX)];
	va_list args;

	va_start(args, format);
	text_format(text, TEXT_LOG_MAX, format, args);
	va_end(args);
	channel_log_traced(channel, check, level, NULL, text);
}
