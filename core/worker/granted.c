/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/granted.h"
#include "base/util.h"

#include <errno.h>
#include <sys/stat.h>

struct file {
	char *path;
	bool exists;
	dev_t device;
	ino_t inode;
};

struct granted {
	struct file *files;
	size_t count;
	size_t room;
};

void granted_free(struct granted *granted)
{
	if (!granted)
		return;
	for (size_t i = 0; i < granted->count; i++)
		free(granted->files[i].path);
	free(granted->files);
	free(granted);
}
DEFINE_CLEANUP(struct granted *, granted_free);

static int add(struct granted *granted, const char *path)
{
	struct file file = {.exists = true};
	struct stat st;

	if (stat(path, &st) < 0)
		file.exists = false;
	else if (S_ISDIR(st.st_mode))
		return 0;
	/* What can't be looked at for other reasons will not be found changed. */
	if (!file.exists && errno != ENOENT)
		return 0;
	if (file.exists) {
		file.device = st.st_dev;
		file.inode = st.st_ino;
	}
	file.path = strdup(path);
	if (!file.path || GROW(granted->files, granted->count, granted->room) < 0) {
		free(file.path);
		return -ENOMEM;
	}
	granted->files[granted->count++] = file;
	return 0;
}

static int add_all(struct granted *granted, char **paths, size_t count)
{
	int r = 0;

	/* Of a pattern the folder was granted. */
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!strpbrk(paths[i], "*?["))
			r = add(granted, paths[i]);
	return r;
}

int granted_new(const Gavea__Worker__V1__Rights *rights, struct granted **ret_granted)
{
	_cleanup_(granted_freep) struct granted *granted = NULL;
	int r;

	*ret_granted = NULL;
	if (rights->n_read_paths + rights->n_write_paths == 0)
		return 0;
	granted = calloc(1, sizeof *granted);
	if (!granted)
		return -ENOMEM;
	r = add_all(granted, rights->read_paths, rights->n_read_paths);
	if (r == 0)
		r = add_all(granted, rights->write_paths, rights->n_write_paths);
	if (r == 0 && granted->count)
		*ret_granted = TAKE_PTR(granted);
	return r;
}

bool granted_changed(const struct granted *granted)
{
	for (size_t i = 0; granted && i < granted->count; i++) {
		const struct file *file = &granted->files[i];
		struct stat st;

		/* One that has gone was no longer readable before, and may come back. */
		if (stat(file->path, &st) < 0)
			continue;
		if (!file->exists || st.st_dev != file->device || st.st_ino != file->inode)
			return true;
	}
	return false;
}
