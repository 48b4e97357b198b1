/* SPDX-License-Identifier: Apache-2.0 */
/* From the body of a request to a report that is sound in itself: decompressed, decoded and judged, within
 * bounds. */
#ifndef FLEET_DECODE_H
#define FLEET_DECODE_H

#include "base/error.h"
#include "fleet/arena.h"
#include "proto/report.pb-c.h"

#include <stdint.h>

#define REPORT_BODY_MAX ((size_t)1 << 20)
#define REPORT_PLAIN_MAX ((size_t)8 << 20) /* decompressed */
#define REPORT_MEMORY_MAX ((size_t)64 << 20) /* decoded: small messages blow up */
#define REPORT_NUMBER_MAX (1u << 18) /* of series and checks */

enum report_encoding {
	REPORT_IDENTITY,
	REPORT_ZSTD,
};

/* "zstd", "identity"; NULL is identity. -EINVAL: another. */
int report_encoding_from_name(const char *name);
const char *report_encoding_name(enum report_encoding encoding);

/* Contexts of zstd and memory, kept between reports. Used by any number of threads. */
struct decoders;

struct decoders *decoders_new(void);
void decoders_free(struct decoders *decoders);

/*
 * Decodes a body into the arena. The body may change or go afterwards. 0 with *ret_report; -EBADMSG: not such
 * a message; -EFBIG: over a bound; -ENOMEM. error says what, without where.
 */
int report_decode(struct decoders *decoders, enum report_encoding encoding, const void *body, size_t size,
	struct arena *arena, Gavea__V1__Report **ret_report, struct error *error);

/*
 * Judges all that can be judged without knowing the host: ids, protocol, order of seq, lengths of arrays,
 * names, numbers. Refuses what no agent of ours sends; mends what may come from a plugin: invalid UTF-8 in
 * texts and texts that are too long. 0, or -EBADMSG with error filled.
 */
int report_judge(Gavea__V1__Report *report, struct error *error);

#endif
