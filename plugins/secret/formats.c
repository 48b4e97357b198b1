/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"
#include "validate.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <strings.h>

#define KEY_MAX 96
#define VALUE_MAX 4096
#define HISTORY_MAX 16384 /* of a line; what is typed is shorter */
#define TOKEN_MIN 20
#define TOKEN_ENTROPY 3.2

enum syntax {
	SYNTAX_KEYS, /* key = value, key: value, "key": "value", key value, define('key', 'value') */
	SYNTAX_PGPASS, /* host:port:database:user:password */
	SYNTAX_URL, /* scheme://user:password@host */
	SYNTAX_HASH, /* user:hash */
	SYNTAX_SHADOW, /* user:hash:… */
	SYNTAX_HISTORY, /* commands and statements that were typed */
};

struct format {
	const char *rule;
	const char *description;
	const char *names; /* of files: patterns with "|" between; one with "/" is for the end of the path */
	const char *keys; /* likewise, any case */
	enum syntax syntax;
	bool spaces; /* a space may stand between key and value */
	bool store;
};

#define TELLING \
	"*password*|*passwd*|*passphrase*|*secret*|*token*|*api_key*|*apikey*|*private_key*|*access_key*|*_" \
	"pwd"
#define TELLING_CAMEL TELLING "|*accesskey*|*privatekey*|*account_key*|*accountkey*|*connection_string*"

