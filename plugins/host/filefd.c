/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sys/fs/file-nr: open files of the whole host. */
#include "collector.h"
#include "scan.h"

#include <errno.h>

static const struct metric file_metrics[] = {
	{"node_filefd_allocated", GAVEA_GAUGE, NULL, "Open files"},
	{"node_filefd_maximum", GAVEA_GAUGE, NULL, "Files that may be open"},
};

struct filefd {
	int series[2];
};

static int filefd_open(void *state, struct collection *collection)
{
	struct filefd *filefd = state;

	declare_all(collection, file_metrics, 2, NULL, NULL, filefd->series);
	return 0;
}

static int filefd_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct filefd *filefd = state;
	uint64_t numbers[3];

	(void)file;
	if (scan_numbers(text, numbers, 3) != 3)
		return -EBADMSG;
	collection->facts.files_allocated = (double)numbers[0];
	collection->facts.files_maximum = (double)numbers[2];
	collect(collection, filefd->series[0], (double)numbers[0]);
	collect(collection, filefd->series[1], (double)numbers[2]);
	return 0;
}

const struct collector collector_filefd = {
	"filefd", {"sys/fs/file-nr"}, sizeof(struct filefd), filefd_open, filefd_collect, NULL, NULL};
