/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/buf.h"
#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)256 * 1024)
#define FILES_MAX 200u
#define CREDENTIALS_MAX 1000u

/* ---- Lines ---- */

static void wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->size);
	buf_reset(buf);
}

static int tell(struct buf *line, unsigned number, unit_sink sink, void *userdata)
{
	char *text = line->size ? line->data : NULL, *equals, *end;
	int r = buf_error(line);

	equals = r == 0 && text ? strchr(text, '=') : NULL;
	if (!equals)
		return r;
	for (end = equals; end > text && isspace((unsigned char)end[-1]);)
		end--;
	*end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	for (equals++; isspace((unsigned char)*equals);)
		equals++;
	for (end = equals + strlen(equals); end > equals && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return sink(userdata, text, equals, number);
}

int unit_parse(const char *text, size_t size, unit_sink sink, void *userdata)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT;
	const char *p = text, *end = text + size;
	unsigned number = 0, first = 1;
	int r = 0;

	while (r == 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((newline ? newline : end) - p), lead = 0;
		bool more;

		number++;
		while (lead < length && isspace((unsigned char)p[lead]))
			lead++;
		if (lead < length && (p[lead] == '#' || p[lead] == ';')) {
			p += length + 1;
			continue;
		}
		if (line.size == 0)
			first = number;
		more = length && p[length - 1] == '\\';
		buf_add(&line, p, length - more);
		if (more)
			buf_add_char(&line, ' ');
		p += length + 1;
		if (more && p < end)
			continue;
		r = tell(&line, first, sink, userdata);
		wipe(&line);
	}
	if (r == 0 && line.size)
		r = tell(&line, first, sink, userdata);
	wipe(&line);
	return r;
}

/* ---- Environment ---- */

struct environment_reading {
	struct unit_environment *environment;
	unsigned line;
};

static int add_file(struct unit_environment *environment, const char *value)
{
	value += *value == '-';
	if (*value != '/')
		return 0;
	if (environment->count == FILES_MAX)
		return -E2BIG;
	if (GROW(environment->files, environment->count, environment->room) < 0)
		return -ENOMEM;
	environment->files[environment->count] = strdup(value);
	return environment->files[environment->count] ? (environment->count++, 0) : -ENOMEM;
}

static int on_environment(void *userdata, const char *key, const char *value, unsigned line)
{
	struct environment_reading *reading = userdata;
	struct unit_environment *environment = reading->environment;

	if (streq(key, "EnvironmentFile"))
		return add_file(environment, value);
	if (streq(key, "SetCredential") && *value && !environment->is_setting_credentials) {
		environment->is_setting_credentials = true;
		environment->credential_line = line;
	}
	if (!streq(key, "Environment") && !streq(key, "DefaultEnvironment") &&
		!streq(key, "ManagerEnvironment"))
		return 0;
	for (; reading->line < line; reading->line++)
		buf_add_char(&environment->text, '\n');
	buf_add_str(&environment->text, value);
	return buf_error(&environment->text);
}

int unit_environment(const char *text, size_t size, struct unit_environment *ret_environment)
{
	struct environment_reading reading = {ret_environment, 1};

	*ret_environment = (struct unit_environment){.text = BUF_INIT};
	/* One allocation, so that no copy is left behind when it grows. */
	if (!buf_extend(&ret_environment->text, 2 * size + 1))
		return -ENOMEM;
	return unit_parse(text, size, on_environment, &reading);
}

void unit_environment_done(struct unit_environment *environment)
{
	wipe(&environment->text);
	buf_done(&environment->text);
	for (size_t i = 0; i < environment->count; i++)
		free(environment->files[i]);
	free(environment->files);
}

/* ---- Credentials ---- */

struct reading {
	struct unit *unit;
	const char *file;
};

static void forget(struct unit *unit, enum credential_kind kind)
{
	size_t left = 0;

	for (size_t i = 0; i < unit->count; i++) {
		struct credential *it = &unit->credentials[i];

		if (it->kind != kind) {
			unit->credentials[left++] = *it;
			continue;
		}
		free(it->id);
		free(it->path);
		free(it->file);
	}
	unit->count = left;
}

static int add_credential(
	struct reading *reading, enum credential_kind kind, const char *value, unsigned line)
{
	struct unit *unit = reading->unit;
	size_t size = strcspn(value, ":");
	bool load = kind == CREDENTIAL_LOAD || kind == CREDENTIAL_LOAD_ENCRYPTED;
	struct credential it = {.kind = kind, .line = line};

	if (!*value) {
		forget(unit, kind);
		return 0;
	}
	if (unit->count == CREDENTIALS_MAX)
		return -E2BIG;
	if (GROW(unit->credentials, unit->count, unit->room) < 0)
		return -ENOMEM;
	it.id = strndup(value, size);
	it.file = strdup(reading->file);
	if (load && value[size])
		it.path = strdup(value + size + 1);
	unit->credentials[unit->count++] = it;
	return it.id && it.file && (it.path || !load || !value[size]) ? 0 : -ENOMEM;
}

