/* SPDX-License-Identifier: Apache-2.0 */
#include "anchor.h"

#include "base/fd.h"

#include <fcntl.h>
#include <ldns/ldns.h>

static bool is_blank(const char *text)
{
	return text[strspn(text, " \t\r")] == '\0';
}

/* Only what can anchor trust; what libunbound would skip in silence is an error here. */
static bool is_anchor(const char *record)
{
	ldns_rr *rr = NULL;
	bool good = ldns_rr_new_frm_str(&rr, record, 0, NULL, NULL) == LDNS_STATUS_OK &&
		ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
		((ldns_rr_get_type(rr) == LDNS_RR_TYPE_DS && ldns_rr_rd_count(rr) == 4) ||
			(ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNSKEY && ldns_rr_rd_count(rr) == 4));

	ldns_rr_free(rr);
	return good;
}

static int add_record(const char *record, char **list, size_t room, size_t *count, struct error *error)
{
	if (!is_anchor(record))
		return error_set(error, -EINVAL, "\"%.100s\" is neither a DS nor a DNSKEY record", record);
	if (*count == room)
		return error_set(error, -E2BIG, "more than %zu trust anchors", room);
	list[*count] = strdup(record);
	if (!list[*count])
		return -ENOMEM;
	(*count)++;
	return 0;
}

int anchor_parse(
	const char *text, const char *path, char **list, size_t room, size_t *count, struct error *error)
{
	size_t before = *count;

	for (int line = 1; *text; line++) {
		size_t size = strcspn(text, "\n");
		_cleanup_free_ char *record = strndup(text, size);
		int r;

		if (!record)
			return -ENOMEM;
		record[strcspn(record, ";\r")] = '\0';
		r = is_blank(record) ? 0 : add_record(record, list, room, count, error);
		if (r < 0) {
			error_prefix(error, "%s:%d", path, line);
			return r;
		}
		text += size + (text[size] == '\n');
	}
	return *count > before ? 0 : error_set(error, -ENOENT, "%s: has no trust anchor", path);
}

int anchor_add(const char *value, char **list, size_t room, size_t *count, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (*value != '/')
		return add_record(value, list, room, count, error);
	r = file_read(AT_FDCWD, value, ANCHOR_FILE_MAX, &text);
	if (r == -ENOENT)
		return error_set(error, r, "%s: %s (the root's is in the package dns-root-data)", value,
			strerror(ENOENT));
	if (r < 0)
		return error_set(
			error, r, "%s: %s", value, r == -EFBIG ? "larger than 256 KiB" : strerror(-r));
	return anchor_parse(buf_str(&text), value, list, room, count, error);
}
