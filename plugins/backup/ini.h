/* SPDX-License-Identifier: Apache-2.0 */
/* The few values that the plugin needs out of pgbackrest's and barman's own configuration. */
#ifndef BACKUP_INI_H
#define BACKUP_INI_H

#include <stdbool.h>
#include <stddef.h>

/* The value of "key = value" in "[section]", or before any section if that is ""; the last one counts. False: it is not there, or longer than room. Pure. */
bool ini_find(const char *text, const char *section, const char *key, char *ret_value, size_t room);

/* The same in a file, where sections, NULL at the end, are tried one after the other. What cannot be read holds nothing. */
bool ini_find_in_file(
	const char *path, const char *const *sections, const char *key, char *ret_value, size_t room);

#endif
