/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/described.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/sealed.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_BYTES ((size_t)16 << 20)
#define STAMP_SIZE 160

/* 0 or -errno. The change time can't be set back by hand, so a file that was replaced never has the old stamp. */
static int make_stamp(const char *plugin, char stamp[static STAMP_SIZE])
{
	struct stat st;

	if (stat(plugin, &st) < 0)
		return -errno;
	snprintf(stamp, STAMP_SIZE, "%s %ju:%ju %jd %jd.%09ld %jd.%09ld", GAVEA_VERSION, (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		(intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	return 0;
}

static Gavea__Worker__V1__Hello *copy_hello(const Gavea__Worker__V1__Hello *hello)
{
	size_t size = gavea__worker__v1__hello__get_packed_size(hello);
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return NULL;
	gavea__worker__v1__hello__pack(hello, bytes);
	return gavea__worker__v1__hello__unpack(NULL, size, bytes);
}

static void free_description(Gavea__Control__V1__SavedDescription *description)
{
	gavea__control__v1__saved_description__free_unpacked(description, NULL);
}

void described_load(struct described *described, const char *state_directory)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	Gavea__Control__V1__SavedDescriptions *saved;

	if (asprintf(&described->path, "%s/descriptions", state_directory) < 0) {
		described->path = NULL;
		return;
	}
	if (sealed_read(described->path, MAX_BYTES, &bytes) < 0)
		return;
	saved = gavea__control__v1__saved_descriptions__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
	if (!saved)
		return;
	described->list = TAKE_PTR(saved->descriptions);
	described->count = described->room = saved->n_descriptions;
	saved->n_descriptions = 0;
	gavea__control__v1__saved_descriptions__free_unpacked(saved, NULL);
}

static Gavea__Control__V1__SavedDescription **find(const struct described *described, const char *plugin)
{
	for (size_t i = 0; i < described->count; i++)
		if (streq(described->list[i]->path, plugin))
			return &described->list[i];
	return NULL;
}

Gavea__Worker__V1__Hello *described_find(const struct described *described, const char *plugin)
{
	Gavea__Control__V1__SavedDescription **found = find(described, plugin);
	char stamp[STAMP_SIZE];

	if (!found || !(*found)->hello || make_stamp(plugin, stamp) < 0 || !streq((*found)->stamp, stamp))
		return NULL;
	return copy_hello((*found)->hello);
}

void described_keep(struct described *described, const char *plugin, const Gavea__Worker__V1__Hello *hello)
{
	Gavea__Control__V1__SavedDescription **place = find(described, plugin), *description;
	char stamp[STAMP_SIZE];

	if (make_stamp(plugin, stamp) < 0)
		return;
	description = malloc(sizeof *description);
	if (!description)
		return;
	gavea__control__v1__saved_description__init(description);
	description->path = strdup(plugin);
	description->stamp = strdup(stamp);
	description->hello = copy_hello(hello);
	if (!description->path || !description->stamp || !description->hello ||
		(!place && GROW(described->list, described->count, described->room) < 0)) {
		free_description(description);
		return;
	}
	if (place)
		free_description(*place);
	else
		place = &described->list[described->count++];
	*place = description;
	described->changed = true;
}

void described_save(struct described *described)
{
	Gavea__Control__V1__SavedDescriptions saved = GAVEA__CONTROL__V1__SAVED_DESCRIPTIONS__INIT;
	int r;

	if (!described->changed || !described->path)
		return;
	described->changed = false;
	saved.descriptions = described->list;
	saved.n_descriptions = described->count;
	r = sealed_write(described->path, &saved.base);
	if (r < 0)
		log_debug("%s: %s", described->path, strerror(-r));
}

void described_done(struct described *described)
{
	for (size_t i = 0; i < described->count; i++)
		free_description(described->list[i]);
	free(described->list);
	free(described->path);
	*described = (struct described)DESCRIBED_INIT;
}
