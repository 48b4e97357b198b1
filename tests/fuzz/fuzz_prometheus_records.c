/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/prometheus
/*
 * Records of a damaged spool: the first byte says how many declarations are complete, then each record has its length in two
 * bytes before it. Whatever comes, each name is there once, each line of a sample is whole, and what is kept reads back
 * as the same.
 */
#include "plugins/prometheus/exposition.h"
#include "plugins/prometheus/keep.h"

#include "base/clock.h"
#include "base/utf8.h"

#define WALL_MS INT64_C(1700000000000)
#define BOOT_NS (INT64_C(1000000) * NSEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct records *records, const uint8_t *data, size_t size)
{
	bool complete;

	if (size == 0)
		return;
	complete = data[0] & 1;
	data++;
	size--;
	while (size >= 2) {
		size_t length = MIN((size_t)(data[0] | data[1] << 8), size - 2);

		(void)records_apply(records, data + 2, length, complete, WALL_MS, BOOT_NS);
		data += 2 + length;
		size -= 2 + length;
	}
}

static void judge_line(char *line, struct strmap *types)
{
	if (startswith(line, "# TYPE ")) {
		char *name = line + strlen("# TYPE ");

		name[strcspn(name, " ")] = '\0';
		if (strmap_get(types, name) || strmap_set(types, name, types, NULL) < 0)
			__builtin_trap();
	} else if (line[0] != '#') {
		const char *value = strrchr(line, ' ');

		if (!value || !value[1] || value == line)
			__builtin_trap();
	}
}

static void judge(struct picture *picture, enum format format)
{
	const struct exposition_settings settings = {.agent_info = true};
	struct scrape_counters counters = {.connections = 0};
	struct strmap types = STRMAP_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	char *rest, *line;

	if (exposition_write(picture, &settings, format, BOOT_NS, &counters, &out) < 0)
		return;
	if (!utf8_valid(out.data, out.size) || out.data[out.size - 1] != '\n')
		__builtin_trap();
	out.data[out.size - 1] = '\0';
	rest = out.data;
	while ((line = strsep(&rest, "\n")))
		judge_line(line, &types);
	strmap_done(&types, NULL);
}

static void judge_kept(struct picture *picture)
{
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT;
	struct records *records;
	struct picture other;

	picture_init(&other, 0);
	if (records_new(&other, &records) < 0)
		return;
	if (keep_encode(picture, KEEP_ALL, BOOT_NS, &first) == 0) {
		if (keep_decode(records, first.data, first.size, WALL_MS, BOOT_NS) < 0 ||
			keep_encode(&other, KEEP_ALL, BOOT_NS, &second) < 0)
			__builtin_trap();
		if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
			__builtin_trap();
	}
	records_free(records);
	picture_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records *records;
	struct picture picture;

	picture_init(&picture, 0);
	if (records_new(&picture, &records) < 0)
		return 0;
	records_set_stream(records, 1);
	feed(records, data, size);
	judge(&picture, FORMAT_TEXT);
	judge(&picture, FORMAT_OPENMETRICS);
	judge_kept(&picture);
	records_sweep(records, BOOT_NS + 3600 * NSEC_PER_SEC);
	judge(&picture, FORMAT_TEXT);
	records_free(records);
	picture_done(&picture);
	return 0;
}
