/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX access control lists, as the kernel stores them. Blocks on the disk. */
#ifndef SECRET_ACL_H
#define SECRET_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_ENTRIES_MAX 64

enum acl_permission { ACL_MAY_READ = 4, ACL_MAY_WRITE = 2, ACL_MAY_EXECUTE = 1 };

/* A user or group that is named, and what it may do once the mask is applied; never nothing. */
struct acl_entry {
	bool group;
	uint32_t id;
	unsigned permissions;
};

struct acl {
	bool present; /* else the nine bits of the mode say everything */
	unsigned group; /* what the owning group may do; the mode's group bits are the mask then */
	struct acl_entry list[ACL_ENTRIES_MAX];
	size_t count;
};

/* The list of a file by its attribute's bytes. -EBADMSG: not of the form; -E2BIG: too many entries. */
int acl_parse(const void *bytes, size_t size, struct acl *ret_acl);

/* The list of a file; one without a list, or on a file system that has none, is no error. */
int acl_read(const char *path, struct acl *ret_acl);

#endif
