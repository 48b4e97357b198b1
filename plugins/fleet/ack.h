/* SPDX-License-Identifier: Apache-2.0 */
/* gavea.v1.ReportAck, as protobuf or as JSON. */
#ifndef FLEET_ACK_H
#define FLEET_ACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ack {
	uint64_t acked_seq;
	bool need_declarations;
	uint32_t retry_after_ms;
	char *error; /* NULL: none. As it came: not yet presentable. Owned. */
};

#define ACK_INIT \
	{ \
		0, false, 0, NULL \
	}
void ack_done(struct ack *ack);

/* Both: 0; -EBADMSG: this is no ReportAck; -ENOMEM. Unknown fields are passed over. *ret_ack must be empty.
 */
int ack_parse_protobuf(const void *bytes, size_t size, struct ack *ret_ack);
int ack_parse_json(const void *bytes, size_t size, struct ack *ret_ack);

/* The text of {"error": "…"}, and the word of "code" beside it, allocated; NULL: there is none. */
char *error_parse_json(const void *bytes, size_t size);
char *code_parse_json(const void *bytes, size_t size);

#endif
