/* SPDX-License-Identifier: Apache-2.0 */
/* XFS file systems: what each has done, from its statistics in sysfs. */
#include "attrs.h"
#include "rows.h"
#include "scanned.h"
#include "source.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>

#define RESCAN (60 * NSEC_PER_SEC)

#define XFS(row, column, name) \
	{ \
		row, column, \
			{"node_xfs_" name "_total", GAVEA_COUNTER, NULL, \
				"Column " #column " of " row " of the statistics"}, \
			NULL, NULL \
	}

static const struct row_column columns[] = {
	XFS("extent_alloc", 0, "extent_allocation_extents_allocated"),
	XFS("extent_alloc", 1, "extent_allocation_blocks_allocated"),
	XFS("extent_alloc", 2, "extent_allocation_extents_freed"),
	XFS("extent_alloc", 3, "extent_allocation_blocks_freed"),
	XFS("abt", 0, "allocation_btree_lookups"),
	XFS("abt", 1, "allocation_btree_compares"),
	XFS("abt", 2, "allocation_btree_records_inserted"),
	XFS("abt", 3, "allocation_btree_records_deleted"),
	XFS("blk_map", 0, "block_mapping_reads"),
	XFS("blk_map", 1, "block_mapping_writes"),
	XFS("blk_map", 2, "block_mapping_unmaps"),
	XFS("blk_map", 3, "block_mapping_extent_list_insertions"),
	XFS("blk_map", 4, "block_mapping_extent_list_deletions"),
	XFS("blk_map", 5, "block_mapping_extent_list_lookups"),
	XFS("blk_map", 6, "block_mapping_extent_list_compares"),
	XFS("bmbt", 0, "block_map_btree_lookups"),
	XFS("bmbt", 1, "block_map_btree_compares"),
	XFS("bmbt", 2, "block_map_btree_records_inserted"),
	XFS("bmbt", 3, "block_map_btree_records_deleted"),
	XFS("dir", 0, "directory_operation_lookup"),
	XFS("dir", 1, "directory_operation_create"),
	XFS("dir", 2, "directory_operation_remove"),
	XFS("dir", 3, "directory_operation_getdents"),
	XFS("ig", 0, "inode_operation_attempts"),
	XFS("ig", 1, "inode_operation_found"),
	XFS("ig", 2, "inode_operation_recycled"),
	XFS("ig", 3, "inode_operation_missed"),
	XFS("ig", 4, "inode_operation_duplicates"),
	XFS("ig", 5, "inode_operation_reclaims"),
	XFS("ig", 6, "inode_operation_attribute_changes"),
	XFS("rw", 0, "write_calls"),
	XFS("rw", 1, "read_calls"),
	XFS("vnodes", 0, "vnode_active"),
	XFS("vnodes", 1, "vnode_allocate"),
	XFS("vnodes", 2, "vnode_get"),
	XFS("vnodes", 3, "vnode_hold"),
	XFS("vnodes", 4, "vnode_release"),
	XFS("vnodes", 5, "vnode_reclaim"),
	XFS("vnodes", 6, "vnode_remove"),
};

struct fs {
	struct source source;
	int series[ARRAY_SIZE(columns)];
};

struct xfs {
	struct fs *list;
	size_t count;
	size_t room;
	struct text text;
	int64_t next_scan;
	struct collection *collection; /* while it scans */
};

static void forget(struct xfs *xfs)
{
	for (size_t i = 0; i < xfs->count; i++)
		source_close(&xfs->list[i].source);
	xfs->count = 0;
}

static void xfs_close(void *state)
{
	struct xfs *xfs = state;

	forget(xfs);
	free(xfs->list);
	text_done(&xfs->text);
}

static int fs_add(void *context, const char *folder, const char *name)
{
	struct xfs *xfs = context;
	_cleanup_free_ char *path = path_join(folder, name, "stats");
	struct fs *fs;

	if (!path || GROW(xfs->list, xfs->count, xfs->room) < 0)
		return -ENOMEM;
	fs = &xfs->list[xfs->count];
	*fs = (struct fs){.source = SOURCE_INIT};
	/* There is a folder "stats" of all together beside those of the file systems, which has no folder in it. */
	if (source_open(&fs->source, path, "stats") < 0)
		return 0;
	rows_declare(xfs->collection, columns, ARRAY_SIZE(columns), "device", name, fs->series);
	xfs->count++;
	return 0;
}

static int xfs_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct xfs *xfs = state;

	(void)file;
	(void)text;
	if (due(collection, &xfs->next_scan, RESCAN)) {
		_cleanup_free_ char *path = path_join(collection->sysfs, "fs/xfs", NULL);
		int r;

		if (!path)
			return -ENOMEM;
		forget(xfs);
		xfs->collection = collection;
		r = attr_each(path, "", xfs, fs_add);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < xfs->count; i++) {
		/* One that was unmounted can't be read any more. */
		if (source_read(&xfs->list[i].source, &xfs->text) < 0)
			xfs->next_scan = 0;
		else
			rows_collect(collection, columns, ARRAY_SIZE(columns), xfs->list[i].series,
				xfs->text.data);
	}
	return 0;
}

const struct collector collector_xfs = {
	"xfs", {NULL}, sizeof(struct xfs), NULL, xfs_collect, xfs_close, NULL};
