/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration share. */
#ifndef AGENT_CONFIG_PRIVATE_H
#define AGENT_CONFIG_PRIVATE_H

#include "agent/config.h"
#include "base/buf.h"
#include "conf/conf.h"

#define CONFIG_LABELS_MAX 64
#define CONFIG_CHECKS_MAX 10000
#define CONFIG_PATHS_MAX 1000

typedef Gavea__Worker__V1__Hello hello_t;
typedef Gavea__Worker__V1__Option option_t;
typedef Gavea__Worker__V1__OptionValue option_value_t;
typedef Gavea__Worker__V1__Rights rights_t;

/* A plugin that the files want. */
struct wanted {
	char *name;
	struct conf_node *group; /* NULL: nobody asked for it, it is the default */
	char *path;
	hello_t *hello;
	char *failure; /* why there is no hello */
};

struct config_files {
	struct conf *conf;
	struct config *config; /* what is known of it: the agent's settings */
	char *plugin_directory;
	struct wanted *wanted;
	size_t wanted_count;
	size_t wanted_room;
	const char **names; /* of wanted */
	bool broken; /* reading reported errors */
};

struct labels {
	struct config_pair *pairs;
	size_t count;
	size_t room;
};

/* ---- config.c ---- */

void config_plugin_done(struct config_plugin *plugin);

/* ---- config_read.c ---- */

/* Files without any text, and what follows when all was read: the agent's settings and the plugins that are
 * wanted. config_read() is these two with the reading between them. NULL: no memory. */
struct config_files *config_files_new(struct config_errors *errors);
int config_files_read_groups(struct config_files *files, struct config_errors *errors);

/* ---- config_labels.c ---- */

void labels_done(struct labels *labels);
#define _cleanup_labels_ _cleanup_(labels_done)

/* 0 or -ENOMEM. */
int labels_copy(const struct labels *labels, struct labels *ret_labels);

/* Sets what the group "labels" of group has; errors are reported. Sorted by name. */
void labels_take(struct conf_node *group, struct labels *labels);

/* ---- config_thresholds.c ---- */

/* Adds what the list "thresholds" of group (NULL: none) has; errors are reported. 0 or -ENOMEM. */
int config_thresholds_take(struct conf_node *group, struct config_check *check);

/* Adds those of another check. 0 or -ENOMEM. */
int config_thresholds_copy(const struct config_check *from, struct config_check *check);

/* ---- config_options.c ---- */

/* The value of an option as it stands in a file. 0 or -EINVAL: reported. */
int option_from_node(const option_t *option, const struct conf_node *node, option_value_t **ret_value);

/* The option's default: 1 with *ret_value; 0: it has none; -EINVAL with error's message. */
int option_default(const option_t *option, option_value_t **ret_value, struct error *error);

/* Adds what an argument says to *value (NULL: the first argument for this option). 0, or -EINVAL with error's
 * message. */
int option_add_argument(
	const option_t *option, const char *text, option_value_t **value, struct error *error);

/* NULL: no memory. */
option_value_t *option_copy(const option_value_t *value);
void option_free(option_value_t *value);
DEFINE_CLEANUP(option_value_t *, option_free);

/* The keys of a plugin's options behind those of keys (NULL-terminated): a list of borrowed names, to be
 * freed. NULL: no memory. */
const char **option_names(const hello_t *hello, const char *const *keys, size_t *ret_count);

/* ---- config_rights.c ---- */

/* What the plugin needs, less what the group "limits" of group (NULL: none) takes away, with the paths of its
 * checks filled in. NULL: no memory. */
rights_t *config_rights(const struct config_plugin *plugin, struct conf_node *group);

/* ---- config_check.c ---- */

/* Puts an option into the check. 0 or -ENOMEM (value is freed). */
int check_add_option(struct config_check *check, option_value_t *value);

/* Judges the whole, when everything is in: sets the fingerprint. 0, or -E2BIG: too large to be told to a
 * worker. */
int check_finish(struct config_check *check);

#endif
