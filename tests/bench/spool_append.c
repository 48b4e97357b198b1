/* SPDX-License-Identifier: Apache-2.0 */
/* What a record costs that goes into the spool: appended and written, without the sync that its batch shares; beside it
 * the same bytes in plain writes. usage: spool_append FOLDER RECORDS PAYLOAD */
#include "base/clock.h"
#include "base/log.h"
#include "core/manager/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 100 /* records between flushes */

/* Takes the place of the library's: what is measured is all but that. */
int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int fsync(int fd)
{
	(void)fd;
	return 0;
}

static double spool_us(const char *folder, int records, const uint8_t *payload, size_t length)
{
	struct spool_settings settings = {.folder = folder, .max_bytes = UINT64_C(1) << 30};
	struct spool_cursor *cursor;
	struct spool *spool;
	int64_t began;

	if (spool_open(&settings, &spool) < 0 || spool_cursor_open(spool, "bench", &cursor) < 0)
		exit(1);
	began = clock_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < records; i++) {
		spool_begin(spool);
		if (spool_append(spool, payload, length) < 0)
			exit(1);
		if (i % BATCH == BATCH - 1)
			spool_flush(spool);
	}
	spool_flush(spool);
	began = clock_ns(CLOCK_MONOTONIC) - began;
	spool_close(spool);
	return (double)began / records / 1000;
}

static double floor_us(const char *folder, int records, const uint8_t *payload, size_t length)
{
	char path[256], batch[BATCH * (4096 + 16)];
	size_t size = BATCH * (length + 16);
	int64_t began;
	int fd;

	snprintf(path, sizeof path, "%s/floor", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (size_t i = 0; i < size; i++)
		batch[i] = (char)payload[i % length];
	began = clock_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < records; i += BATCH)
		if (write(fd, batch, size) != (ssize_t)size)
			exit(1);
	began = clock_ns(CLOCK_MONOTONIC) - began;
	close(fd);
	return (double)began / records / 1000;
}

int main(int argc, char **argv)
{
	int records = argc == 4 ? atoi(argv[2]) : 0;
	size_t length = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	uint8_t payload[4096] = {0x10, 0x01, 0x32}; /* time 1, and a body of event kind */

	if (records < BATCH || length < 8 || length > sizeof payload) {
		fprintf(stderr, "usage: spool_append FOLDER RECORDS PAYLOAD\n");
		return 2;
	}
	log_set_level(3);
	for (size_t i = 3; i < length; i++)
		payload[i] = (uint8_t)(i * 31);
	printf("{\"spool_us\": %.3f, \"floor_us\": %.3f}\n", spool_us(argv[1], records, payload, length),
		floor_us(argv[1], records, payload, length));
	return 0;
}
