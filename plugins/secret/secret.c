/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: secrets where they must not be, and those that must be there. */
#include "builtin.h"
#include "credential.h"
#include "report.h"
#include "search.h"

#include "base/clock.h"
#include "base/trim.h"

#include <errno.h>
#include <stdio.h>

#define DAY INT64_C(86400000)

static const char *const capabilities[] = {"CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", NULL};
static const char *const read_paths[] = {"${scan}", "${world_readable}", "${files}", "${rules}",
	"${baseline}", "${unit_paths}", "${homes}", "${logs}", "${journal_folder}", "/var/log/journal",
	"/run/log/journal", "/run/credentials", "/run/credstore", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.concurrency = 1,
	.memory = 128 * 1024 * 1024,
	.capabilities = capabilities,
	.read_paths = read_paths,
};

static const struct gavea_option options[] = {
	{"scan", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "Files and folders in which no secret may lie"},
	{"world_readable", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Files and folders of which only what everybody can read is searched, such as /etc"},
	{"processes", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Search the environment and command line of all processes"},
	{"units", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Search Environment=, EnvironmentFile= and SetCredential= of systemd's unit files"},
	{"histories", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Search histories of shells and database clients, and what git keeps, in the homes of all "
		"users"},
	{"logs", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Log files, and folders of them: each run reads what came since the last one"},
	{"journal", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Search the messages and command lines in the journal: each run reads what came since the "
		"last one"},
	{"journal_folder", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Folder of journal files, such as /var/log/journal/remote; by default those of this host"},
	{"homes", GAVEA_OPTION_STRINGS, 0, "/home,/root", NULL,
		"Folders with homes that may be read; others that /etc/passwd names are unknown when they "
		"have a history"},
	{"cross_filesystems", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Go into other file systems of this host below scan and world_readable; when not, they are "
		"unknown unless skip "
		"names them"},
	{"unit_paths", GAVEA_OPTION_STRINGS, 0,
		"/etc/systemd/system,/run/systemd/system,/usr/local/lib/systemd/system", NULL,
		"Folders of unit files"},
	{"files", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Files with secrets that must be there, or patterns such as /etc/app/*.key; what follows is "
		"demanded of each"},
	{"credentials", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Credentials of systemd's units that must be there: app.service:NAME, app.service for all of "
		"a "
		"unit, or NAME in a credential store"},
	{"owner", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"User, by name or number, to whom the files must belong"},
	{"group", GAVEA_OPTION_STRING, 0, NULL, NULL, "Group, by name or number, of the files"},
	{"mode", GAVEA_OPTION_STRING, 0, "0640", NULL,
		"Permissions, in octal, beyond which the files may grant none"},
	{"acl", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Who may be named in the ACL of a file: user:NAME, group:NAME"},
	{"parse", GAVEA_OPTION_CHOICE, 0, "none", "none|pem_key|pem_cert|json|env",
		"The form that the files must have; of json and env, the values whose names tell that they "
		"are secret are "
		"judged one by one"},
	{"min_length", GAVEA_OPTION_INT, 0, "1", "1..1048576", "Bytes that a secret must have at least"},
	{"min_entropy", GAVEA_OPTION_FLOAT, 0, "0", "0..8",
		"Bits of entropy that a byte of a secret must have at least; 3 is a good start for random "
		"text"},
	{"max_age", GAVEA_OPTION_DURATION, 0, "0", "0..",
		"Age, by the file's time of change, after which it must be rotated; 0: any"},
	{"reused", GAVEA_OPTION_BOOL, 0, "true", NULL, "Say when the same secret is there under two names"},
	{"skip", GAVEA_OPTION_STRINGS, 0, "node_modules,*/.git/objects,/dev,*.journal,*.journal~", NULL,
		"Patterns of names, or with a \"/\" of whole paths, that are passed over"},
	{"max_size", GAVEA_OPTION_SIZE, 0, "64MiB", "1KiB..4GiB",
		"Larger files are not judged, and said to be"},
	{"max_files", GAVEA_OPTION_INT, 0, "1000000", "1..100000000", "How many files a run opens at most"},
	{"rules", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Files with rules of your own, in the form of provider.rules"},
	{"builtin", GAVEA_OPTION_BOOL, 0, "true", NULL,
		"Use the rules that come with this plugin, besides your own"},
	{"disable", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "Names of rules that are not used"},
	{"baseline", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"File of accepted findings: lines of fingerprint, last day (2030-12-31) and reason"},
	{"key", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"Key of the fingerprints, at least 16 bytes; by default one is made in the state directory"},
};

struct secret {
	struct engine *engine; /* NULL when nothing is searched */
	struct fingerprint_key key;
	struct baseline baseline;
};

static void secret_close(struct gavea_check *check, void *state)
{
	struct secret *secret = state;

	(void)check;
	if (!secret)
		return;
	engine_free(secret->engine);
	baseline_done(&secret->baseline);
	explicit_bzero(&secret->key, sizeof(secret->key));
	free(secret);
}

static int load_rules(struct gavea_check *check, struct ruleset *rules, struct error *error)
{
	size_t count = 0;
	const char *const *list = gavea_option_strings(check, "rules", &count);
	int r = 0;

	if (gavea_option_bool(check, "builtin"))
		r = ruleset_parse(rules, builtin_rules, "provider.rules", error);
	else if (count == 0)
		return error_set(
			error, -EINVAL, "builtin: without the rules that come with it, rules must be set");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = ruleset_read(rules, list[i], error);
	list = gavea_option_strings(check, "disable", &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = ruleset_disable(rules, list[i], error);
	return r;
}

static int load_key(struct gavea_check *check, struct fingerprint_key *key, struct error *error)
{
	const struct gavea_secret *handle = gavea_option_secret(check, "key");
	size_t size = 0;
	const char *bytes = handle ? gavea_secret_bytes(check, handle, &size) : NULL;

	if (!bytes)
		return fingerprint_key_load(key, gavea_state_directory(check), error);
	if (size < 16)
		return error_set(error, -EINVAL, "key: shorter than 16 bytes");
	fingerprint_key_from(key, bytes, size);
	return 0;
}

static size_t list_size(struct gavea_check *check, const char *key)
{
	size_t count = 0;

	gavea_option_strings(check, key, &count);
	return count;
}

static bool is_demanding(struct gavea_check *check)
{
	return list_size(check, "files") || list_size(check, "credentials");
}

static int check_demands(struct gavea_check *check, struct error *error)
{
	size_t count = 0;
	const char *const *list = gavea_option_strings(check, "files", &count);
	struct wanted wanted;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i][0] != '/')
			return error_set(error, -EINVAL, "files: \"%s\" is not an absolute path", list[i]);
	list = gavea_option_strings(check, "credentials", &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = credential_check_name(list[i], error);
	return r == 0 && is_demanding(check) ? wanted_read(check, &wanted, error) : r;
}

static int secret_load(struct gavea_check *check, struct secret *secret, struct error *error)
{
	const char *baseline = gavea_option_string(check, "baseline");
	struct ruleset rules = {.list = NULL};
	int r = load_key(check, &secret->key, error);

	if (r == 0)
		r = check_demands(check, error);
	if (r == 0 && baseline && !secret->key.lasting)
		r = error_set(error, -EINVAL, "baseline: without a state directory it needs the option key");
	if (r == 0 && baseline)
		r = baseline_read(&secret->baseline, baseline, error);
	if (r == 0 && search_is_wanted(check))
		r = load_rules(check, &rules, error);
	if (r == 0 && search_is_wanted(check))
		r = engine_new(&rules, gavea_state_directory(check), &secret->engine, error);
	ruleset_done(&rules);
	return r;
}

static int secret_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct secret *secret;
	int r;

	if (!search_is_wanted(check) && !is_demanding(check))
		return gavea_fail(check, -EINVAL,
			"nothing to do: set scan, world_readable, processes, units, histories, logs, "
			"journal, "
			"files or credentials");
	secret = calloc(1, sizeof(*secret));
	if (!secret)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = secret_load(check, secret, &error);
	trim_memory();
	if (r < 0) {
		secret_close(check, secret);
		return gavea_fail(check, r, "%s%s%s", error.where ? error.where : "", error.where ? ": " : "",
			error_text(&error, r));
	}
	*ret_state = secret;
	return 0;
}

/* ---- A run ---- */

/* Findings are kept until the end, since the baseline judges them all. */
static int run_search(struct gavea_check *check, const struct secret *secret, struct scan *scan,
	struct findings *findings, struct report_counts *counts)
{
	int r = search_run(check, secret->engine, &secret->key, scan, findings, counts);

	if (r == 0) {
		findings_judge(findings, &secret->baseline, clock_unix_ms() / DAY);
		report_findings(check, counts, findings, secret->key.lasting);
	}
	return r;
}

static int run_present(struct gavea_check *check, const struct secret *secret, struct present *present)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = present_init(present, check, &secret->key, &error);

	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	present_files(present);
	present_credentials(present);
	if (gavea_option_bool(check, "reused"))
		present_tell_reused(present);
	return 0;
}

static int secret_run(struct gavea_check *check, void *state)
{
	const struct secret *secret = state;
	struct findings findings = {.list = NULL};
	struct report_counts counts = {.unjudged = 0};
	struct present present = {.check = NULL};
	struct scan scan = {.matcher = NULL};
	int r = is_demanding(check) ? run_present(check, secret, &present) : 0;

	if (r == 0 && secret->engine) {
		r = run_search(check, secret, &scan, &findings, &counts);
		if (r < 0)
			gavea_fail(check, r, "%s", strerror(-r));
	}
	if (r == 0)
		report_end(
			check, &counts, secret->engine ? &scan : NULL, is_demanding(check) ? &present : NULL);
	scan_done(&scan);
	present_done(&present);
	findings_done(&findings);
	return r;
}

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "secret",
		.version = GAVEA_VERSION,
		.summary = "secrets where they must not be, and those that must be there: right or wrong",
		.options = options,
		.option_count = ARRAY_SIZE(options),
		.option_size = sizeof(options[0]),
		.needs = &needs,
		.open = secret_open,
		.run = secret_run,
		.close = secret_close,
	};

	return &plugin;
}
