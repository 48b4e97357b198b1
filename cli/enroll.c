/* SPDX-License-Identifier: Apache-2.0 */
/* `gavea enroll`: this host's identity towards a fleet server. */
#include "cli/enroll.h"
#include "agent/identity.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/say.h"
#include "kit/enroll.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT (30 * NSEC_PER_SEC)
#define SKEW_TOLD_MS 60000
#define FILE_MAX ((size_t)65536)

struct enroll_options {
	const char *url;
	const char *token, *token_file, *ca, *name, *identity, *state, *config;
	bool write_config, force, new_id;
};

/* ---- As the agent ---- */

/* The agent must be able to read and renew what is written here. */
static int become_owner(const char *state, struct error *error)
{
	const struct passwd *user;
	struct stat st;
	int r = make_directories(state, 0750);

	if (r < 0 || stat(state, &st) < 0)
		return error_set(error, r < 0 ? r : -errno, "cannot use the state directory %s: %s", state,
			strerror(r < 0 ? -r : errno));
	if (geteuid() != 0)
		return 0;
	user = st.st_uid == 0 ? getpwnam("gavea") : NULL;
	if (user && streq(state, GAVEA_STATE_DIR)) {
		if (chown(state, user->pw_uid, user->pw_gid) < 0)
			return error_set(
				error, -errno, "cannot give %s to user gavea: %s", state, strerror(errno));
		st.st_uid = user->pw_uid;
		st.st_gid = user->pw_gid;
	}
	if (setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0)
		return error_set(error, -errno, "cannot become the owner of %s: %s", state, strerror(errno));
	return 0;
}

static int become_self(struct error *error)
{
	if (seteuid(getuid()) < 0 || setegid(getgid()) < 0)
		return error_set(error, -errno, "cannot go back to being root: %s", strerror(errno));
	return 0;
}

/* ---- The request ---- */

static bool is_plain_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= 64 && name[0] != '.' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == length;
}

/* Whether the identity that is there is this host's and still good; then it is told. */
static bool is_enrolled(const char *folder, const struct identity *identity)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	struct own_credential credential;
	char date[32];

	if (asprintf(&path, "%s/" ENROLL_FILE, folder) < 0) {
		path = NULL;
		return false;
	}
	if (file_read(AT_FDCWD, path, FILE_MAX, &pem) < 0 ||
		credential_read(buf_str(&pem), &credential, NULL) < 0)
		return false;
	if (!streq(credential.agent_id, identity->agent_id) ||
		!streq(credential.machine_id, identity->machine_id) ||
		credential.not_after_ms <= clock_unix_ms())
		return false;
	printf("agent %s has an identity already, in %s, until %s; if the server has revoked it, --force "
	       "gets another one\n",
		credential.agent_id, path, clock_format_utc(date, credential.not_after_ms, 0));
	return true;
}

static void tell(const struct enroll_options *options, const char *folder, const struct enroll_result *result,
	const struct buf *section)
{
	char date[32];

	printf("agent %s is enrolled; its certificate is good until %s and renews itself\nidentity: "
	       "%s/" ENROLL_FILE "\n",
		result->credential.agent_id, clock_format_utc(date, result->credential.not_after_ms, 0),
		folder);
	if (llabs(result->skew_ms) > SKEW_TOLD_MS)
		complain(0, "this host's clock is %lld s %s the server's",
			(long long)llabs(result->skew_ms) / 1000,
			result->skew_ms > 0 ? "ahead of" : "behind");
	if (options->new_id)
		printf("it is another agent than before: restart gavead\n");
	if (options->write_config)
		printf("%s/conf.d/fleet.conf was written; now: gavea reload\n", options->config);
	else
		printf("%s/conf.d/fleet.conf needs:\n\n%s\n", options->config, buf_str(section));
}

/* The next one to look makes a new one. */
static int forget_id(const char *state, struct error *error)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/agent-id", state) < 0) {
		path = NULL;
		return error_set(error, -ENOMEM, "out of memory");
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(error, -errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}

/* As the owner of the state directory. 0, 1: it is enrolled already, or -errno with error. */
static int enroll(const struct enroll_options *options, const char *folder, const struct buf *token,
	struct enroll_result *ret_result, struct error *error)
{
	bool fingerprint = options->ca && startswith(options->ca, "sha256:");
	struct identity identity;
	char host[256] = "";
	int r;
	struct enroll_request request = {
		.url = options->url,
		.folder = folder,
		.token = buf_str(token),
		.agent_id = identity.agent_id,
		.machine_id = identity.machine_id,
		.name = host,
		.ca_file = fingerprint ? NULL : options->ca,
		.fingerprint = fingerprint ? options->ca : NULL,
		.timeout = TIMEOUT,
	};

