/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "base/status.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ERRORS_MAX 4096 /* bytes of standard error that are kept */

static int open_command(struct settings *settings, struct gavea_check *check)
{
	size_t count;
	const char *const *words = gavea_option_strings(check, "command", &count);

	if (!count || str_empty(words[0]))
		return gavea_fail(
			check, -EINVAL, "command: the list is empty; it wants a program and its arguments");
	settings->arguments = calloc(count + 1, sizeof *settings->arguments);
	if (!settings->arguments ||
		asprintf(&settings->path, "%s%s", strchr(words[0], '/') ? "" : NAGIOS_FOLDER, words[0]) < 0)
		return gavea_fail(check, -ENOMEM, "out of memory");
	if (settings->path[0] != '/')
		return gavea_fail(check, -EINVAL, "command: \"%s\" is not an absolute path", words[0]);
	if (access(settings->path, F_OK) < 0)
		return gavea_fail(check, -errno, "command: %s: %s", settings->path, strerror(errno));
	for (size_t i = 1; i < count; i++)
		settings->arguments[i] = words[i];
	settings->arguments[0] = settings->path;
	return 0;
}

static bool is_assignment(const char *text)
{
	const char *c = text;

	while (isalnum((unsigned char)*c) || *c == '_')
		c++;
	return c > text && *c == '=' && !isdigit((unsigned char)*text);
}

/* The secret's lines, each cut off, appended to the list; *count is how many are in it. NULL: they are counted only. */
static int add_secrets(struct settings *settings, struct gavea_check *check, const char **list, size_t *count)
{
	char *end = settings->secrets + settings->secrets_size;
	size_t number = 0;

	for (char *line = settings->secrets; line && line < end;) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		number++;
		if (newline)
			*newline = '\0';
		/* Its text is not shown: it may be a secret that went astray. */
		if (*line && *line != '#' && !is_assignment(line))
			return gavea_fail(check, -EINVAL,
				"secret_environment: line %zu is not of the form NAME=VALUE", number);
		if (*line && *line != '#')
			list[(*count)++] = line;
		line = newline ? newline + 1 : end;
	}
	return 0;
}

static int take_secrets(struct settings *settings, struct gavea_check *check)
{
	const struct gavea_secret *secret = gavea_option_secret(check, "secret_environment");
	const char *bytes = secret ? gavea_secret_bytes(check, secret, &settings->secrets_size) : NULL;

	if (!bytes)
		return 0;
	settings->secrets = malloc(settings->secrets_size + 1);
	if (!settings->secrets)
		return gavea_fail(check, -ENOMEM, "out of memory");
	memcpy(settings->secrets, bytes, settings->secrets_size);
	settings->secrets[settings->secrets_size] = '\0';
	return 0;
}

static int open_environment(struct settings *settings, struct gavea_check *check)
{
	size_t count, n = 0, lines = 1;
	const char *const *entries = gavea_option_strings(check, "environment", &count);
	int r = take_secrets(settings, check);

	if (r < 0)
		return r;
	for (size_t i = 0; i < settings->secrets_size; i++)
		lines += settings->secrets[i] == '\n';
	settings->environment = calloc(count + lines + 1, sizeof *settings->environment);
	if (!settings->environment)
		return gavea_fail(check, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if (!is_assignment(entries[i]))
			return gavea_fail(check, -EINVAL,
				"environment: entry %zu is not of the form NAME=VALUE", i + 1);
		settings->environment[n++] = entries[i];
	}
	return add_secrets(settings, check, settings->environment, &n);
}

static int open_user(struct settings *settings, struct gavea_check *check)
{
	const char *name = gavea_option_string(check, "user");
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (str_empty(name))
		return 0;
	r = program_find_user(name, &settings->user, &error);
	if (r < 0)
		return gavea_fail(check, r, "user: %s", error_text(&error, r));
	if (settings->user.uid == geteuid())
		return 0;
	if (!program_can_change_user())
		return gavea_fail(check, -EPERM,
			"user: the agent may not become %s: give its service CAP_SETUID, CAP_SETGID and "
			"CAP_KILL "
			"(CapabilityBoundingSet= and AmbientCapabilities= in a drop-in; see gavea-exec(7))",
			name);
	settings->program.user = &settings->user;
	return 0;
}

static int open_codes(struct settings *settings, struct gavea_check *check)
{
	static const struct {
		const char *key;
		enum gavea_status status;
	} lists[] = {
		{"ok_codes", GAVEA_OK}, {"warning_codes", GAVEA_WARNING}, {"critical_codes", GAVEA_CRITICAL}};
	_cleanup_error_ struct error error = ERROR_INIT;

	codes_init(&settings->codes);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		size_t count;
		const char *const *texts = gavea_option_strings(check, lists[i].key, &count);

		for (size_t j = 0; j < count; j++)
			if (codes_set(&settings->codes, texts[j], (int)lists[i].status, &error) < 0)
				return gavea_fail(
					check, -EINVAL, "%s: %s", lists[i].key, error_text(&error, -EINVAL));
	}
	return 0;
}

int settings_open(struct settings *settings, struct gavea_check *check)
{
	struct program *program = &settings->program;
	int r = open_command(settings, check);

	if (r == 0)
		r = open_environment(settings, check);
	if (r == 0)
		r = open_user(settings, check);
	if (r == 0)
		r = open_codes(settings, check);
	if (r < 0)
		return r;
	program->arguments = settings->arguments;
	program->environment = settings->environment;
	program->directory = gavea_option_string(check, "directory");
	if (program->directory[0] != '/')
		return gavea_fail(
			check, -EINVAL, "directory: \"%s\" is not an absolute path", program->directory);
	program->output_max = (size_t)gavea_option_int(check, "output_max");
	program->errors_max = ERRORS_MAX;
	settings->timeout_status =
		(enum gavea_status)status_from_name(gavea_option_string(check, "timeout_status"));
	return 0;
}

void settings_done(struct settings *settings)
{
	free(settings->path);
	free(settings->arguments);
	free(settings->environment);
	if (settings->secrets)
		explicit_bzero(settings->secrets, settings->secrets_size);
	free(settings->secrets);
}
