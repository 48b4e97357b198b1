/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/catalog.h"
#include "base/buf.h"

#include <errno.h>
#include <inttypes.h>

#define NAME_MAX_BYTES 255
#define LABELS_MAX 32

void catalog_done(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->series[i].series)
			gavea__v1__series__free_unpacked(catalog->series[i].series, NULL);
	free(catalog->series);
	strmap_done(&catalog->by_name, NULL);
	*catalog = (struct catalog)CATALOG_INIT;
}

/* Check, name and labels in one string; labels stand in the order in which the worker sorted them. */
static char *key_of(uint32_t check, const Gavea__V1__Series *series)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	buf_printf(&key, "%" PRIu32 " %s", check, series->name);
	for (size_t i = 0; i < series->n_labels; i++)
		buf_printf(&key, "\n%s\t%s", series->labels[i]->key, series->labels[i]->value);
	return buf_take(&key);
}

static int judge(const Gavea__V1__Series *series)
{
	if (str_empty(series->name) || strlen(series->name) > NAME_MAX_BYTES || series->n_labels > LABELS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < series->n_labels; i++)
		if (str_empty(series->labels[i]->key) || !series->labels[i]->value)
			return -EINVAL;
	return 0;
}

int catalog_declare(struct catalog *catalog, uint32_t check, Gavea__V1__Series **series, uint32_t *ret_number)
{
	_cleanup_free_ char *key = NULL;
	uint32_t number;
	int r = judge(*series);

	if (r < 0)
		return r;
	key = key_of(check, *series);
	if (!key)
		return -ENOMEM;
	number = (uint32_t)(uintptr_t)strmap_get(&catalog->by_name, key);
	if (number) {
		*ret_number = number;
		return 0;
	}
	if (GROW(catalog->series, catalog->count, catalog->room) < 0)
		return -ENOMEM;
	number = (uint32_t)catalog->count + 1;
	r = strmap_set(&catalog->by_name, key, (void *)(uintptr_t)number, NULL);
	if (r < 0)
		return r;
	(*series)->number = number;
	(*series)->check = check;
	catalog->series[catalog->count++] = (struct catalog_series){.series = TAKE_PTR(*series)};
	*ret_number = number;
	return 0;
}

struct catalog_series *catalog_get(struct catalog *catalog, uint32_t number)
{
	if (number == 0 || number > catalog->count || !catalog->series[number - 1].series)
		return NULL;
	return &catalog->series[number - 1];
}

void catalog_remove_check(struct catalog *catalog, uint32_t check)
{
	for (size_t i = 0; i < catalog->count; i++) {
		Gavea__V1__Series *series = catalog->series[i].series;
		char *key;

		if (!series || series->check != check)
			continue;
		key = key_of(check, series);
		if (key)
			strmap_remove(&catalog->by_name, key);
		free(key);
		gavea__v1__series__free_unpacked(series, NULL);
		catalog->series[i] = (struct catalog_series){.series = NULL};
	}
}
