/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the picture on disk, so that a worker that begins anew does not forget what a check said that runs once a day: its
 * state and its samples, but not histograms, and not the counts of events.
 *
 * There are two files: "picture" has all, "states" the checks alone. The latter is small and never older, so that it can
 * be written whenever a state changes. Each has a line that tells its form, then records (report.proto) with their length
 * before them, and a checksum. They are replaced as a whole, before the records that they hold are acknowledged: what is
 * lost with a crash comes again.
 */
#ifndef PROMETHEUS_KEEP_H
#define PROMETHEUS_KEEP_H

#include "base/buf.h"
#include "records.h"

enum keep {
	KEEP_STATES,
	KEEP_ALL,
};

/* Writes the files in this folder as the picture is at boot_ns. 0 or -errno. Blocks on the disk. */
int keep_write(struct picture *picture, const char *folder, enum keep what, int64_t boot_ns);

/* Reads them back into an empty picture. 0; -EBADMSG: one is damaged, and nothing was taken of that; or -errno. That there
 * are none is no error. */
int keep_read(struct records *records, const char *folder, int64_t wall_ms, int64_t boot_ns);

/* The content of a file, for those two. */
int keep_encode(struct picture *picture, enum keep what, int64_t boot_ns, struct buf *out);
int keep_decode(struct records *records, const void *bytes, size_t size, int64_t wall_ms, int64_t boot_ns);

#endif
