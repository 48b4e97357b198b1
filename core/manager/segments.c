/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/segments.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <gavea/plugin.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int segment_create(
	int folder, const struct segment_header *header, bool in_memory, struct segment *ret_segment)
{
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	_cleanup_fd_ int fd = -EBADF;
	char name[32];
	int r;

	segment_encode_header(header, bytes);
	segment_file_name(header->stream, name);
	if (in_memory)
		fd = memfd_create(name, MFD_CLOEXEC);
	else
		fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	r = fd_pwrite_full(fd, bytes, sizeof bytes, 0);
	if (r == 0 && !in_memory && (fsync(fd) < 0 || fsync(folder) < 0))
		r = -errno;
	if (r < 0) {
		if (!in_memory)
			unlinkat(folder, name, 0);
		return r;
	}
	*ret_segment = (struct segment){
		.stream = header->stream,
		.in_memory = in_memory,
		.fd = TAKE_FD(fd),
		.size = SEGMENT_HEADER_SIZE,
		.begin_seq = header->first_seq,
	};
	memcpy(ret_segment->spool_id, header->spool_id, sizeof ret_segment->spool_id);
	return 0;
}

int segment_open(int folder, const struct segment *segment)
{
	char name[48];
	int fd;

	if (segment->in_memory) {
		/* A new open file, so that a reader can't write. */
		snprintf(name, sizeof name, "/proc/self/fd/%d", segment->fd);
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} else {
		segment_file_name(segment->stream, name);
		fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? -errno : fd;
}

void segment_count(struct segment *segment, uint64_t seq, int kind, int64_t time_ms)
{
	if (segment->records++ == 0) {
		segment->first_seq = seq;
		segment->oldest_ms = time_ms;
	}
	segment->last_seq = seq;
	segment->newest_ms = MAX(segment->newest_ms, time_ms);
	if (kind == GAVEA_RECORD_SAMPLES)
		segment->samples++;
	else if (kind == GAVEA_RECORD_RESULT)
		segment->results++;
	else if (kind == GAVEA_RECORD_EVENT || kind == GAVEA_RECORD_SPAN || kind == GAVEA_RECORD_CHECK_GONE)
		segment->events++;
	else if (kind == GAVEA_RECORD_LOSS)
		segment->losses++;
}

struct recovery {
	struct segment *segment;
	uint64_t good; /* the end of the last good record */
};

#define LOST_LOOK_MAX ((size_t)16 << 20) /* of a file */
#define LOST_WORK_MAX ((size_t)64 << 20) /* bytes that go through checksums */

static int count_record(uint64_t seq, const uint8_t *payload, size_t length, uint64_t next, void *userdata)
{
	struct recovery *recovery = userdata;
	int64_t time_ms = 0;
	int kind;

	if (seq <= recovery->segment->last_seq)
		return -EBADMSG;
	kind = segment_record_head(payload, length, &time_ms);
	segment_count(recovery->segment, seq, kind, time_ms);
	recovery->good = next;
	return 0;
}

/* Whether what follows the last good record is only the torn end of one write: no whole good record comes
 * after it. A crash leaves such a tail; anything else is damage. */
static bool tail_is_torn(int fd, uint64_t good, uint64_t end)
{
	uint8_t header[SEGMENT_RECORD_HEADER_SIZE];
	ssize_t n = fd_pread_full(fd, header, sizeof header, (off_t)good);
	uint32_t length;

	if (n < (ssize_t)sizeof header)
		return true;
	length = get_le32(header);
	if (length > SEGMENT_RECORD_MAX)
		return false;
	/* Space that the file system had set aside reads as zeros. */
	return length == 0 || good + sizeof header + length >= end;
}

/* The header is synced before the first record is written: a file that ends before its end, or has only zeros
 * there (space set aside), was left by a crash in segment_create(). */
static bool is_unfinished(int fd, uint64_t size)
{
	static const uint8_t zeros[SEGMENT_HEADER_SIZE];
	uint8_t bytes[SEGMENT_HEADER_SIZE];

	if (size != SEGMENT_HEADER_SIZE)
		return size < SEGMENT_HEADER_SIZE;
	return fd_pread_full(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
		memcmp(bytes, zeros, sizeof bytes) == 0;
}

/* Where damage began nobody knows where the next record does: every place is tried, as long as the work stays bounded. A
 * record of so many bytes that its checksum fits is hardly there by chance. */
static void count_lost(int fd, uint64_t from, uint64_t end, struct segment *lost)
{
	size_t size = (size_t)MIN(end - MIN(from, end), (uint64_t)LOST_LOOK_MAX), work = LOST_WORK_MAX;
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);
	ssize_t got = bytes ? fd_pread_full(fd, bytes, size, (off_t)from) : -ENOMEM;

	for (size_t at = 0; got > 0 && at + SEGMENT_RECORD_HEADER_SIZE <= (size_t)got;) {
		uint32_t length = get_le32(bytes + at);
		const uint8_t *payload;
		size_t payload_size, taken;
		int64_t time_ms = 0;
		uint64_t seq;
		int kind;

		if (length == 0 || length > SEGMENT_RECORD_MAX ||
			at + SEGMENT_RECORD_HEADER_SIZE + length > (size_t)got ||
			get_le64(bytes + at + 8) <= lost->last_seq) {
			at++;
			continue;
		}
		if (length > work)
			return;
		work -= length;
		if (segment_decode_record(
			    bytes + at, (size_t)got - at, &seq, &payload, &payload_size, &taken) != 1) {
			at++;
			continue;
		}
		kind = segment_record_head(payload, payload_size, &time_ms);
		segment_count(lost, seq, kind, time_ms);
		at += taken;
	}
}

int segment_recover(int folder, uint64_t stream, struct segment *ret_segment, struct segment *ret_lost)
{
	struct segment segment = {.stream = stream, .fd = -EBADF};
	struct recovery recovery = {.segment = &segment, .good = SEGMENT_HEADER_SIZE};
	struct segment_visit visit = {count_record, &recovery};
	uint8_t bytes[SEGMENT_HEADER_SIZE];
	struct segment_header header;
	_cleanup_fd_ int fd = -EBADF;
	struct stat st;
	char name[32];
	bool torn;
	int r;

	*ret_lost = (struct segment){.fd = -EBADF};
	segment_file_name(stream, name);
	fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && is_unfinished(fd, (uint64_t)st.st_size))
		return -ENODATA;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	if (fd_pread_full(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
		segment_decode_header(bytes, &header) < 0 || header.stream != stream) {
		count_lost(fd, SEGMENT_HEADER_SIZE, (uint64_t)st.st_size, ret_lost);
		return -EBADMSG;
	}
	memcpy(segment.spool_id, header.spool_id, sizeof segment.spool_id);
	segment.begin_seq = header.first_seq;
	r = segment_walk(fd, SEGMENT_HEADER_SIZE, (uint64_t)st.st_size, &visit);
	if (r < 0 && r != -EBADMSG)
		return r;
	segment.size = recovery.good;
	if (segment.records > 0 && segment.records == segment.losses)
		segment.thinned = THINNED_ALL;
	*ret_segment = segment;
	if (r == 0)
		return 0;
	torn = tail_is_torn(fd, recovery.good, (uint64_t)st.st_size);
	if (!torn) {
		ret_lost->last_seq = segment.last_seq;
		count_lost(fd, recovery.good, (uint64_t)st.st_size, ret_lost);
	}
	if (torn && (ftruncate(fd, (off_t)recovery.good) < 0 || fdatasync(fd) < 0))
		return -errno;
	log_warning("spool: %s: %s after seq %" PRIu64 " (%" PRIu64 " of %lld bytes)", name,
		torn ? "cut a torn record" : "found damage", segment.last_seq, recovery.good,
		(long long)st.st_size);
	return torn ? 0 : 1;
}
