/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics that other programs leave in a folder, as NAME.prom. A file is read again when it has changed. Files are taken as
 * a whole or not at all, one does not spoil another, and what one repeats of another, or of this plugin's own, is dropped.
 */
#include "attrs.h"
#include "exposition.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	FILES_MAX = 256,
	FILE_SIZE_MAX = 1 << 20,
	SAMPLES_MAX = 10000, /* of all files */
};

static const struct metric mtime_metric = {"node_textfile_mtime_seconds", GAVEA_GAUGE, "seconds",
	"When a file that was read was changed, since 1970"};
static const struct metric error_metric = {
	"node_textfile_scrape_error", GAVEA_GAUGE, NULL, "Whether a file could not be read or understood"};

struct file {
	char *name;
	struct timespec mtime, ctime;
	off_t size;
	ino_t inode;
	bool seen;
	bool bad; /* it is in the log */
	bool repeats; /* likewise */
	int mtime_series;
	int *series; /* count of them, with their values */
	double *values;
	size_t count;
};

struct textfile {
	const char *folder; /* "": none. Borrowed from the host */
	int error_series;
	struct file *files;
	size_t count;
	size_t room;
	size_t samples; /* of all files */
	uint8_t *taken; /* a bit a series that this run has a sample of */
	size_t taken_size; /* bytes */
};

static void file_forget(struct textfile *textfile, struct file *file)
{
	textfile->samples -= file->count;
	free(file->series);
	free(file->values);
	file->series = NULL;
	file->values = NULL;
	file->count = 0;
}

static int textfile_open(void *state, struct collection *collection)
{
	struct textfile *textfile = state;
	const char *folder = gavea_option_string(collection->check, "textfile_directory");

	textfile->folder = folder ? folder : "";
	textfile->error_series = declare(collection, &error_metric, NULL, 0);
	return 0;
}

static void textfile_close(void *state)
{
	struct textfile *textfile = state;

	for (size_t i = 0; i < textfile->count; i++) {
		file_forget(textfile, &textfile->files[i]);
		free(textfile->files[i].name);
	}
	free(textfile->files);
	free(textfile->taken);
}

/* Declares what a file says. 0; or a negative errno with the reason in error. */
static int file_declare(struct textfile *textfile, struct collection *collection, struct file *file,
	const struct exposition *exposition, struct error *error)
{
	if (textfile->samples + exposition->count > SAMPLES_MAX)
		return error_set(error, -E2BIG, "more than %d samples in all files", SAMPLES_MAX);
	file->series = calloc(exposition->count + 1, sizeof(*file->series));
	file->values = calloc(exposition->count + 1, sizeof(*file->values));
	if (!file->series || !file->values)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < exposition->count; i++) {
		const struct exposition_sample *sample = &exposition->samples[i];
		struct metric metric = {sample->name, sample->type, NULL,
			str_empty(sample->help) ? "A metric that another program left in a file"
						: sample->help};
		int series = declare(collection, &metric, sample->labels, sample->label_count);

		if (series < 0)
			return error_set(error, series, "%s was refused: %s", sample->name,
				series == -EINVAL ? "it is known with another type, or is no valid name"
						  : strerror(-series));
		file->series[i] = series;
		file->values[i] = sample->value;
	}
	file->count = exposition->count;
	textfile->samples += file->count;
	return 0;
}

static int file_load(
	struct textfile *textfile, struct collection *collection, struct file *file, int folder_fd)
{
	_cleanup_(exposition_done) struct exposition exposition = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(folder_fd, file->name, FILE_SIZE_MAX, &text);

	file_forget(textfile, file);
	if (r == -EFBIG)
		error_set(&error, r, "larger than %d KiB", FILE_SIZE_MAX >> 10);
	else if (r == 0 && memchr(buf_str(&text), 0, text.size))
		r = error_set(&error, -EBADMSG, "there is a NUL byte in it");
	if (r == 0)
		r = exposition_parse(buf_str(&text), &exposition, &error);
	if (r == 0)
		r = file_declare(textfile, collection, file, &exposition, &error);
	if (r < 0) {
		file_forget(textfile, file);
		gavea_log(collection->check, GAVEA_LOG_WARNING, "textfile: %s/%s: %s; the file is left out",
			textfile->folder, file->name, error_text(&error, r));
	}
	return r;
}

static bool is_current(const struct file *file, const struct stat *stat)
{
	return file->size == stat->st_size && file->inode == stat->st_ino &&
		memcmp(&file->mtime, &stat->st_mtim, sizeof(file->mtime)) == 0 &&
		memcmp(&file->ctime, &stat->st_ctim, sizeof(file->ctime)) == 0;
}

static struct file *file_find(struct textfile *textfile, const char *name)
{
	struct file file = {0};

