/* SPDX-License-Identifier: Apache-2.0 */
#include "locks.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LOCKS_FILE_MAX (16u << 20)

void locks_add(
	struct locks *locks, int64_t lock_age, int64_t now, const char *owner, int64_t time, bool exclusive)
{
	bool stale = now - time > lock_age;

	if (locks->count == 0 || time < locks->oldest) {
		locks->oldest = time;
		snprintf(locks->owner, sizeof(locks->owner), "%s", owner);
	}
	locks->count++;
	locks->stale += stale;
	locks->exclusive |= stale && exclusive;
}

void locks_judge(const struct locks *locks, const char *hinders, const char *remedy, int64_t now,
	struct findings *findings)
{
	char text[32];

	if (locks->count == 0)
		return;
	format_seconds(text, now - locks->oldest);
	if (locks->stale == 0)
		finding_add(findings, "lock", GAVEA_OK, "%zu, the oldest by %s for %s", locks->count,
			locks->owner, text);
	else
		finding_add(findings, "lock", GAVEA_WARNING, "a lock by %s is %s old%s: %s; %s", locks->owner,
			text, locks->stale > 1 ? ", and others are stale too" : "", hinders, remedy);
}

/* ---- restic ---- */

int lock_read_restic(const struct buf *text, char owner[static 256], int64_t *ret_time, bool *ret_exclusive)
{
	json_t *root = json_loadb(buf_str(text), text->size, 0, NULL);
	const char *when = json_string_value(json_object_get(root, "time"));
	const char *host = json_string_value(json_object_get(root, "hostname"));
	const char *user = json_string_value(json_object_get(root, "username"));
	int r = when ? time_parse(when, ret_time) : -EBADMSG;

	snprintf(owner, 256, "%.80s on %.80s (process %" JSON_INTEGER_FORMAT ")",
		str_empty(user) ? "somebody" : user, str_empty(host) ? "an unknown host" : host,
		json_integer_value(json_object_get(root, "pid")));
	*ret_exclusive = json_is_true(json_object_get(root, "exclusive"));
	json_decref(root);
	return r < 0 ? -EBADMSG : 0;
}

/* ---- borg ---- */

bool lock_read_borg(const struct buf *text, char owner[static 256], bool *ret_exclusive)
{
	json_t *root = json_loadb(buf_str(text), text->size, 0, NULL);
	json_t *one = json_array_get(json_object_get(root, "exclusive"), 0);
	const char *host;

	*ret_exclusive = one != NULL;
	if (!one)
		one = json_array_get(json_object_get(root, "shared"), 0);
	host = json_string_value(json_array_get(one, 0));
	if (host)
		snprintf(owner, 256, "%.*s (process %" JSON_INTEGER_FORMAT ")",
			(int)MIN(strcspn(host, "@"), (size_t)150), host,
			json_integer_value(json_array_get(one, 1)));
	json_decref(root);
	return host != NULL;
}

/* ---- Locks of the kernel, which pgbackrest and barman use ---- */

pid_t lock_find_holder(const char *locks, unsigned major, unsigned minor, uint64_t inode)
{
	for (const char *line = locks; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned a, b;
		uint64_t number;
		int pid;

		/* Those that wait have "->" before their kind. */
		if (sscanf(line, "%*u: %*[A-Z] %*s %*s %d %x:%x:%" SCNu64, &pid, &a, &b, &number) == 4 &&
			a == major && b == minor && number == inode)
			return pid > 0 ? pid : -1;
	}
	return 0;
}

void locks_look_at_file(struct locks *locks, const struct context *context, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char owner[256] = "a process";
	struct stat st;
	pid_t pid;

	if (lstat(path, &st) < 0 || file_read(AT_FDCWD, "/proc/locks", LOCKS_FILE_MAX, &text) < 0)
		return;
	pid = lock_find_holder(buf_str(&text), major(st.st_dev), minor(st.st_dev), st.st_ino);
	if (pid == 0)
		return;
	if (pid > 0)
		snprintf(owner, sizeof(owner), "process %d on %.200s", (int)pid, path);
	/* Both write their process into it when they take it. */
	locks_add(locks, context->settings->lock_age, context->now, owner, st.st_mtim.tv_sec, true);
}
