/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under every scanner of trees: opens each regular file below a folder, reads it whole into one buffer, and makes
 * nothing of it. Prints files, bytes and seconds.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	ROOM = 1 << 20,
	DEPTH_MAX = 48,
};

struct floor {
	char *buffer;
	unsigned long files;
	unsigned long bytes;
};

static void read_file(struct floor *floor, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		floor->files++;
		while ((n = read(fd, floor->buffer, ROOM)) > 0) {
			floor->bytes += (unsigned long)n;
			if (n < ROOM)
				break;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void walk(struct floor *floor, int fd, int depth)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type == DT_REG)
			read_file(floor, dirfd(dir), entry->d_name);
		else if (entry->d_type == DT_DIR && depth < DEPTH_MAX && strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			walk(floor,
				openat(dirfd(dir), entry->d_name,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
				depth + 1);
	}
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	static char buffer[ROOM];
	struct floor floor = {.buffer = buffer};
	struct timespec begin, end;

	if (argc != 2)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	walk(&floor, open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lu %lu %.6f\n", floor.files, floor.bytes,
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	return floor.files ? 0 : 1;
}
