/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the picture on disk, so that a worker that begins anew does not forget what a check said that runs once a day: its
 * state and its samples, but not histograms, and not the counts of events.
 *
 * The file has a line that tells its form, then records (report.proto) with their length before them, and a checksum. It
 * is replaced as a whole. It is written before the records that it holds are acknowledged: what is lost with a crash comes
 * again.
 */
#ifndef PROMETHEUS_KEEP_H
#define PROMETHEUS_KEEP_H

#include "base/buf.h"
#include "records.h"

/* Writes the picture as it is at boot_ns. 0 or -errno. Blocks on the disk. */
int keep_write(struct picture *picture, const char *path, int64_t boot_ns);

/* Reads it back into an empty picture. 0; -ENOENT: there is none; -EBADMSG: damaged, nothing was taken; or -errno. */
int keep_read(struct records *records, const char *path, int64_t wall_ms, int64_t boot_ns);

/* The content of the file, for those two. */
int keep_encode(struct picture *picture, int64_t boot_ns, struct buf *out);
int keep_decode(struct records *records, const void *bytes, size_t size, int64_t wall_ms, int64_t boot_ns);

#endif
