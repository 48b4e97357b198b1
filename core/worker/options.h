/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one check, typed, by the plugin's table. Secrets lie in memory that is locked and is zeroed.
 */
#ifndef CORE_WORKER_OPTIONS_H
#define CORE_WORKER_OPTIONS_H

#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <gavea/plugin.h>

struct options;

struct gavea_secret {
	const char *bytes;
	size_t size;
};

/*
 * Takes over validated values; an option that has none gets its default. Texts are copied, and the bytes of
 * secrets in values are zeroed. 0, -ENOMEM, or -EINVAL with error: the host's values do not fit the table.
 */
int options_new(const struct gavea_plugin *plugin, Gavea__Worker__V1__OptionValue **values, size_t count,
	struct options **ret_options, struct error *error);
void options_free(struct options *options);
DEFINE_CLEANUP(struct options *, options_free);

/*
 * The getters return 0 and the value; -ENODATA: the option is not set; -ENOENT: no such option; -EINVAL: it
 * is of another type. Borrowed, until options_free().
 */
int options_string(const struct options *options, const char *key, const char **ret_text);
int options_int(const struct options *options, const char *key, int64_t *ret_value);
int options_float(const struct options *options, const char *key, double *ret_value);
int options_strings(
	const struct options *options, const char *key, const char *const **ret_list, size_t *ret_count);
int options_secret(const struct options *options, const char *key, const struct gavea_secret **ret_secret);

#endif
