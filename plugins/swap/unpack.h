/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks an archive that somebody else made into a folder of ours, and nowhere else. */
#ifndef SWAP_UNPACK_H
#define SWAP_UNPACK_H

#include "base/error.h"
#include "patience.h"

#include <stdint.h>

/*
 * tar (also gz, xz, zst, bz2) at fd, into folder (an absolute path, empty). Names that lead out of it, devices and more
 * than size_max bytes or a million entries are refused. Files belong to us; set-uid bits are not kept. 0 or -errno
 * with an error that names the entry; what was made till then stays. -ETIMEDOUT: the time is up.
 */
int unpack(
	int fd, const char *folder, uint64_t size_max, const struct patience *patience, struct error *error);

/* Removes a folder with all that is in it, without following links or leaving its file system. 0, also when it is not
 * there, or -errno. */
int remove_tree(const char *path);

#endif
