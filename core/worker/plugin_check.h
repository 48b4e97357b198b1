/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what a plugin says of itself, beyond the numbers that the loader has judged already. */
#ifndef CORE_WORKER_PLUGIN_CHECK_H
#define CORE_WORKER_PLUGIN_CHECK_H

#include "base/error.h"

#include <gavea/plugin.h>

#define PLUGIN_OPTIONS_MAX 1000

/* The i-th option, cut or filled up to the structure that this program knows. */
struct gavea_option plugin_option(const struct gavea_plugin *plugin, size_t i);

/* Number of the option with this key, or -ENOENT. */
int plugin_option_find(const struct gavea_plugin *plugin, const char *key);

/* [a-z][a-z0-9-]*, at most 31 bytes. */
bool plugin_name_valid(const char *name);

/* 0, or -EINVAL with error saying what the author has to change. */
int plugin_check(const struct gavea_plugin *plugin, struct error *error);

#endif