static const struct format formats[] = {
	{"netrc", "password in .netrc", ".netrc|_netrc", "password|account", SYNTAX_KEYS, true, true},
	{"pgpass", "password in .pgpass", ".pgpass|pgpass.conf", NULL, SYNTAX_PGPASS, false, true},
	{"git-credentials", "password in .git-credentials", ".git-credentials|git/credentials", NULL,
		SYNTAX_URL, false, true},
	{"git-remote", "password or token in a remote of git",
		".git/config|.gitconfig|git/config|.gitmodules|*.git/config", NULL, SYNTAX_URL, false, false},
	{"history", "secret that was typed",
		".*_history|.zhistory|.histfile|.history|fish/fish_history|pgcli/"
		"history|mongosh_repl_history|.dbshell|"
		".viminfo|.lesshst",
		TELLING_CAMEL, SYNTAX_HISTORY, false, false},
	{"npmrc", "registry token in .npmrc", ".npmrc|npmrc", "*_authtoken|_auth|*:_auth|*_password",
		SYNTAX_KEYS, false, true},
	{"yarnrc", "registry token in .yarnrc.yml", ".yarnrc.yml|.yarnrc",
		"npmauthtoken|npmauthident|*_authtoken", SYNTAX_KEYS, true, true},
	{"pypirc", "password in .pypirc", ".pypirc", "password", SYNTAX_KEYS, false, true},
	{"htpasswd", "weak hash in .htpasswd", ".htpasswd|htpasswd|*.htpasswd", NULL, SYNTAX_HASH, false,
		true},
	{"shadow", "weak or missing password in shadow",
		"etc/shadow|etc/shadow-|etc/gshadow|shadow.bak|shadow.old", NULL, SYNTAX_SHADOW, false, true},
	{"wp-config", "secret of WordPress", "wp-config.php|wp-config*.php|wp-config.php.*",
		"db_password|auth_key|secure_auth_key|logged_in_key|nonce_key|auth_salt|secure_auth_salt|"
		"logged_in_salt|"
		"nonce_salt|ftp_pass",
		SYNTAX_KEYS, false, true},
	{"docker-config", "registry login of Docker",
		".docker/config.json|.dockercfg|.dockerconfigjson|containers/auth.json",
		"auth|identitytoken|registrytoken|password", SYNTAX_KEYS, false, true},
	{"kubeconfig", "credential in a kubeconfig",
		".kube/config|kubeconfig|*.kubeconfig|kubernetes/*.conf|k3s.yaml",
		"token|password|client-key-data|id-token|refresh-token", SYNTAX_KEYS, false, true},
	{"mysql-options", "password of MySQL or MariaDB",
		".my.cnf|my.cnf|debian.cnf|mysql/*.cnf|.mylogin.cnf", "password|*-password|*_password",
		SYNTAX_KEYS, false, true},
	{"s3cfg", "keys of s3cmd", ".s3cfg|s3cfg", "secret_key|access_token|gpg_passphrase", SYNTAX_KEYS,
		false, true},
	{"boto", "keys of boto", ".boto|boto.cfg",
		"aws_secret_access_key|gs_secret_access_key|gs_oauth2_refresh_token", SYNTAX_KEYS, false,
		true},
	{"aws-credentials", "keys in AWS credentials", ".aws/credentials|.aws/config",
		"aws_secret_access_key|aws_session_token", SYNTAX_KEYS, false, true},
	{"gcloud-credentials", "credential of gcloud",
		"application_default_credentials.json|gcloud/*.json|legacy_credentials/*/"
		"adc.json|service-account*.json|"
		"service_account*.json",
		"private_key|refresh_token|client_secret|access_token", SYNTAX_KEYS, false, true},
	{"azure-credentials", "token of Azure", ".azure/*.json|accesstokens.json|azureprofile.json",
		"accesstoken|refreshtoken|access_token|refresh_token|client_secret|secret", SYNTAX_KEYS,
		false, true},
	{"mail-client", "password of a mail client",
		".esmtprc|esmtprc|.msmtprc|msmtprc|.fetchmailrc|fetchmailrc|.muttrc|.mbsyncrc|.offlineimaprc|"
		"ssmtp.conf",
		"password|pass|passwd|authpass|remotepass|smtp_pass|imap_pass", SYNTAX_KEYS, true, true},
	{"rclone", "credential of rclone", "rclone.conf",
		"pass|password|secret_access_key|client_secret|token|key", SYNTAX_KEYS, false, true},
	{"vault-token", "Vault settings", ".vaultrc|vault.hcl", "token|*_token", SYNTAX_KEYS, false, true},
	{"env-file", "secret in an environment file", ".env|.env.*|*.env|.flaskenv|.envrc|etc/environment",
		TELLING_CAMEL, SYNTAX_KEYS, false, true},
	{"php-settings", "secret in PHP settings",
		"settings.php|configuration.php|config.inc.php|parameters.yml|parameters.yaml|env.php|"
		"localsettings.php|"
		"local.php|database.php|config.php",
		TELLING "|secret|hash_salt|pass|crypt/key|blowfish_secret|$wgdbpassword", SYNTAX_KEYS, false,
		true},
	{"rails-settings", "secret in Rails settings",
		"config/database.yml|config/secrets.yml|config/master.key|secret_token.rb|config/storage.yml",
		"password|secret_key_base|secret_token|secret_access_key", SYNTAX_KEYS, false, true},
	{"django-settings", "secret in Django settings", "settings.py|local_settings.py|settings/*.py",
		"secret_key|password|*_password|*_secret|*_token", SYNTAX_KEYS, false, true},
	{"cloud-init", "password in cloud-init data",
		"user-data|user-data.txt|user-data.txt.i|vendor-data.txt|cloud-config*.txt|cloud.cfg|cloud."
		"cfg.d/*.cfg",
		"passwd|password|plain_text_passwd|hashed_passwd|rsa_private", SYNTAX_KEYS, false, true},
	{"terraform-state", "secret in a Terraform state",
		"*.tfstate|*.tfstate.backup|*.tfvars|*.tfvars.json",
		TELLING "|password_result|private_key_pem|client_key", SYNTAX_KEYS, false, true},
	{"redis-conf", "password of Redis", "redis.conf|redis/*.conf|sentinel.conf",
		"requirepass|masterauth|auth-pass", SYNTAX_KEYS, true, true},
	{"ldap-secret", "password of LDAP", "ldap.secret|nslcd.conf|libnss-ldap.conf|pam_ldap.conf|sssd.conf",
		"bindpw|rootpwmoddn|ldap_default_authtok", SYNTAX_KEYS, true, true},
	{"wifi-psk", "passphrase of a network", "wpa_supplicant*.conf|*.nmconnection",
		"psk|password|wep_key*", SYNTAX_KEYS, false, true},
	{"wireguard", "private key of WireGuard", "wireguard/*.conf|wg*.conf", "privatekey|presharedkey",
		SYNTAX_KEYS, false, true},
};

