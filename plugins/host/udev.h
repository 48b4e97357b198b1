/* SPDX-License-Identifier: Apache-2.0 */
/* What udev knows of a disk: its make, the file system on it, the volume that it is. */
#ifndef HOST_UDEV_H
#define HOST_UDEV_H

#include "collector.h"

#include <stdint.h>

enum {
	UDEV_SERIES = 6,
};

/* Declares what there is into series (the others become 0) and sets the values, which are whole numbers. */
void udev_read(struct collection *collection, const char *device, uint64_t major, uint64_t minor, int *series,
	uint64_t *values);

#endif
