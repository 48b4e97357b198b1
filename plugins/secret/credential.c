/* SPDX-License-Identifier: Apache-2.0 */
#include "credential.h"
#include "formats.h"
#include "unit.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX 64
#define UNIT_FILE_MAX ((size_t)256 * 1024)
#define RUNNING "/run/credentials"

/* Where systemd looks for what a unit names without a path, in its order. */
static const char *const stores[] = {"/run/credentials/@system", "/etc/credstore", "/run/credstore",
	"/usr/local/lib/credstore", "/usr/lib/credstore"};
static const char *const encrypted_stores[] = {"/run/credentials/@encrypted", "/etc/credstore.encrypted",
	"/run/credstore.encrypted", "/usr/local/lib/credstore.encrypted", "/usr/lib/credstore.encrypted"};

static bool is_plain(const char *text)
{
	if (!*text || strlen(text) > 255 || text[0] == '.')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_-.@\\+", *text))
			return false;
	return true;
}

static bool is_unit(const char *text)
{
	static const char *const types[] = {".service", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t size = strlen(text), end = strlen(types[i]);

		if (size > end && streq(text + size - end, types[i]))
			return true;
	}
	return false;
}

int credential_check_name(const char *text, struct error *error)
{
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *unit = colon ? strndup(text, (size_t)(colon - text)) : NULL;

	if (colon ? unit && is_unit(unit) && is_plain(unit) && is_plain(colon + 1) : is_plain(text))
		return 0;
	return error_set(error, -EINVAL,
		"credentials: \"%s\" is not of the form app.service:NAME, app.service or NAME", text);
}

/* ---- Where it comes from ---- */

/* %n, %N, %p, %i and %%; NULL: another one, or no memory. */
static char *expand(const char *path, const char *unit)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	const char *dot = strrchr(unit, '.'), *at = strchr(unit, '@');
	int stem = (int)(dot ? dot - unit : (ptrdiff_t)strlen(unit)), prefix = at ? (int)(at - unit) : stem;

	for (; *path; path++) {
		if (*path != '%')
			buf_add_char(&out, *path);
		else if (*++path == 'n')
			buf_add_str(&out, unit);
		else if (*path == 'N')
			buf_add(&out, unit, (size_t)stem);
		else if (*path == 'p')
			buf_add(&out, unit, (size_t)prefix);
		else if (*path == 'i' && at && at - unit < stem)
			buf_add(&out, at + 1, (size_t)(unit + stem - at - 1));
		else if (*path == '%')
			buf_add_char(&out, '%');
		else
			return NULL;
	}
	return buf_take(&out);
}

/* The first of the stores that has it; NULL: none. *ret_error: 0, or why one could not be looked into. */
static char *find_in(const char *const *list, size_t count, const char *name, int *ret_error)
{
	for (size_t i = 0; i < count; i++) {
		char *path;
		struct stat st;

		if (asprintf(&path, "%s/%s", list[i], name) < 0)
			return NULL;
		if (lstat(path, &st) == 0)
			return path;
		if (errno != ENOENT && errno != ENOTDIR)
			*ret_error = -errno;
		free(path);
	}
	return NULL;
}

static char *find_in_stores(const char *name, bool *encrypted, int *ret_error)
{
	char *path = *encrypted ? NULL : find_in(stores, ARRAY_SIZE(stores), name, ret_error);

	if (!path) {
		path = find_in(encrypted_stores, ARRAY_SIZE(encrypted_stores), name, ret_error);
		*encrypted |= path != NULL;
	}
	return path;
}

/* fingerprint: of the content, "" when it is not known. */
static void judge_source(struct present *present, const char *name, const char *path, bool encrypted,
	struct judgement *judgement, char *fingerprint)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		judgement_add(judgement, GAVEA_OK, "comes from the service at %s", path);
		return;
	}
	judgement_add(judgement, GAVEA_OK, "comes from %s%s", path, encrypted ? " (encrypted)" : "");
	present_judge(present, name, path, PRESENT_PLACE | (encrypted ? 0u : PRESENT_CONTENT), judgement,
		encrypted ? NULL : fingerprint);
}

static void judge_stored(struct present *present, const char *name, const char *id, bool encrypted,
	struct judgement *judgement, char *fingerprint)
{
	int error = 0;
	_cleanup_free_ char *path = find_in_stores(id, &encrypted, &error);

	if (path)
		judge_source(present, name, path, encrypted, judgement, fingerprint);
	else if (error)
		judgement_add(judgement, GAVEA_UNKNOWN,
			"the credential stores cannot be looked into: %s; grant CAP_DAC_READ_SEARCH in a "
			"drop-in of gavead",
			strerror(-error));
	else
		judgement_add(judgement, GAVEA_CRITICAL, "%s is in no credential store: put it into %s", id,
			encrypted ? "/etc/credstore.encrypted" : "/etc/credstore");
}