static const struct format environment = {
	"environment", "secret in the environment", NULL, TELLING_CAMEL, SYNTAX_KEYS, false, false};

struct lines {
	const struct format *format;
	const struct fingerprint_key *key;
	const char *text; /* where the offsets count from */
	uint64_t offset;
	uint64_t line;
	sighting_sink sink;
	void *userdata;
};

/* Whether a pattern of size bytes fits; most are plain words, which is cheaper to see than to match. */
static bool fits_one(const char *pattern, size_t size, const char *text)
{
	char copy[KEY_MAX];

	if (!memchr(pattern, '*', size))
		return strncasecmp(pattern, text, size) == 0 && text[size] == '\0';
	if (size >= sizeof(copy))
		return false;
	memcpy(copy, pattern, size);
	copy[size] = '\0';
	return fnmatch(copy, text, FNM_CASEFOLD) == 0;
}

/* A pattern with a "/" is for the end of a path. */
static bool fits_end(const char *pattern, size_t size, const char *path)
{
	char copy[KEY_MAX];

	if (size + 2 >= sizeof(copy))
		return false;
	memcpy(copy, "*/", 2);
	memcpy(copy + 2, pattern, size);
	copy[size + 2] = '\0';
	return fnmatch(copy, path, FNM_CASEFOLD) == 0;
}

/* Whether one of the patterns, with "|" between them, fits. */
static bool fits(const char *patterns, const char *text, const char *path)
{
	for (const char *p = patterns; *p;) {
		size_t size = strcspn(p, "|");

		if (path && memchr(p, '/', size) ? fits_end(p, size, path) : fits_one(p, size, text))
			return true;
		p += size + (p[size] == '|');
	}
	return false;
}

const struct format *format_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (fits(formats[i].names, name, path))
			return &formats[i];
	return NULL;
}

const struct format *format_environment(void)
{
	return &environment;
}

bool format_recall(const char *rule, struct sighting *what)
{
	const struct format *found = streq(environment.rule, rule) ? &environment : NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(formats); i++)
		if (streq(formats[i].rule, rule))
			found = &formats[i];
	if (found) {
		what->rule = found->rule;
		what->description = found->description;
	}
	return found != NULL;
}

bool format_is_store(const struct format *format)
{
	return format->store;
}

static int tell(
	const struct lines *lines, const char *value, size_t size, const char *description, bool always)
{
	struct sighting sighting = {.rule = lines->format->rule,
		.description = description,
		.status = GAVEA_CRITICAL,
		.line = lines->line,
		.offset = lines->offset + (uint64_t)(value - lines->text)};

	if (!always && (size < 4 || is_placeholder(value, size)))
		return 0;
	sighting.end = sighting.offset + size;
	fingerprint(lines->key, value, size, sighting.fingerprint);
	return lines->sink(lines->userdata, &sighting);
}

/* ---- key = value ---- */

static bool is_key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '$';
}

static bool key_tells(const struct format *format, const char *text, size_t size)
{
	char key[KEY_MAX];

	if (size == 0 || size >= sizeof(key))
		return false;
	memcpy(key, text, size);
	key[size] = '\0';
	/* Names of files and public keys are no secrets. */
	if (format->keys[0] == '*' &&
		fits("*_file|*_path|*_dir|*public*|*_url|*_id|*_name|*_len*|*tokenizer*|*_ttl", key, NULL))
		return false;
	return fits(format->keys, key, NULL);
}

bool format_name_tells(const char *name, size_t size)
{
	return key_tells(&environment, name, size);
}

/* Past what may stand between a key and its value; NULL: it is not followed by one. */
static const char *skip_separator(const struct format *format, const char *p, const char *end)
{
	bool seen = false, space = false;

	if (p < end && (*p == '\\') && p + 1 < end)
		p++;
	if (p < end && (*p == '"' || *p == '\''))
		p++;
	if (p < end && *p == ']')
		p++;
	for (; p < end && (isspace((unsigned char)*p) || strchr("=:,>", *p)); p++) {
		seen |= !isspace((unsigned char)*p);
		space |= isspace((unsigned char)*p) != 0;
	}
	return seen || (space && format->spaces) ? p : NULL;
}

