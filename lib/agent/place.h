/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are: in a build tree beside this program, or where they were installed. */
#ifndef AGENT_PLACE_H
#define AGENT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* The path of another program of ours: beside this one if it is there, else in the given folder. Allocated;
 * NULL: no memory. */
char *place_program(const char *name, const char *installed_folder);

/* The folder of the plugins. Allocated; NULL: no memory. */
char *place_plugins(void);

/* The path of a folder of data of ours: beside this program if it is there, else in share/gavea. Allocated; NULL:
 * no memory. */
char *place_data(const char *name);

/* The path of a plugin's file, NAME.so or a program NAME, in the given folder, or in the default ones when folder is NULL ("plugins"
 * beside this program, in a build tree; else where plugins are installed). Allocated; NULL when there is no
 * such plugin, or no memory. name is judged: anything but [a-z][a-z0-9-]* of at most 31 bytes is no plugin.
 */
char *plugin_find(const char *folder, const char *name);

/* Whether the plugin with this file is a program to be run, not a shared object to be loaded. */
bool plugin_is_program(const char *path);

/* The names of all plugins in that folder, sorted, NULL at the end; *ret_count may be NULL. Allocated as one
 * list with its strings; free with plugin_list_free(). */
char **plugin_list(const char *folder, size_t *ret_count);
void plugin_list_free(char **names);

#endif
