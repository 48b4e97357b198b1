/* SPDX-License-Identifier: Apache-2.0 */
#include "keep.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/fd.h"
#include "proto/report.pb-c.h"
#include "text.h"

#include <fcntl.h>

#define HEAD "gavea-prometheus 1\n"
#define HEAD_SIZE (sizeof(HEAD) - 1)
#define FILE_MAX ((size_t)64 << 20)
#define ITEMS_MAX 65536u
#define LABELS_MAX 64u

/* ---- Writing ---- */

static void add_record(struct buf *out, Gavea__V1__Record *record)
{
	size_t size = gavea__v1__record__get_packed_size(record);
	uint8_t length[4];
	char *end;

	put_le32(length, (uint32_t)size);
	buf_add(out, length, sizeof(length));
	end = buf_extend(out, size);
	if (end)
		out->size += gavea__v1__record__pack(record, (uint8_t *)end);
}

static void add_check(struct buf *out, const struct check *check, uint32_t number)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Check message = GAVEA__V1__CHECK__INIT;

	message.number = number;
	message.name = check->name;
	message.every_ms = check->every_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK;
	record.check = &message;
	add_record(out, &record);
}

static Gavea__V1__Status to_wire(int status)
{
	static const Gavea__V1__Status statuses[PICTURE_STATUSES] = {
		[GAVEA_OK] = GAVEA__V1__STATUS__OK,
		[GAVEA_WARNING] = GAVEA__V1__STATUS__WARNING,
		[GAVEA_CRITICAL] = GAVEA__V1__STATUS__CRITICAL,
		[GAVEA_UNKNOWN] = GAVEA__V1__STATUS__UNKNOWN,
	};

	return statuses[status];
}

/* Items without names: only their number counts. */
static int add_result(struct buf *out, const struct check *check, uint32_t number)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Result message = GAVEA__V1__RESULT__INIT;
	Gavea__V1__Item items[PICTURE_STATUSES];
	_cleanup_free_ Gavea__V1__Item **list = calloc(ITEMS_MAX, sizeof(Gavea__V1__Item *));

	if (!list)
		return -ENOMEM;
	for (int status = 0; status < PICTURE_STATUSES; status++) {
		gavea__v1__item__init(&items[status]);
		items[status].status = to_wire(status);
		for (uint64_t i = 0; i < check->items[status] && message.n_items < ITEMS_MAX; i++)
			list[message.n_items++] = &items[status];
	}
	message.items = list;
	message.check = number;
	message.state = to_wire(check->state);
	message.flapping = check->flapping;
	message.started_at_ms = check->started_ms;
	message.state_since_ms = check->since_ms;
	message.duration_us = check->duration_us;
	record.time_ms = check->started_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = &message;
	add_record(out, &record);
	return 0;
}

static int add_series(struct buf *out, const struct series *series, uint32_t number)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Series message = GAVEA__V1__SERIES__INIT;
	Gavea__V1__Series__LabelsEntry entries[LABELS_MAX], *list[LABELS_MAX];
	_cleanup_free_ char *labels = strdup(series->labels);
	struct gavea_pair pairs[LABELS_MAX];

	if (!labels)
		return -ENOMEM;
	message.n_labels = text_split_labels(labels, pairs, LABELS_MAX);
	for (size_t i = 0; i < message.n_labels; i++) {
		gavea__v1__series__labels_entry__init(&entries[i]);
		entries[i].key = (char *)pairs[i].name;
		entries[i].value = (char *)pairs[i].value;
		list[i] = &entries[i];
	}
	message.labels = list;
	message.number = number;
	message.check = series->check->number;
	message.name = series->family->name;
	message.unit = series->family->unit;
	message.help = series->family->help;
	message.type = series->family->type == GAVEA_COUNTER ? GAVEA__V1__SAMPLE_TYPE__COUNTER
							     : GAVEA__V1__SAMPLE_TYPE__GAUGE;
	record.time_ms = series->time_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_SERIES;
	record.series = &message;
	add_record(out, &record);
	return 0;
}