static void judge_declared(struct present *present, const char *name, const char *unit,
	const struct credential *credential, struct judgement *judgement, char *fingerprint)
{
	bool encrypted = credential->kind == CREDENTIAL_LOAD_ENCRYPTED;
	_cleanup_free_ char *path = credential->path ? expand(credential->path, unit) : NULL;

	if (credential->kind == CREDENTIAL_SET)
		judgement_add(judgement, GAVEA_CRITICAL,
			"its value stands in %s:%u, which everybody may ask systemd for: change it, and load "
			"it from a file by LoadCredential=",
			credential->file, credential->line);
	else if (credential->kind == CREDENTIAL_SET_ENCRYPTED)
		judgement_add(
			judgement, GAVEA_OK, "stands encrypted in %s:%u", credential->file, credential->line);
	else if (credential->path && !path)
		judgement_add(judgement, GAVEA_UNKNOWN,
			"its path in %s:%u has a specifier that is not known here: name the file under "
			"files instead",
			credential->file, credential->line);
	else if (path && path[0] == '/')
		judge_source(present, name, path, encrypted, judgement, fingerprint);
	else
		judge_stored(present, name, path ? path : credential->id, encrypted, judgement, fingerprint);
}

/* ---- In the unit that runs ---- */

/* source: the fingerprint of what it is loaded from; "": not known. */
static void judge_running(struct present *present, const char *name, const char *unit, const char *id,
	const char *source, struct judgement *judgement)
{
	_cleanup_free_ char *folder = NULL, *path = NULL;
	char now[FINGERPRINT_SIZE];
	struct stat st;

	if (asprintf(&folder, RUNNING "/%s", unit) < 0) {
		present->no_memory = true;
		return;
	}
	if (stat(folder, &st) < 0 && errno == ENOENT) {
		judgement_add(judgement, GAVEA_OK, "%s does not run now", unit);
		return;
	}
	if (asprintf(&path, "%s/%s", folder, id) < 0) {
		present->no_memory = true;
		return;
	}
	if (!*source) {
		present_judge(present, name, path, PRESENT_CONTENT, judgement, NULL);
		return;
	}
	present_fingerprint(present, path, judgement, now);
	if (*now && !streq(now, source))
		judgement_add(judgement, GAVEA_WARNING,
			"%s runs with another value than its file has now: restart it", unit);
}

/* ---- One of the list ---- */

static void tell_wrong(struct present *present, const char *name, enum gavea_status status, const char *text)
{
	struct judgement judgement = JUDGEMENT_INIT;

	judgement_add(&judgement, status, "%s", text);
	present_tell(present, name, &judgement);
}