	for (size_t i = 0; i < textfile->count; i++)
		if (streq(textfile->files[i].name, name))
			return &textfile->files[i];
	if (GROW(textfile->files, textfile->count, textfile->room) < 0 || !(file.name = strdup(name)))
		return NULL;
	textfile->files[textfile->count] = file;
	return &textfile->files[textfile->count++];
}

/* Takes in a file of the folder as it is now. */
static int file_look(
	struct textfile *textfile, struct collection *collection, const char *name, int folder_fd)
{
	struct file *file;
	struct stat stat;

	if (fstatat(folder_fd, name, &stat, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(stat.st_mode)) /* reading a pipe might never end */
		return 0;
	file = file_find(textfile, name);
	if (!file)
		return -ENOMEM;
	file->seen = true;
	if (is_current(file, &stat))
		return 0;
	file->bad = file_load(textfile, collection, file, folder_fd) < 0;
	file->repeats = false;
	file->size = stat.st_size;
	file->inode = stat.st_ino;
	file->mtime = stat.st_mtim;
	file->ctime = stat.st_ctim;
	if (!file->bad) {
		_cleanup_free_ char *path = NULL;
		struct gavea_pair label = {"file", NULL};

		if (asprintf(&path, "%s/%s", textfile->folder, name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		label.value = path;
		file->mtime_series = declare(collection, &mtime_metric, &label, 1);
	}
	return 0;
}

static void files_sweep(struct textfile *textfile)
{
	size_t kept = 0;

	for (size_t i = 0; i < textfile->count; i++) {
		struct file *file = &textfile->files[i];

		if (file->seen) {
			textfile->files[kept++] = *file;
			continue;
		}
		file_forget(textfile, file);
		free(file->name);
	}
	textfile->count = kept;
}

/* Looks through the folder. Whether all of it could be read. */
static bool folder_look(struct textfile *textfile, struct collection *collection)
{
	DIR *dir = opendir(textfile->folder);
	const struct dirent *entry;
	bool good = true;
	size_t seen = 0;

	for (size_t i = 0; i < textfile->count; i++)
		textfile->files[i].seen = false;
	/* Without the folder nobody leaves anything, which is as it is on most hosts. */
	if (!dir && errno != ENOENT)
		good = false;
	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || length < 6 || !streq(entry->d_name + length - 5, ".prom"))
			continue;
		if (seen++ == FILES_MAX) {
			good = false;
			break;
		}
		if (file_look(textfile, collection, entry->d_name, dirfd(dir)) < 0)
			good = false;
	}
	if (dir)
		closedir(dir);
	files_sweep(textfile);
	return good;
}

/* Marks a series as sampled in this run. Whether it was not yet. */
static bool take(struct textfile *textfile, int series)
{
	size_t byte = (size_t)series / 8;
	uint8_t bit = (uint8_t)(1u << (series % 8));

	if (byte >= textfile->taken_size) {
		size_t size = byte + 256;
		uint8_t *grown = realloc(textfile->taken, size);

		if (!grown)
			return false;
		memset(grown + textfile->taken_size, 0, size - textfile->taken_size);
		textfile->taken = grown;
		textfile->taken_size = size;
	}
	if (textfile->taken[byte] & bit)
		return false;
	textfile->taken[byte] |= bit;
	return true;
}

static bool file_collect(struct textfile *textfile, struct collection *collection, struct file *file)
{
	size_t repeated = 0;

	for (size_t i = 0; i < file->count; i++) {
		if (take(textfile, file->series[i]))
			collect(collection, file->series[i], file->values[i]);
		else
			repeated++;
	}
	if (repeated && !file->repeats)
		gavea_log(collection->check, GAVEA_LOG_WARNING,
			"textfile: %s/%s: %zu of its samples are there already, from this plugin or another "
			"file; "
			"they are left out",
			textfile->folder, file->name, repeated);
	file->repeats = repeated > 0;
	return !file->bad && !repeated;
}

/* The last of the collectors, so that it sees what the others have. */
static int textfile_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct textfile *textfile = state;
	bool good = true;

	(void)file;
	(void)text;
	if (*textfile->folder)
		good = folder_look(textfile, collection);
	if (textfile->samples) {
		if (textfile->taken)
			memset(textfile->taken, 0, textfile->taken_size);
		for (size_t i = 0; i < collection->count; i++)
			take(textfile, collection->series[i]);
	}
	for (size_t i = 0; i < textfile->count; i++) {
		struct file *one = &textfile->files[i];

		if (!file_collect(textfile, collection, one))
			good = false;
		if (!one->bad)
			collect(collection, one->mtime_series, (double)one->mtime.tv_sec);
	}
	collect(collection, textfile->error_series, !good);
	return 0;
}

const struct collector collector_textfile = {
	"textfile", {NULL}, sizeof(struct textfile), textfile_open, textfile_collect, textfile_close, NULL};