static void add_sample(struct buf *out, const struct series *series, uint32_t number)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Samples message = GAVEA__V1__SAMPLES__INIT;
	int32_t delta = (int32_t)number;
	double value = series->value;

	message.check = series->check->number;
	message.series = &delta;
	message.values = &value;
	message.n_series = message.n_values = 1;
	record.time_ms = series->time_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_SAMPLES;
	record.samples = &message;
	add_record(out, &record);
}

static int add_family(struct buf *out, const struct picture *picture, const struct family *family,
	int64_t boot_ns, uint32_t *number)
{
	int r = 0;

	if (family->type == GAVEA_HISTOGRAM)
		return 0;
	for (size_t i = 0; r == 0 && i < family->count; i++) {
		const struct series *series = family->series[i];

		if (!picture_shows(picture, series, boot_ns))
			continue;
		r = add_series(out, series, ++*number);
		add_sample(out, series, *number);
	}
	return r;
}

static int encode(struct picture *picture, enum keep what, int64_t boot_ns, struct buf *out)
{
	uint32_t checks = 0, count = 0;
	uint8_t sum[4];
	int r = 0;

	buf_add(out, HEAD, HEAD_SIZE);
	for (size_t i = 0; r == 0 && i < picture->check_count; i++) {
		struct check *check = picture->checks[i];

		if (check->gone)
			continue;
		check->number = ++checks;
		add_check(out, check, check->number);
		if (check->judged)
			r = add_result(out, check, check->number);
	}
	for (size_t i = 0; r == 0 && what == KEEP_ALL && i < picture->family_count; i++)
		r = add_family(out, picture, picture->families[i], boot_ns, &count);
	put_le32(sum, crc32c(0, buf_str(out), out->size));
	buf_add(out, sum, sizeof(sum));
	return r < 0 ? r : buf_error(out);
}

int keep_encode(struct picture *picture, enum keep what, int64_t boot_ns, struct buf *out)
{
	int r;

	picture_lock(picture);
	r = encode(picture, what, boot_ns, out);
	picture_unlock(picture);
	return r;
}

static const char *const names[] = {[KEEP_STATES] = "states", [KEEP_ALL] = "picture"};

static int write_one(struct picture *picture, int folder, enum keep what, int64_t boot_ns)
{
	_cleanup_buf_ struct buf content = BUF_INIT;
	int r = keep_encode(picture, what, boot_ns, &content);

	return r < 0 ? r : file_write_atomic(folder, names[what], content.data, content.size, 0600);
}

int keep_write(struct picture *picture, const char *folder, enum keep what, int64_t boot_ns)
{
	_cleanup_fd_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = what == KEEP_ALL ? write_one(picture, fd, KEEP_ALL, boot_ns) : 0;
	return r < 0 ? r : write_one(picture, fd, KEEP_STATES, boot_ns);
}

/* ---- Reading ---- */

int keep_decode(struct records *records, const void *bytes, size_t size, int64_t wall_ms, int64_t boot_ns)
{
	const uint8_t *at = bytes, *end;

	if (size < HEAD_SIZE + 4 || memcmp(at, HEAD, HEAD_SIZE) != 0 ||
		get_le32(at + size - 4) != crc32c(0, at, size - 4))
		return -EBADMSG;
	end = at + size - 4;
	at += HEAD_SIZE;
	records_begin_kept(records);
	while (end - at >= 4) {
		size_t length = get_le32(at);

		at += 4;
		if (length > (size_t)(end - at))
			break;
		if (records_apply(records, at, length, true, wall_ms, boot_ns) == -ENOMEM)
			return -ENOMEM;
		at += length;
	}
	records_end_kept(records);
	return 0;
}

static int read_one(struct records *records, int folder, enum keep what, int64_t wall_ms, int64_t boot_ns)
{
	_cleanup_buf_ struct buf content = BUF_INIT;
	int r = file_read(folder, names[what], FILE_MAX, &content);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : keep_decode(records, buf_str(&content), content.size, wall_ms, boot_ns);
}

int keep_read(struct records *records, const char *folder, int64_t wall_ms, int64_t boot_ns)
{
	_cleanup_fd_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int all, states;

	if (fd < 0)
		return -errno;
	all = read_one(records, fd, KEEP_ALL, wall_ms, boot_ns);
	states = read_one(records, fd, KEEP_STATES, wall_ms, boot_ns);
	return all < 0 ? all : states;
}