/* How long the value is that begins here; *p moves past its quote. */
static size_t value_size(const char **p, const char *end)
{
	const char *start = *p;
	char quote;

	if (start + 1 < end && *start == '\\' && start[1] == '"')
		start++;
	quote = start < end && (*start == '"' || *start == '\'') ? *start++ : 0;
	*p = start;
	while (start < end && (size_t)(start - *p) < VALUE_MAX) {
		if (quote ? *start == quote || (quote == '"' && *start == '\\' && start[1] == '"')
			  : isspace((unsigned char)*start) || strchr(",;)}", *start))
			break;
		start++;
	}
	return (size_t)(start - *p);
}

/* What only names the place of a secret. */
static bool is_reference(const char *value, size_t size)
{
	static const char *const starts[] = {"/", "file:", "$", "env(", "%env(", "os.environ", "os.getenv",
		"getenv", "ENV[", "<%=", "!vault", "ENC[", "vault:", "{{", "&", "arn:", "config(", "env[",
		"null", "None", "process.env", "{", "["};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (size >= strlen(starts[i]) && memcmp(value, starts[i], strlen(starts[i])) == 0)
			return starts[i][0] != '/' || !memchr(value, '=', size);
	return false;
}

static int scan_keys(const struct lines *lines, const char *line, const char *end)
{
	const char *p = line;
	int r = 0;

	while (p < end && isspace((unsigned char)*p))
		p++;
	/* Not "//": so begin the lines of npm that have a token, and what is commented out in PHP lies there all the same. */
	if (p < end && (*p == '#' || *p == ';'))
		return 0;
	while (r == 0 && p < end) {
		const char *key = p, *value;
		size_t size;

		if (!is_key_char(*p)) {
			p++;
			continue;
		}
		while (p < end && is_key_char(*p))
			p++;
		if (!key_tells(lines->format, key, (size_t)(p - key)))
			continue;
		value = skip_separator(lines->format, p, end);
		if (!value)
			continue;
		size = value_size(&value, end);
		if (!is_reference(value, size))
			r = tell(lines, value, size, lines->format->description, false);
		p = value + size;
	}
	return r;
}

/* ---- Forms of their own ---- */

static int scan_pgpass(const struct lines *lines, const char *line, const char *end)
{
	unsigned colons = 0;
	const char *p = line;

	if (p < end && *p == '#')
		return 0;
	for (; p < end && colons < 4; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == ':')
			colons++;
	}
	return colons == 4 && p < end ? tell(lines, p, (size_t)(end - p), lines->format->description, true)
				      : 0;
}

/* What stands before the "@" is a password behind a colon, or, when it looks made at random, a token. */
static int scan_url(const struct lines *lines, const char *line, const char *end)
{
	const char *user = memmem(line, (size_t)(end - line), "://", 3), *at, *colon, *slash;
	size_t size;

	if (!user)
		return 0;
	user += 3;
	at = memchr(user, '@', (size_t)(end - user));
	slash = memchr(user, '/', (size_t)(end - user));
	if (!at || (slash && slash < at))
		return 0;
	colon = memchr(user, ':', (size_t)(at - user));
	if (colon)
		return tell(lines, colon + 1, (size_t)(at - colon - 1), lines->format->description,
			lines->format->store);
	size = (size_t)(at - user);
	return size >= TOKEN_MIN && entropy_bits(user, size) >= TOKEN_ENTROPY
		? tell(lines, user, size, lines->format->description, false)
		: 0;
}

