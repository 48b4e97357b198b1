/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/backup
/* Dumps in pg_dump's custom format, and the edges of others: they are taken whole or refused with a text, within bounds. */
#include "plugins/backup/content.h"
#include "plugins/backup/pgdump.h"

#define DATA_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static ssize_t hand_out(void *userdata, void *buffer, size_t size)
{
	struct input *input = userdata;
	size_t n = MIN(size, input->size);

	if (n)
		memcpy(buffer, input->data, n);
	input->data += n;
	input->size -= n;
	return (ssize_t)n;
}

static void judge_edges(const uint8_t *data, size_t size)
{
	struct content content = {.size = size};
	char text[512];

	content.head_size = MIN(size, (size_t)CONTENT_EDGE);
	content.tail_size = MIN(size, (size_t)CONTENT_EDGE);
	if (size) {
		memcpy(content.head, data, content.head_size);
		memcpy(content.tail, data + size - content.tail_size, content.tail_size);
	}
	if (content_judge(&content, 0, NULL, text) == GAVEA_OK && size == 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct input input = {data, size};
	struct pgdump dump;
	int r = pgdump_read(hand_out, &input, DATA_MAX, &dump, &error);

	/* One piece may come before the bound is seen. */
	if (r == 0 ? dump.size > DATA_MAX || input.size : !error.message)
		__builtin_trap();
	judge_edges(data, size);
	return 0;
}
