/* SPDX-License-Identifier: Apache-2.0 */
#include "wanted.h"

#include "base/parse.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define NAMES_ROOM 65536 /* for groups of many members */
#define ID_MAX 4294967294u /* the last one that is not "none" */

static int find_id(bool group, const char *name, uint32_t *ret_id)
{
	struct passwd user, *user_found = NULL;
	struct group entry, *group_found = NULL;
	char room[NAMES_ROOM];
	uint64_t number;

	if (parse_uint64(name, &number) == 0 && number <= ID_MAX) {
		*ret_id = (uint32_t)number;
		return 0;
	}
	if (group && getgrnam_r(name, &entry, room, sizeof(room), &group_found) == 0 && group_found)
		*ret_id = group_found->gr_gid;
	else if (!group && getpwnam_r(name, &user, room, sizeof(room), &user_found) == 0 && user_found)
		*ret_id = user_found->pw_uid;
	else
		return -ENOENT;
	return 0;
}

static int read_id(struct gavea_check *check, const char *key, const char **ret_name, uint32_t *ret_id,
	struct error *error)
{
	bool group = streq(key, "group");
	const char *name = gavea_option_string(check, key);

	if (str_empty(name))
		return 0;
	*ret_name = name;
	if (find_id(group, name, ret_id) < 0)
		return error_set(error, -EINVAL, "%s: there is no %s \"%s\" on this host", key,
			group ? "group" : "user", name);
	return 0;
}

static int read_mode(struct gavea_check *check, mode_t *ret_mode, struct error *error)
{
	const char *text = gavea_option_string(check, "mode");
	size_t size = text ? strlen(text) : 0;

	if (size < 3 || size > 4 || strspn(text, "01234567") != size)
		return error_set(error, -EINVAL,
			"mode: \"%s\" is not of three or four octal digits, such as 0640", text ? text : "");
	*ret_mode = (mode_t)strtoul(text, NULL, 8);
	return 0;
}

/* "user:NAME" or "group:NAME" */
static int read_allowed(struct gavea_check *check, struct wanted *wanted, struct error *error)
{
	size_t count = 0;
	const char *const *list = gavea_option_strings(check, "acl", &count);

	if (count > WANTED_ALLOWED_MAX)
		return error_set(error, -EINVAL, "acl: has more than %d entries", WANTED_ALLOWED_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *user = startswith(list[i], "user:"), *group = startswith(list[i], "group:");
		struct wanted_entry entry = {.group = group != NULL};

		if (!user && !group)
			return error_set(
				error, -EINVAL, "acl: \"%s\" is neither user:NAME nor group:NAME", list[i]);
		if (find_id(entry.group, user ? user : group, &entry.id) < 0)
			return error_set(error, -EINVAL, "acl: \"%s\" is not known on this host", list[i]);
		wanted->allowed[wanted->allowed_count++] = entry;
	}
	return 0;
}

int wanted_read(struct gavea_check *check, struct wanted *ret_wanted, struct error *error)
{
	const char *form = gavea_option_string(check, "parse");
	int r;

	*ret_wanted = (struct wanted){.length_min = (uint64_t)gavea_option_int(check, "min_length"),
		.entropy_min = gavea_option_float(check, "min_entropy"),
		.age_max = gavea_option_int(check, "max_age"),
		.form = content_form_of(form ? form : "none")};
	r = read_id(check, "owner", &ret_wanted->owner, &ret_wanted->uid, error);
	if (r == 0)
		r = read_id(check, "group", &ret_wanted->group, &ret_wanted->gid, error);
	if (r == 0)
		r = read_mode(check, &ret_wanted->mode, error);
	return r == 0 ? read_allowed(check, ret_wanted, error) : r;
}

bool wanted_allows(const struct wanted *wanted, bool group, uint32_t id)
{
	for (size_t i = 0; i < wanted->allowed_count; i++)
		if (wanted->allowed[i].group == group && wanted->allowed[i].id == id)
			return true;
	return false;
}
