/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the spool for other programs: JSON, one object a line, with names in the place of numbers; or protobuf. */
#ifndef CLI_SPOOL_EXPORT_H
#define CLI_SPOOL_EXPORT_H

#include "base/buf.h"
#include "cli/spool_folder.h"

struct spool_export {
	bool protobuf; /* each record whole, with its seq, behind its length as a varint; declarations included */
	int64_t since_ms; /* no record from before */
	const char *kind; /* only this one: "samples", "result", "event", …; NULL: all but declarations */
};

/* NULL, or the name of that kind of record. */
const char *spool_kind_name(int kind);

/* Hands what was made to write() in pieces. 0, what write() returned when not 0, or -errno. Blocks. */
int spool_export_segment(const struct spool_export *export, struct spool_folder *folder,
	struct spool_segment *segment, int (*write)(const struct buf *text));

#endif
