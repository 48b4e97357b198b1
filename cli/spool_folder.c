/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/spool_folder.h"
#include "base/bytes.h"
#include "base/fd.h"

#include <gavea/plugin.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_segment(struct spool_folder *folder, const char *name, uint64_t stream)
{
	struct spool_segment *segment;

	if (GROW(folder->segments, folder->count, folder->room) < 0)
		return -ENOMEM;
	segment = &folder->segments[folder->count++];
	*segment = (struct spool_segment){.stream = stream};
	snprintf(segment->name, sizeof segment->name, "%s", name);
	return 0;
}

static int add_position(struct spool_folder *folder, const char *file, const char *name)
{
	_cleanup_fd_ int fd = openat(folder->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct spool_position *position;

	if (fd < 0)
		return 0;
	if (GROW(folder->positions, folder->position_count, folder->position_room) < 0)
		return -ENOMEM;
	position = &folder->positions[folder->position_count++];
	snprintf(position->name, sizeof position->name, "%s", name);
	position->seq = segment_read_slots(fd).seq;
	return 0;
}

static int add_aside(struct spool_folder *folder, const char *name)
{
	char *copy = strdup(name);

	if (!copy || GROW(folder->aside, folder->aside_count, folder->aside_room) < 0) {
		free(copy);
		return -ENOMEM;
	}
	folder->aside[folder->aside_count++] = copy;
	return 0;
}

static int add_entry(struct spool_folder *folder, const char *name)
{
	const char *rest = startswith(name, "cursor-");
	size_t length = strlen(name);
	uint64_t stream;

	if (segment_parse_name(name, &stream) == 0)
		return add_segment(folder, name, stream);
	if (rest)
		return add_position(folder, name, rest);
	if (startswith(name, "segment-") && length > 8 && streq(name + length - 8, ".damaged"))
		return add_aside(folder, name);
	return 0;
}

static int by_stream(const void *a, const void *b)
{
	uint64_t x = ((const struct spool_segment *)a)->stream, y = ((const struct spool_segment *)b)->stream;

	return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct spool_position *)a)->name, ((const struct spool_position *)b)->name);
}

static int list(struct spool_folder *folder)
{
	int copy = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		fd_close(copy);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)))
		r = add_entry(folder, entry->d_name);
	closedir(dir);
	if (folder->count)
		qsort(folder->segments, folder->count, sizeof *folder->segments, by_stream);
	if (folder->position_count)
		qsort(folder->positions, folder->position_count, sizeof *folder->positions, by_name);
	return r;
}

int spool_folder_open(const char *path, struct spool_folder *ret_folder, struct error *error)
{
	struct spool_folder folder = {.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	int r = folder.fd < 0 ? -errno : list(&folder);

	if (r == 0) {
		*ret_folder = folder;
		return 0;
	}
	spool_folder_done(&folder);
	if (r == -ENOENT)
		return error_set(
			error, r, "%s: there is no spool; --state names the agent's state directory", path);
	if (r == -EACCES)
		return error_set(
			error, r, "%s: permission denied; it is for root and the user of the agent", path);
	return error_set(error, r, "%s: %s", path, strerror(-r));
}

void spool_folder_done(struct spool_folder *folder)
{
	folder->fd = fd_close(folder->fd);
	for (size_t i = 0; i < folder->aside_count; i++)
		free(folder->aside[i]);
	free(folder->aside);
	free(folder->positions);
	free(folder->segments);
	*folder = (struct spool_folder)SPOOL_FOLDER_INIT;
}

/* ---- One segment ---- */

struct reading {
	struct spool_segment *segment;
	const struct segment_visit *visit;
	bool misplaced; /* a record whose seq does not rise */
};

static void count(struct spool_segment *segment, int kind)
{
	switch (kind) {
	case GAVEA_RECORD_SAMPLES:
		segment->samples++;
		break;
	case GAVEA_RECORD_RESULT:
		segment->results++;
		break;
	case GAVEA_RECORD_EVENT:
	case GAVEA_RECORD_SPAN:
	case GAVEA_RECORD_CHECK_GONE:
		segment->events++;
		break;
	case GAVEA_RECORD_LOSS:
		segment->losses++;
		break;
	default:
		segment->others++;
	}
}

static int take_record(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct reading *reading = userdata;
	struct spool_segment *segment = reading->segment;
	int64_t time_ms = 0;
	int kind = segment_record_head(payload, length, &time_ms);

	if (segment->records && seq <= segment->last_seq) {
		reading->misplaced = true;
		return -EBADMSG;
	}
	if (segment->records++ == 0) {
		segment->first_seq = seq;
		segment->oldest_ms = time_ms;
	} else {
		segment->skipped += seq - segment->last_seq - 1;
	}
	segment->last_seq = seq;
	segment->newest_ms = time_ms;
	segment->good = next;
	count(segment, kind);
	return reading->visit ? reading->visit->visit(seq, payload, length, next, reading->visit->userdata)
			      : 0;
}

static int damaged(struct spool_segment *segment, const char *problem)
{
	segment->end = SEGMENT_DAMAGED;
	snprintf(segment->problem, sizeof segment->problem, "%s", problem);
	return 0;
}

static int read_header(struct spool_segment *segment, int fd)
{
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	struct segment_header header;
	ssize_t n = fd_pread_full(fd, bytes, sizeof bytes, 0);

	if (n < 0)
		return (int)n;
	if (n < (ssize_t)sizeof bytes) {
		segment->end = SEGMENT_TORN;
		return 1;
	}
	if (segment_decode_header(bytes, &header) < 0 || header.stream != segment->stream) {
		damaged(segment, "not a segment, or its header is damaged");
		return 1;
	}
	for (size_t i = 0; i < sizeof header.spool_id; i++)
		snprintf(segment->spool_id + 2 * i, 3, "%02x", header.spool_id[i]);
	segment->good = sizeof bytes;
	return 0;
}

/* Only the end of one write lies behind the last good record: no whole one follows. */
static bool is_torn(int fd, const struct spool_segment *segment)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	uint32_t length;

	if (fd_pread_full(fd, header, sizeof header, (off_t)segment->good) < (ssize_t)sizeof header)
		return true;
	length = get_le32(header);
	return length == 0 ||
		(length <= SEGMENT_RECORD_MAX && segment->good + sizeof header + length >= segment->size);
}

int spool_folder_read(
	struct spool_folder *folder, struct spool_segment *segment, const struct segment_visit *visit)
{
	_cleanup_fd_ int fd =
		openat(folder->fd, segment->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct reading reading = {.segment = segment, .visit = visit};
	struct segment_visit walk = {take_record, &reading};
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT) {
		segment->end = SEGMENT_GONE;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return damaged(segment, "not a regular file");
	segment->size = (uint64_t)st.st_size;
	r = read_header(segment, fd);
	if (r != 0)
		return MIN(r, 0);
	r = segment_walk(fd, SEGMENT_HEADER_SIZE, segment->size, &walk);
	if (reading.misplaced)
		return damaged(segment, "a record whose seq does not follow the one before");
	if (r != -EBADMSG)
		return r;
	if (!is_torn(fd, segment))
		return damaged(segment, "a record whose checksum or length is wrong");
	segment->end = SEGMENT_TORN;
	return 0;
}