static bool begins(const char *text, size_t size, const char *prefix)
{
	return size >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static int scan_hash(const struct lines *lines, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *stop;
	size_t size;

	if (!colon || *line == '#')
		return 0;
	colon++;
	stop = memchr(colon, ':', (size_t)(end - colon));
	size = (size_t)((stop ? stop : end) - colon);
	if (size == 0)
		return lines->format->syntax == SYNTAX_SHADOW
			? tell(lines, colon, 0, "account without a password", true)
			: 0;
	if (*colon == '!' || *colon == '*' || (size == 1 && *colon == 'x'))
		return 0;
	if (begins(colon, size, "{SHA}") || begins(colon, size, "$1$") || begins(colon, size, "$apr1$"))
		return tell(lines, colon, size, "password hash that is broken in hours (MD5 or SHA-1)", true);
	if (*colon != '$' && *colon != '{' && *colon != '_')
		return tell(lines, colon, size,
			size == 13 ? "password hash that is broken in minutes (DES)"
				   : "password in the clear",
			true);
	return 0;
}

/* Behind these a secret stands without "=". */
static const struct {
	const char *text;
	bool quoted; /* else it goes to the next space */
} leads[] = {{"identified by ", true}, {"password ", true}, {"password(", true}, {"requirepass ", false},
	{"masterauth ", false}, {"sshpass -p ", false}, {"sshpass -p", false}};

/* Where a lead ends that is here, at the start of a word; NULL: none is. */
static const char *find_lead(const char *p, const char *end, bool *ret_quoted)
{
	for (size_t i = 0; i < ARRAY_SIZE(leads); i++) {
		size_t size = strlen(leads[i].text);

		if ((size_t)(end - p) > size && strncasecmp(p, leads[i].text, size) == 0) {
			*ret_quoted = leads[i].quoted;
			return p + size;
		}
	}
	return NULL;
}

static int scan_leads(const struct lines *lines, const char *line, const char *end)
{
	int r = 0;

	for (const char *p = line; r == 0 && p < end;) {
		bool quoted = false;
		const char *value = p == line || !is_key_char(p[-1]) ? find_lead(p, end, &quoted) : NULL;
		size_t size;

		if (!value || (quoted && *value != '\'' && *value != '"')) {
			p++;
			continue;
		}
		size = value_size(&value, end);
		if (!is_reference(value, size))
			r = tell(lines, value, size, lines->format->description, false);
		p = value + size;
	}
	return r;
}

/* Clients of databases write a space as \040. */
static int scan_history(const struct lines *lines, const char *line, const char *end)
{
	char text[HISTORY_MAX];
	struct lines there = *lines;
	size_t size = 0;
	int r;

	if (!memmem(line, (size_t)(end - line), "\\040", 4)) {
		r = scan_leads(lines, line, end);
		return r == 0 ? scan_keys(lines, line, end) : r;
	}
	for (const char *p = line; p < end && size < sizeof(text); size++) {
		bool space = end - p >= 4 && memcmp(p, "\\040", 4) == 0;

		text[size] = space ? ' ' : *p;
		p += space ? 4 : 1;
	}
	/* All that is told of such a line is where it begins. */
	there.text = text;
	there.offset = lines->offset + (uint64_t)(line - lines->text);
	r = scan_leads(&there, text, text + size);
	if (r == 0)
		r = scan_keys(&there, text, text + size);
	explicit_bzero(text, size);
	return r;
}

static int scan_line(const struct lines *lines, const char *line, const char *end)
{
	switch (lines->format->syntax) {
	case SYNTAX_PGPASS:
		return scan_pgpass(lines, line, end);
	case SYNTAX_URL:
		return scan_url(lines, line, end);
	case SYNTAX_HASH:
	case SYNTAX_SHADOW:
		return scan_hash(lines, line, end);
	case SYNTAX_HISTORY:
		return scan_history(lines, line, end);
	default:
		return scan_keys(lines, line, end);
	}
}

int format_scan(const struct format *format, const struct fingerprint_key *key, const char *text, size_t size,
	uint64_t offset, uint64_t line, sighting_sink sink, void *userdata)
{
	struct lines lines = {format, key, text, offset, line, sink, userdata};
	const char *p = text, *end = text + size;
	int r = 0;

	while (r == 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;

		if (stop > p && stop[-1] == '\r')
			stop--;
		if (stop > p)
			r = scan_line(&lines, p, stop);
		lines.line++;
		p = newline ? newline + 1 : end;
	}
	return r;
}