static int on_setting(void *userdata, const char *key, const char *value, unsigned line)
{
	static const char *const keys[] = {
		"LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(key, keys[i]))
			return add_credential(userdata, (enum credential_kind)i, value, line);
	return 0;
}

static int read_file(struct unit *unit, const char *path, struct error *error)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct reading reading = {unit, path};
	int r;

	if (unit->file_count == FILES_MAX)
		return error_set(error, -E2BIG, "has more than %u drop-ins", FILES_MAX);
	if (GROW(unit->files, unit->file_count, unit->file_room) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	unit->files[unit->file_count] = strdup(path);
	if (!unit->files[unit->file_count])
		return error_set(error, -ENOMEM, "out of memory");
	unit->file_count++;
	r = file_read(AT_FDCWD, path, FILE_MAX, &text);
	if (r >= 0)
		r = unit_parse(text.data ? text.data : "", text.size, on_setting, &reading);
	wipe(&text);
	return r < 0 ? error_set(error, r, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

/* ---- Files of a unit ---- */

static int read_fragment(struct unit *unit, const char *name, const char *const *folders, size_t folder_count,
	struct error *error)
{
	for (size_t i = 0; i < folder_count; i++) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (asprintf(&path, "%s/%s", folders[i], name) < 0)
			return error_set(error, -ENOMEM, "out of memory");
		if (stat(path, &st) < 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				continue;
			return error_set(error, -errno, "%s cannot be looked at: %s", path, strerror(errno));
		}
		unit->found = true;
		unit->masked = !S_ISREG(st.st_mode);
		return unit->masked ? 0 : read_file(unit, path, error);
	}
	return 0;
}

static bool is_known(const struct unit *unit, const char *name)
{
	for (size_t i = 0; i < unit->file_count; i++)
		if (streq(strrchr(unit->files[i], '/') + 1, name))
			return true;
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_dropin(const struct dirent *entry)
{
	return fnmatch("*.conf", entry->d_name, FNM_PERIOD) == 0;
}

/* A drop-in hides those of its name in folders that count less. */
static int read_folder(struct unit *unit, const char *folder, struct error *error)
{
	struct dirent **list = NULL;
	int count = scandir(folder, &list, is_dropin, by_name), r = 0;

	if (count < 0)
		return errno == ENOENT || errno == ENOTDIR
			? 0
			: error_set(error, -errno, "%s cannot be read: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (r == 0 && !is_known(unit, list[i]->d_name)) {
			if (asprintf(&path, "%s/%s", folder, list[i]->d_name) < 0)
				r = error_set(error, -ENOMEM, "out of memory");
			else if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
				r = read_file(unit, path, error);
		}
		free(list[i]);
	}
	free(list);
	return r;
}

static int read_dropins(struct unit *unit, const char *name, const char *const *folders, size_t folder_count,
	struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < folder_count; i++) {
		_cleanup_free_ char *path = NULL;

		r = asprintf(&path, "%s/%s.d", folders[i], name) < 0
			? error_set(error, -ENOMEM, "out of memory")
			: read_folder(unit, path, error);
	}
	return r;
}

/* "app@.service" for "app@one.service"; NULL: it is of no template. */
static char *template_of(const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	char *text;

	if (!at || !dot || dot <= at + 1)
		return NULL;
	return asprintf(&text, "%.*s%s", (int)(at + 1 - name), name, dot) < 0 ? NULL : text;
}

int unit_load(const char *name, const char *const *folders, size_t folder_count, struct unit *ret_unit,
	struct error *error)
{
	_cleanup_free_ char *template = template_of(name);
	const char *dot = strrchr(name, '.');
	int r;

	*ret_unit = (struct unit){.found = false};
	r = read_fragment(ret_unit, name, folders, folder_count, error);
	if (r == 0 && !ret_unit->found && template)
		r = read_fragment(ret_unit, template, folders, folder_count, error);
	if (r == 0 && dot)
		r = read_dropins(ret_unit, dot + 1, folders, folder_count, error);
	if (r == 0 && template)
		r = read_dropins(ret_unit, template, folders, folder_count, error);
	return r == 0 ? read_dropins(ret_unit, name, folders, folder_count, error) : r;
}

void unit_done(struct unit *unit)
{
	for (int kind = CREDENTIAL_LOAD; kind <= CREDENTIAL_SET_ENCRYPTED; kind++)
		forget(unit, (enum credential_kind)kind);
	for (size_t i = 0; i < unit->file_count; i++)
		free(unit->files[i]);
	free(unit->files);
	free(unit->credentials);
	*unit = (struct unit){.found = false};
}

const struct credential *unit_credential(const struct unit *unit, const char *id)
{
	const struct credential *found = NULL;

	for (size_t i = 0; i < unit->count; i++)
		if (streq(unit->credentials[i].id, id))
			found = &unit->credentials[i];
	return found;
}