static void tell_one(struct present *present, const char *unit, const struct credential *credential)
{
	struct judgement judgement = JUDGEMENT_INIT;
	char fingerprint[FINGERPRINT_SIZE] = "";
	_cleanup_free_ char *name = NULL;

	if (asprintf(&name, "%s:%s", unit, credential->id) < 0) {
		present->no_memory = true;
		return;
	}
	judge_declared(present, name, unit, credential, &judgement, fingerprint);
	judge_running(present, name, unit, credential->id, fingerprint, &judgement);
	present_tell(present, name, &judgement);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A folder stands for a credential ID_FILE for each file in it. */
static void tell_folder(
	struct present *present, const char *unit, const struct credential *credential, const char *folder)
{
	struct dirent **list = NULL;
	int count = scandir(folder, &list, is_visible, alphasort);

	for (int i = 0; i < count; i++) {
		struct credential one = *credential;

		one.path = one.id = NULL;
		if (asprintf(&one.path, "%s/%s", folder, list[i]->d_name) < 0 ||
			asprintf(&one.id, "%s_%s", credential->id, list[i]->d_name) < 0)
			present->no_memory = true;
		else if (!present_is_over(present))
			tell_one(present, unit, &one);
		free(one.path);
		free(one.id);
		free(list[i]);
	}
	free(list);
	if (count <= 0)
		tell_wrong(present, folder, count < 0 ? GAVEA_UNKNOWN : GAVEA_CRITICAL,
			count < 0 ? "cannot be listed; grant CAP_DAC_READ_SEARCH in a drop-in of gavead"
				  : "is an empty folder: put the credentials there");
}

static void tell_declared(struct present *present, const char *unit, const struct credential *credential)
{
	_cleanup_free_ char *path = credential->path ? expand(credential->path, unit) : NULL;
	struct stat st;

	if (path && path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		tell_folder(present, unit, credential, path);
	else
		tell_one(present, unit, credential);
}

/* text: as it stands in the configuration. */
static void tell_unit(
	struct present *present, const struct unit *unit, const char *text, const char *name, const char *id)
{
	const struct credential *one = id ? unit_credential(unit, id) : NULL;

	if (unit->masked)
		tell_wrong(present, text, GAVEA_CRITICAL,
			"is masked, so that it cannot load anything: unmask it");
	else if (!unit->found)
		tell_wrong(present, text, GAVEA_CRITICAL,
			"there is no such unit: install it, or correct credentials and unit_paths");
	else if (id && !one)
		tell_wrong(present, text, GAVEA_CRITICAL,
			"the unit neither loads nor sets it: add LoadCredential= to the unit");
	else if (!id && !unit->count)
		tell_wrong(present, text, GAVEA_CRITICAL,
			"the unit loads no credentials: add LoadCredential= to the unit");
	else if (one)
		tell_declared(present, name, one);
	for (size_t i = 0; !id && i < unit->count; i++)
		if (unit_credential(unit, unit->credentials[i].id) == &unit->credentials[i])
			tell_declared(present, name, &unit->credentials[i]);
}

/* ---- The environment of a unit holds names, never values ---- */

struct environment_look {
	struct judgement *judgement;
	const char *file;
	uint64_t line; /* the last one that was told */
};

static int on_value(void *userdata, const struct sighting *sighting)
{
	struct environment_look *look = userdata;

	if (sighting->line != look->line)
		judgement_add(look->judgement, GAVEA_CRITICAL,
			"%s:%" PRIu64
			" puts a secret into the environment: load it by LoadCredential= instead",
			look->file, sighting->line);
	look->line = sighting->line;
	return 0;
}

static int look_at_environment(const struct present *present, const char *file, struct judgement *judgement)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct environment_look look = {judgement, file, 0};
	struct unit_environment environment = {.count = 0};
	int r = file_read(AT_FDCWD, file, UNIT_FILE_MAX, &text);

	if (r >= 0)
		r = unit_environment(buf_str(&text), text.size, &environment);
	if (r >= 0 && environment.text.size)
		r = format_scan(format_environment(), present->key, environment.text.data,
			environment.text.size, 0, 1, on_value, &look);
	if (text.data)
		explicit_bzero(text.data, text.size);
	unit_environment_done(&environment);
	return MIN(r, 0);
}

static void tell_environment(struct present *present, const struct unit *unit, const char *name)
{
	struct judgement judgement = JUDGEMENT_INIT;
	_cleanup_free_ char *item = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < unit->file_count; i++) {
		r = look_at_environment(present, unit->files[i], &judgement);
		if (r < 0)
			judgement_add(&judgement, GAVEA_UNKNOWN, "%s cannot be read: %s", unit->files[i],
				strerror(-r));
	}
	if (judgement.status != GAVEA_OK && asprintf(&item, "%s environment", name) >= 0) {
		present_tell(present, item, &judgement);
		/* It is no secret that must be there. */
		present->judged--;
		present->wrong--;
	}
	buf_done(&judgement.text);
}

/* first: nothing was said of this unit yet. */
static void of_unit(struct present *present, const char *text, bool first)
{
	static const char *const vendor[] = {"/usr/lib/systemd/system", "/lib/systemd/system"};
	const char *folders[FOLDERS_MAX];
	size_t count = 0;
	const char *const *list = gavea_option_strings(present->check, "unit_paths", &count);
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *name = strdup(text);
	char *id = name ? strchr(name, ':') : NULL;
	struct unit unit;

	count = MIN(count, (size_t)FOLDERS_MAX - ARRAY_SIZE(vendor));
	for (size_t i = 0; i < count; i++)
		folders[i] = list[i];
	for (size_t i = 0; i < ARRAY_SIZE(vendor); i++)
		folders[count++] = vendor[i];
	if (id)
		*id++ = '\0';
	if (name && unit_load(name, folders, count, &unit, &error) < 0)
		tell_wrong(present, text, GAVEA_UNKNOWN, error_text(&error, -EIO));
	else if (name)
		tell_unit(present, &unit, text, name, id);
	if (name && first)
		tell_environment(present, &unit, name);
	if (name)
		unit_done(&unit);
	else
		present->no_memory = true;
}

static bool is_first(const char *const *list, size_t index)
{
	size_t size = strcspn(list[index], ":");

	for (size_t i = 0; i < index; i++)
		if (strncmp(list[i], list[index], size) == 0 && strcspn(list[i], ":") == size)
			return false;
	return true;
}

void present_credentials(struct present *present)
{
	size_t count = 0;
	const char *const *list = gavea_option_strings(present->check, "credentials", &count);

	for (size_t i = 0; i < count && !present_is_over(present); i++) {
		struct judgement judgement = JUDGEMENT_INIT;

		if (strchr(list[i], ':') || is_unit(list[i])) {
			of_unit(present, list[i], is_first(list, i));
			continue;
		}
		judge_stored(present, list[i], list[i], false, &judgement, NULL);
		present_tell(present, list[i], &judgement);
	}
}
