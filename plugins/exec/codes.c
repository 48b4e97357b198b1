/* SPDX-License-Identifier: Apache-2.0 */
#include "codes.h"

#include "base/parse.h"
#include "base/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void codes_init(struct codes *codes)
{
	memset(codes->status, CODE_UNMAPPED, sizeof codes->status);
}

static int parse_code(const char *text, size_t size, uint64_t *ret_code)
{
	char copy[8];

	if (size >= sizeof copy)
		return -EINVAL;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return parse_uint64(copy, ret_code);
}

int codes_set(struct codes *codes, const char *text, int status, struct error *error)
{
	size_t first_size = strcspn(text, "-");
	uint64_t first, last;

	if (parse_code(text, first_size, &first) < 0)
		return error_set(error, -EINVAL, "\"%s\" is no exit status, such as 3 or 10-19", text);
	last = first;
	if (text[first_size] && parse_code(text + first_size + 1, strlen(text + first_size + 1), &last) < 0)
		return error_set(error, -EINVAL, "\"%s\" is no exit status, such as 3 or 10-19", text);
	if (first > last || last >= CODES)
		return error_set(error, -EINVAL, "\"%s\": exit statuses go from 0 to 255", text);
	for (uint64_t code = first; code <= last; code++) {
		if (codes->status[code] != CODE_UNMAPPED && codes->status[code] != status)
			return error_set(error, -EINVAL, "exit status %" PRIu64 " already means %s", code,
				status_name(codes->status[code]));
		codes->status[code] = (uint8_t)status;
	}
	return 0;
}