	r = options->new_id ? forget_id(options->state, error) : 0;
	if (r < 0)
		return r;
	(void)identity_load(options->state, &identity);
	if (!identity.machine_id[0])
		return error_set(error, -ENOENT,
			"this host has no /etc/machine-id, to which an identity is bound: "
			"systemd-machine-id-setup makes "
			"one");
	if (gethostname(host, sizeof host - 1) < 0 || !*host)
		return error_set(error, -errno, "this host has no name");
	if (!options->force && is_enrolled(folder, &identity))
		return 1;
	return enroll_begin(&request, ret_result, error);
}

static int enroll_as_owner(const struct enroll_options *options, const char *folder, const struct buf *token,
	struct enroll_result *ret_result, struct error *error)
{
	int back, r = become_owner(options->state, error);

	if (r == 0)
		r = enroll(options, folder, token, ret_result, error);
	back = become_self(r < 0 ? NULL : error);
	return r < 0 || back == 0 ? r : back;
}

static int run(const struct enroll_options *options, struct error *error)
{
	_cleanup_wipe_ struct buf token = BUF_INIT;
	_cleanup_buf_ struct buf section = BUF_INIT;
	_cleanup_free_ char *folder = NULL;
	struct enroll_result result = {};
	int r = 0;

	if (options->identity)
		folder = strdup(options->identity);
	else if (asprintf(&folder, "%s/plugins/fleet/%s/files", options->state, options->name) < 0)
		folder = NULL;
	if (!folder)
		return error_set(error, -ENOMEM, "out of memory");
	if (options->token) {
		buf_add_str(&token, options->token);
		/* It was to be seen long enough. */
		explicit_bzero((char *)options->token, strlen(options->token));
	} else {
		r = enroll_read_token(options->token_file, &token, error);
	}
	if (r == 0)
		r = enroll_as_owner(options, folder, &token, &result, error);
	if (r != 0)
		return MIN(r, 0);
	enroll_add_config(options->name, options->url,
		options->ca && !startswith(options->ca, "sha256:") ? options->ca : NULL, options->identity,
		&section);
	if (options->write_config)
		r = enroll_write_config(options->config, &section, error);
	if (r < 0)
		error_prefix(error, "enrolled, but");
	else
		tell(options, folder, &result, &section);
	return r;
}

/* 0, or the exit code. */
static int judge(struct enroll_options *options)
{
	if (options->token && options->token_file)
		return complain(CLI_USAGE, "--token and --token-file: only one of them");
	if (!is_plain_name(options->name))
		return complain(CLI_USAGE,
			"--name: \"%s\" is not a name of letters, digits, \"_\", \"-\" and \".\"",
			options->name);
	for (const char *c = options->url; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == '"' || *c == '\\' || *c == 0x7f)
			return complain(CLI_USAGE, "the server's address has a character that no URL has");
	if (options->identity && (options->identity[0] != '/' || strpbrk(options->identity, "\"\\\n")))
		return complain(CLI_USAGE, "--identity is not an absolute path");
	if (options->ca && options->ca[0] != '/' && !startswith(options->ca, "sha256:"))
		return complain(CLI_USAGE, "--ca is neither sha256:… nor an absolute path");
	return 0;
}

int cmd_enroll(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct enroll_options options = {
		.name = "central", .state = GAVEA_STATE_DIR, .config = GAVEA_CONF_DIR};
	const struct argument arguments[] = {
		{.name = "token-file",
			.value = "FILE",
			.doc = "holds the enrolment token; -: standard input (else it is asked for)",
			.text = &options.token_file},
		{.name = "token",
			.value = "TOKEN",
			.doc = "the same in clear: others on this host can see it",
			.text = &options.token},
		{.name = "ca",
			.value = "sha256:…|FILE",
			.doc = "the server's authority, when the token does not name it",
			.text = &options.ca},
		{.name = "name",
			.value = "NAME",
			.doc = "of the fleet output (central)",
			.text = &options.name},
		{.name = "identity",
			.value = "DIR",
			.doc = "folder of the identity (that of the output, in the state directory)",
			.text = &options.identity},
		{.name = "write-config",
			.doc = "add the output to conf.d/fleet.conf",
			.flag = &options.write_config},
		{.name = "new-id",
			.doc = "as another agent than before: on a copy; then restart gavead",
			.flag = &options.new_id},
		{.name = "force", .doc = "even when there is a good identity", .flag = &options.force},
		{.name = "state", .value = "DIR", .doc = "of the agent", .text = &options.state},
		{.name = "config", .value = "DIR", .doc = "of the agent", .text = &options.config},
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	int code, r,
		n = arguments_parse(cli, command, arguments, ARRAY_SIZE(arguments),
			(struct argument_range){1, 1}, argc, argv, &code);

	if (n < 0)
		return code;
	options.url = argv[0];
	code = judge(&options);
	if (code)
		return code;
	r = run(&options, &error);
	return r < 0 ? complain_error(CLI_FAILED, &error, r) : 0;
}
