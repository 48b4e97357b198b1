/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/command.h"

#include "base/clock.h"
#include "base/parse.h"
#include "fleet/command_text.h"
#include "fleet/identity/token_form.h"
#include "fleet/identity_json.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define AUDIT_LAST 50

/* What was given behind the words of a command; all is borrowed from argv. */
struct options {
	const char *role, *expires, *name, *uses, *agent, *reason, *last;
	bool json;
};

struct context {
	const struct settings *settings;
	struct identity *identity;
	struct actor actor;
	struct options options;
	const char *argument; /* NULL: none */
};

static int complain(const struct error *error, int r)
{
	fprintf(stderr, "gavea-fleetd: %s\n", error_text(error, r));
	return EXIT_FAILURE;
}

static int print(const struct buf *text)
{
	if (buf_error(text) < 0 || fwrite(buf_str(text), 1, text->size, stdout) != text->size ||
		fflush(stdout) != 0) {
		fputs("gavea-fleetd: cannot write to standard output\n", stderr);
		return EXIT_FAILURE;
	}
	return 0;
}

/* ---- Commands ---- */

static int read_uses(const char *text, int64_t *ret_uses, struct error *error)
{
	*ret_uses = 0;
	if (!text)
		return 0;
	if (streq(text, "any"))
		*ret_uses = LEDGER_USES_ANY;
	else if (parse_int64(text, ret_uses) < 0 || *ret_uses < 1)
		return error_set(error, -EINVAL, "--uses: '%s' is neither a number nor any", text);
	return 0;
}

/* The token alone goes to standard output, so that it can be sent into a file. */
static void explain(const struct context *context, const struct ledger_token *token)
{
	_cleanup_buf_ struct buf scopes = BUF_INIT;
	char date[32];

	scopes_format(token->scopes, &scopes);
	fprintf(stderr, "token %s for %s, until %s; it is shown this once, keep it secret\n", token->id,
		buf_str(&scopes), clock_format_utc(date, token->expires_ms, 0));
	if (token->scopes == SCOPE_ENROLL)
		fprintf(stderr, "on the host: gavea enroll https://%s:%u --token-file FILE\n",
			context->identity->name_count ? context->identity->names[0] : "SERVER",
			context->settings->port);
}

static int token_create(struct context *context, struct error *error)
{
	struct token_form form = {
		.scopes = context->options.role,
		.expires = context->options.expires,
		.name = context->options.name,
		.agent_id = context->options.agent,
	};
	_cleanup_(ledger_token_done) struct ledger_token token = {};
	_cleanup_secret_ struct buf text = BUF_INIT;
	int r = read_uses(context->options.uses, &form.uses, error);

	if (r == 0)
		r = token_form_make(&form, context->identity, &context->actor, &token, &text, error);
	if (r < 0)
		return r;
	buf_add_char(&text, '\n');
	r = print(&text);
	if (r == 0)
		explain(context, &token);
	return r;
}

static int token_list(struct context *context, struct error *error)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ledger *ledger = context->identity->ledger;
	int r = context->options.json ? identity_json_tokens(ledger, &out, error)
				      : command_text_tokens(ledger, context->actor.now_ms, &out, error);

	if (context->options.json)
		buf_add_char(&out, '\n');
	return r < 0 ? r : print(&out);
}

static int token_revoke(struct context *context, struct error *error)
{
	return ledger_revoke_token(context->identity->ledger, &context->actor, context->argument, error);
}

static int agent_list(struct context *context, struct error *error)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ledger *ledger = context->identity->ledger;
	int64_t now_ms = context->actor.now_ms;
	int r = context->options.json ? identity_json_agents(ledger, now_ms, &out, error)
				      : command_text_agents(ledger, now_ms, &out, error);

	if (context->options.json)
		buf_add_char(&out, '\n');
	return r < 0 ? r : print(&out);
}

static int agent_revoke(struct context *context, struct error *error)
{
	const char *reason = context->options.reason;

	return ledger_revoke_agent(context->identity->ledger, &context->actor, context->argument,
		reason ? reason : "revoked", error);
}

static int audit(struct context *context, struct error *error)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct ledger *ledger = context->identity->ledger;
	uint64_t last = AUDIT_LAST;
	int r;

	if (context->options.last &&
		(parse_uint64(context->options.last, &last) < 0 || last < 1 || last > LEDGER_AUDIT_MAX))
		return error_set(error, -EINVAL, "--last: '%s' is not a number from 1 to %d",
			context->options.last, LEDGER_AUDIT_MAX);
	r = context->options.json ? identity_json_audit(ledger, 0, (size_t)last, &out, error)
				  : command_text_audit(ledger, (size_t)last, &out, error);
	if (context->options.json)
		buf_add_char(&out, '\n');
	return r < 0 ? r : print(&out);
}

static int ca(struct context *context, struct error *error)
{
	const struct authority *authority = context->identity->authority;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!authority)
		return error_set(error, -ENOENT,
			"this server has no authority: set identity = true in its configuration");
	buf_add_str(&out, authority_pem(authority));
	fprintf(stderr, "sha256:%s\n", authority_fingerprint(authority));
	return print(&out);
}

