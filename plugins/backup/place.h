/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a repository, a pattern of files or a folder lies, so that it can be told whether two copies share their fate. A
 * path is followed down to the disks below it (partitions, LVM, RAID); a share counts as the machine that gives it.
 */
#ifndef BACKUP_PLACE_H
#define BACKUP_PLACE_H

#include <stdbool.h>

enum place_medium {
	PLACE_DISK, /* of this machine */
	PLACE_REMOVABLE, /* of this machine, but it can be taken away */
	PLACE_SHARE, /* a file system of another machine */
	PLACE_SERVER,
	PLACE_OBJECTS, /* a bucket */
	PLACE_UNKNOWN, /* it is not there */
	PLACE_MEDIA,
};

struct place {
	enum place_medium medium;
	bool remote; /* on another machine */
	char location
		[256]; /* the same for two places that get lost together: "disk sda", "nas", "bucket web of s3.example" */
};

/* Reads an address as restic and borg take it; own_host is this machine's name. True; false: it is a path, and
 * *ret_path (within address) says which. Pure. */
bool place_parse(const char *address, const char *own_host, struct place *ret_place, const char **ret_path);

/* What mountinfo (of proc(5)) says of the file system that holds an absolute path: "MAJOR:MINOR" in device, its type and
 * source. False: it is in none. Pure. */
struct place_mount {
	char device[32];
	char type[32];
	char source[256];
};
bool place_find_mount(const char *mountinfo, const char *path, struct place_mount *ret_mount);

/* All of it; blocks on the file system. */
void place_locate(const char *address, struct place *ret_place);

const char *place_medium_name(enum place_medium medium);

#endif
