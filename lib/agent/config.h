/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: gavea.conf and the files of conf.d, read, merged, and judged against what the
 * plugins say of themselves. Two steps, because the second one needs descriptions that come from workers:
 *
 *   config_read()     files -> groups; knows which plugins are wanted
 *   config_resolve()  groups + descriptions -> checks with validated options
 *
 * Both go on after an error and collect all of them; a configuration with errors is never used.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* Errors in the order of their files and lines. */
struct config_errors {
	struct error *errors;
	size_t count;
	size_t room;
	size_t left_out; /* beyond the first 200 */
};

#define CONFIG_ERRORS_INIT \
	{ \
		NULL, 0, 0, 0 \
	}
void config_errors_done(struct config_errors *errors);

/* Adds one, "file:line" and message. error.where may be NULL. */
void config_error(struct config_errors *errors, const char *file, int line, const char *format, ...)
	_printf_(4, 5);

struct config_pair {
	char *name;
	char *value;
};

/* One check (or output, or actor) with everything resolved. */
struct config_check {
	char *name; /* plugin/name */
	char *where; /* "file:line" of its definition, for messages */
	int64_t every; /* nanoseconds */
	int64_t timeout;
	unsigned attempts;
	struct config_pair *labels;
	size_t label_count;
	Gavea__Worker__V1__OptionValue **options; /* all options of the table that have a value */
	size_t option_count;
	Gavea__Worker__V1__Threshold **thresholds;
	size_t threshold_count;
	uint64_t fingerprint; /* of all of the above, secrets included: a changed check has another one */
};

struct config_plugin {
	char *name;
	char *path; /* of the .so */
	Gavea__Worker__V1__Hello *description;
	Gavea__Worker__V1__Rights
		*rights; /* what its worker is granted: what it needs, less what limits take away */
	struct config_check *checks;
	size_t check_count;
};

struct config {
	char *name; /* of the agent; the host's name by default */
	struct config_pair *labels;
	size_t label_count;
	uint64_t spool_max_bytes; /* agent.spool_size, 256 MiB */
	int64_t spool_max_age; /* agent.spool_age, nanoseconds, 7 days */
	uint64_t backlog_rate; /* agent.backlog_rate, bytes a second, 1 MiB */
	int64_t flush_every; /* agent.flush, nanoseconds: how long records may wait for a sync; events never
				do */
	int64_t worker_idle; /* agent.worker_idle, 60 s: a worker with nothing due for so long is let go */
	int log_level;
	struct config_plugin *plugins; /* by name */
	size_t plugin_count;
};

void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free);

/* What was read, before the plugins were asked. */
struct config_files;

/*
 * Reads FOLDER/gavea.conf and FOLDER/conf.d/[!.]*.conf in lexical order. None of them needs to exist: without
 * any, the host plugin runs with its defaults. 0, also when there were errors in the files (they are in
 * errors); -ENOMEM. Blocks on the disk.
 */
int config_read(const char *folder, struct config_files **ret_files, struct config_errors *errors);
void config_files_free(struct config_files *files);
DEFINE_CLEANUP(struct config_files *, config_files_free);

/* The plugins that the files want, in order, count of them. Borrowed. */
const char *const *config_files_plugins(const struct config_files *files, size_t *ret_count);

/* Takes the plugins from another folder than the configured one. 0 or -ENOMEM. */
int config_files_set_plugin_directory(struct config_files *files, const char *folder);

/* The folder of the plugins: set, or agent.plugin_directory, or NULL. Borrowed. */
const char *config_files_plugin_directory(const struct config_files *files);

/* Says that a plugin could not be described: config_resolve() reports it at the place where the plugin is
 * wanted (with a suggestion among the known names when there is no such file). */
int config_files_describe_failed(struct config_files *files, const char *plugin, const char *reason);

/* Hands over a description (and the file it came from). Takes hello, whatever is returned. */
int config_files_describe(
	struct config_files *files, const char *plugin, const char *path, Gavea__Worker__V1__Hello *hello);

/*
 * Judges everything and makes the configuration. 0 with *ret_config; -EINVAL: errors has at least one. Reads
 * the files and credentials that ${file:} and ${credential:} name: blocks on the disk.
 */
int config_resolve(struct config_files *files, struct config **ret_config, struct config_errors *errors);

/*
 * For one-shots: the options of one check from key=value arguments and a description. Errors say "KEY: ...".
 * Fills a check named plugin/name; free with config_check_done().
 */
int config_check_from_arguments(const Gavea__Worker__V1__Hello *description, const char *name,
	const char *const *arguments, size_t argument_count, struct config_check *ret_check,
	struct config_errors *errors);
void config_check_done(struct config_check *check);

/* For one-shots: the rights that the plugin needs for this check, with none taken away. NULL: no memory. Free
 * with gavea__worker__v1__rights__free_unpacked(). */
Gavea__Worker__V1__Rights *config_check_rights(
	const Gavea__Worker__V1__Hello *description, const struct config_check *check);

#endif