static const struct command {
	const char *words[2]; /* the second may be NULL */
	const char *argument; /* NULL: it takes none */
	int (*run)(struct context *context, struct error *error);
} commands[] = {
	{{"token", "create"}, NULL, token_create},
	{{"token", "list"}, NULL, token_list},
	{{"token", "revoke"}, "the id of a token", token_revoke},
	{{"agent", "list"}, NULL, agent_list},
	{{"agent", "revoke"}, "the id of an agent", agent_revoke},
	{{"audit", NULL}, NULL, audit},
	{{"ca", NULL}, NULL, ca},
};

const char *command_usage(void)
{
	return "  token create --role ROLE[,ROLE] [--expires 30d] [--name NAME] [--uses N|any] [--agent ID]\n"
	       "                         make a token for read, operate, admin, report, or enroll\n"
	       "  token list [--json]    show all tokens, but not their text\n"
	       "  token revoke ID        end one at once\n"
	       "  agent list [--json]    show the agents that have a certificate\n"
	       "  agent revoke ID [--reason TEXT]\n"
	       "                         end an agent's certificates at once\n"
	       "  audit [--json] [--last N]\n"
	       "                         show who changed what\n"
	       "  ca                     print the certificate of the server's authority\n";
}

bool command_is(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].words[0], word))
			return true;
	return false;
}

/* ---- Arguments ---- */

static bool read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"role", required_argument, NULL, 'r'},
		{"expires", required_argument, NULL, 'e'},
		{"name", required_argument, NULL, 'n'},
		{"uses", required_argument, NULL, 'u'},
		{"agent", required_argument, NULL, 'a'},
		{"reason", required_argument, NULL, 'R'},
		{"last", required_argument, NULL, 'l'},
		{"json", no_argument, NULL, 'j'},
		{},
	};
	int c;

	optind = 0; /* anew, for glibc */
	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0)
		switch (c) {
		case 'r':
			options->role = optarg;
			break;
		case 'e':
			options->expires = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 'u':
			options->uses = optarg;
			break;
		case 'a':
			options->agent = optarg;
			break;
		case 'R':
			options->reason = optarg;
			break;
		case 'l':
			options->last = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		default:
			return false;
		}
	return true;
}

static const struct command *find(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(argv[0], commands[i].words[0]) &&
			(!commands[i].words[1] || (argc > 1 && streq(argv[1], commands[i].words[1]))))
			return &commands[i];
	return NULL;
}

/* A command begins with this word, and takes another. */
static bool is_group(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(word, commands[i].words[0]) && commands[i].words[1])
			return true;
	return false;
}

/* NULL: complained. */
static const struct command *parse(int argc, char **argv, struct context *context)
{
	const struct command *command = find(argc, argv);
	int words;

	if (!command && argc == 1 && is_group(argv[0])) {
		fprintf(stderr, "gavea-fleetd: %s: a word is missing; see gavea-fleetd --help\n", argv[0]);
		return NULL;
	}
	if (!command) {
		fprintf(stderr, "gavea-fleetd: there is no command '%s%s%s'; see gavea-fleetd --help\n",
			argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		return NULL;
	}
	words = command->words[1] ? 2 : 1;
	/* getopt takes the last word for the program's name. */
	if (!read_options(argc - words + 1, argv + words - 1, &context->options))
		return NULL;
	argc -= words - 1 + optind;
	argv += words - 1 + optind;
	if (argc != (command->argument ? 1 : 0)) {
		if (argc == 0)
			fprintf(stderr, "gavea-fleetd: %s is missing\n", command->argument);
		else
			fprintf(stderr, "gavea-fleetd: unexpected argument '%s'\n",
				argv[command->argument ? 1 : 0]);
		return NULL;
	}
	context->argument = command->argument ? argv[0] : NULL;
	return command;
}

/* ---- As whom ---- */

/* What root made here, the server could not write. */
static int become_owner(const char *folder, struct error *error)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return error_set(error, -errno,
			"can't use the state directory %s: %s (was the server ever started?)", folder,
			strerror(errno));
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
		setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return error_set(error, -errno, "can't become the owner of %s: %s", folder, strerror(errno));
	return 0;
}

static void name_user(struct buf *out)
{
	const struct passwd *user = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER");

	buf_add_str(out, "command of ");
	if (user)
		buf_add_str(out, user->pw_name);
	else
		buf_printf(out, "user %u", getuid());
	if (sudo && *sudo && strlen(sudo) < 64)
		buf_printf(out, " (sudo by %s)", sudo);
}

int command_run(const struct settings *settings, int argc, char **argv)
{
	const struct identity_settings identity = {
		.folder = settings->state,
		.authority = settings->identity,
		.server_certificate = settings->identity && !settings->certificate,
		.names = (const char *const *)settings->names,
		.name_count = settings->name_count,
		.address = settings->address,
		.lifetime_ms = settings->certificate_lifetime_ms,
	};
	struct context context = {.settings = settings};
	const struct command *command = parse(argc, argv, &context);
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf user = BUF_INIT;
	int r;

	if (!command)
		return EXIT_USAGE;
	umask(0077);
	name_user(&user);
	context.actor = (struct actor){buf_str(&user), "", clock_unix_ms()};
	r = become_owner(settings->state, &error);
	if (r == 0)
		r = identity_open(&identity, &context.identity, &error);
	if (r == 0)
		r = command->run(&context, &error);
	identity_close(context.identity);
	return r < 0 ? complain(&error, r) : r;
}
