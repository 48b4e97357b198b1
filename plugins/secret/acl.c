/* SPDX-License-Identifier: Apache-2.0 */
#include "acl.h"

#include "base/util.h"

#include <endian.h>
#include <errno.h>
#include <sys/xattr.h>

/* linux/posix_acl_xattr.h: a version, then entries; all little-endian. */
#define VERSION 2
#define HEADER_SIZE 4
#define ENTRY_SIZE 8
#define BYTES_MAX (HEADER_SIZE + ENTRY_SIZE * (ACL_ENTRIES_MAX + 4))

enum tag {
	TAG_USER_OWNER = 0x01,
	TAG_USER = 0x02,
	TAG_GROUP_OWNER = 0x04,
	TAG_GROUP = 0x08,
	TAG_MASK = 0x10,
	TAG_OTHERS = 0x20,
};

struct raw {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

static struct raw entry_at(const char *bytes)
{
	struct raw raw;

	memcpy(&raw, bytes, sizeof(raw));
	return (struct raw){le16toh(raw.tag), le16toh(raw.permissions) & 7, le32toh(raw.id)};
}

static unsigned find_mask(const char *bytes, size_t size)
{
	for (size_t at = HEADER_SIZE; at < size; at += ENTRY_SIZE)
		if (entry_at(bytes + at).tag == TAG_MASK)
			return entry_at(bytes + at).permissions;
	return 7;
}

static int take(struct acl *acl, const struct raw *raw, unsigned mask)
{
	switch (raw->tag) {
	case TAG_GROUP_OWNER:
		acl->group = raw->permissions & mask;
		return 0;
	case TAG_USER:
	case TAG_GROUP:
		if (!(raw->permissions & mask))
			return 0;
		if (acl->count == ACL_ENTRIES_MAX)
			return -E2BIG;
		acl->list[acl->count++] =
			(struct acl_entry){raw->tag == TAG_GROUP, raw->id, raw->permissions & mask};
		return 0;
	case TAG_USER_OWNER:
	case TAG_MASK:
	case TAG_OTHERS:
		return 0;
	default:
		return -EBADMSG;
	}
}

int acl_parse(const void *bytes, size_t size, struct acl *ret_acl)
{
	struct acl acl = {.present = true};
	uint32_t version;
	int r = 0;

	if (size < HEADER_SIZE || (size - HEADER_SIZE) % ENTRY_SIZE)
		return -EBADMSG;
	memcpy(&version, bytes, sizeof(version));
	if (le32toh(version) != VERSION)
		return -EBADMSG;
	for (size_t at = HEADER_SIZE; r == 0 && at < size; at += ENTRY_SIZE) {
		struct raw raw = entry_at((const char *)bytes + at);

		r = take(&acl, &raw, find_mask(bytes, size));
	}
	if (r == 0)
		*ret_acl = acl;
	return r;
}

int acl_read(const char *path, struct acl *ret_acl)
{
	char bytes[BYTES_MAX];
	ssize_t size = lgetxattr(path, "system.posix_acl_access", bytes, sizeof(bytes));

	if (size >= 0)
		return acl_parse(bytes, (size_t)size, ret_acl);
	if (errno == ERANGE)
		return -E2BIG;
	if (errno != ENODATA && errno != ENOTSUP)
		return -errno;
	*ret_acl = (struct acl){.present = false};
	return 0;
}
