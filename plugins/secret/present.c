/* SPDX-License-Identifier: Apache-2.0 */
#include "present.h"
#include "acl.h"
#include "place.h"
#include "validate.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>

#define CONTENT_MAX ((size_t)1024 * 1024)
#define HOLDINGS_MAX 10000
#define MATCHES_MAX 1000 /* of one pattern */
#define GRANT "grant CAP_DAC_READ_SEARCH in a drop-in of gavead"

void judgement_add(struct judgement *judgement, enum gavea_status status, const char *format, ...)
{
	va_list args;

	if (status_severity((int)status) > status_severity((int)judgement->status))
		judgement->status = status;
	buf_add_str(&judgement->text, "; ");
	va_start(args, format);
	buf_vprintf(&judgement->text, format, args);
	va_end(args);
}

int present_init(struct present *present, struct gavea_check *check, const struct fingerprint_key *key,
	struct error *error)
{
	int64_t until = gavea_deadline(check), now = clock_ns(CLOCK_MONOTONIC);

	*present = (struct present){.check = check,
		.key = key,
		.now = clock_ns(CLOCK_REALTIME),
		.deadline = until == INT64_MAX ? until : until - MAX((until - now) / 10, INT64_C(0))};
	return wanted_read(check, &present->wanted, error);
}

bool present_is_over(struct present *present)
{
	if (!present->unfinished)
		present->unfinished =
			gavea_cancelled(present->check) || clock_ns(CLOCK_MONOTONIC) >= present->deadline;
	return present->unfinished;
}

void present_done(struct present *present)
{
	for (size_t i = 0; i < present->count; i++)
		free(present->holdings[i].name);
	free(present->holdings);
	free(present->worst);
}

/* ---- Who may read it ---- */

static void judge_owner(const struct wanted *wanted, const struct place *place, struct judgement *judgement)
{
	char name[64];

	if (wanted->owner && place->st.st_uid != wanted->uid)
		judgement_add(judgement, GAVEA_CRITICAL, "belongs to %s, not to %s: chown %s %s",
			name_user(name, place->st.st_uid), wanted->owner, wanted->owner, place->target);
	if (wanted->group && place->st.st_gid != wanted->gid)
		judgement_add(judgement, GAVEA_CRITICAL, "its group is %s, not %s: chgrp %s %s",
			name_group(name, place->st.st_gid), wanted->group, wanted->group, place->target);
}

static void judge_acl(const struct wanted *wanted, const struct acl *acl, struct judgement *judgement)
{
	for (size_t i = 0; i < acl->count; i++) {
		const struct acl_entry *entry = &acl->list[i];
		char name[64];

		if (wanted_allows(wanted, entry->group, entry->id))
			continue;
		if (entry->group)
			name_group(name, entry->id);
		else
			name_user(name, entry->id);
		judgement_add(judgement, GAVEA_CRITICAL,
			"its ACL lets %s %s %s it: setfacl -x %c:%s it, or allow it by acl",
			entry->group ? "group" : "user", name,
			entry->permissions & ACL_MAY_WRITE          ? "write to"
				: entry->permissions & ACL_MAY_READ ? "read"
								    : "execute",
			entry->group ? 'g' : 'u', name);
	}
}

/* With an ACL the mode's group bits are the mask, not what the group may do. */
static void judge_mode(const struct wanted *wanted, const struct place *place, struct judgement *judgement)
{
	mode_t mode = place->st.st_mode & 07777, beyond;
	struct acl acl;
	int r = acl_read(place->target, &acl);

	if (r < 0) {
		judgement_add(judgement, GAVEA_UNKNOWN, "its ACL cannot be read: %s", strerror(-r));
		return;
	}
	if (acl.present)
		mode = (mode & ~(mode_t)070) | (mode_t)acl.group << 3;
	beyond = mode & ~wanted->mode;
	if (beyond)
		judgement_add(judgement, GAVEA_CRITICAL, "mode %04o grants %04o too much%s: chmod %04o %s",
			(unsigned)mode, (unsigned)beyond,
			beyond & S_IROTH && place_is_open(place) ? ", everybody can read it" : "",
			(unsigned)(mode & wanted->mode), place->target);
	judge_acl(wanted, &acl, judgement);
}

/* Where files are handed out, or where everybody may put one. */
static void judge_published(const struct place *place, struct judgement *judgement)
{
	static const char *const places[] = {"/tmp/", "/var/tmp/", "/dev/shm/", "/var/www/", "/srv/www/",
		"/srv/http/", "/usr/share/", "/var/lib/www/"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (startswith(place->target, places[i]))
			judgement_add(judgement, GAVEA_CRITICAL,
				"lies below %s, which is open to others: keep it elsewhere", places[i]);
}

static void judge_age(const struct present *present, const struct stat *st, struct judgement *judgement)
{
	int64_t age = present->now - ((int64_t)st->st_mtim.tv_sec * NSEC_PER_SEC + st->st_mtim.tv_nsec);
	char is[32], most[32];

	if (!present->wanted.age_max)
		return;
	if (age < -NSEC_PER_SEC * 60)
		judgement_add(judgement, GAVEA_UNKNOWN,
			"was last written in the future, so that its age is not known: touch it, or set "
			"the clock");
	else if (age > present->wanted.age_max)
		judgement_add(judgement, GAVEA_WARNING, "was last written %s ago, more than %s: rotate it",
			format_duration_rough(is, age), format_duration(most, present->wanted.age_max));
}

static void judge_place(const struct present *present, const struct place *place, struct judgement *judgement)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int r;

	judge_owner(&present->wanted, place, judgement);
	judge_mode(&present->wanted, place, judgement);
	judge_published(place, judgement);
	judge_age(present, &place->st, judgement);
	r = place_judge(place, &text);
	if (r != 0)
		judgement_add(judgement, r < 0 ? GAVEA_UNKNOWN : GAVEA_CRITICAL, "%s", buf_str(&text) + 2);
}

/* ---- What it holds ---- */

struct look {
	struct present *present;
	struct judgement *judgement;
	const char *name;
	const struct stat *st;
	char *whole; /* where the fingerprint of the whole content goes, or NULL */
	bool only_whole; /* and nothing is judged */
	size_t values; /* that were judged */
};

static void keep(struct present *present, const char *name, const char *member, const struct stat *st,
	const char *value, size_t size)
{
	struct holding *holding;

	if (present->count == HOLDINGS_MAX || GROW(present->holdings, present->count, present->room) < 0) {
		present->no_memory = true;
		return;
	}
	holding = &present->holdings[present->count];
	*holding = (struct holding){.stem = strlen(name), .device = st->st_dev, .inode = st->st_ino};
	if (asprintf(&holding->name, "%s%s%s", name, member ? " " : "", member ? member : "") < 0) {
		present->no_memory = true;
		return;
	}
	fingerprint(present->key, value, size, holding->fingerprint);
	present->count++;
}

static void judge_value(void *userdata, const char *member, const char *value, size_t size)
{
	struct look *look = userdata;
	const struct wanted *wanted = &look->present->wanted;
	struct judgement *judgement = look->judgement;
	const char *what = member ? member : "it";

	look->values++;
	if (size == 0) {
		judgement_add(judgement, GAVEA_CRITICAL, "%s is empty: put the secret there", what);
		return;
	}
	keep(look->present, look->name, member, look->st, value, size);
	if (is_placeholder(value, size))
		judgement_add(judgement, GAVEA_CRITICAL,
			"%s holds a placeholder or a well-known password: put a real one there", what);
	if (size < wanted->length_min)
		judgement_add(judgement, GAVEA_CRITICAL,
			"%s has %zu bytes, fewer than %llu: make a longer one", what, size,
			(unsigned long long)wanted->length_min);
	if (entropy_bits(value, size) < wanted->entropy_min)
		judgement_add(judgement, GAVEA_CRITICAL,
			"%s has %.1f bits of entropy a byte, less than %g: make a random one", what,
			entropy_bits(value, size), wanted->entropy_min);
}

static void take_whole(void *userdata, const char *member, const char *value, size_t size)
{
	struct look *look = userdata;

	(void)member;
	fingerprint(look->present->key, value, size, look->whole);
}

static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \t\r\n\v\f", text[i]) || !text[i])
			return false;
	return true;
}

/* JSON or variables, none of which is called as secrets are. */
static void judge_nameless(struct look *look, const char *text, size_t size)
{
	const struct wanted *wanted = &look->present->wanted;

	keep(look->present, look->name, NULL, look->st, text, size);
	if (wanted->length_min > 1 || wanted->entropy_min > 0)
		judgement_add(look->judgement, GAVEA_UNKNOWN,
			"no value in it has a name such as password or token, so that length and entropy "
			"were not "
			"judged: use parse = \"none\", or demand neither");
}

static void judge_content(struct look *look, const char *text, size_t size)
{
	enum content_form form = look->present->wanted.form;
	char why[96];

	if (look->whole)
		(void)content_values(CONTENT_ANY, text, size, take_whole, look);
	if (look->only_whole)
		return;
	if (is_blank(text, size)) {
		judgement_add(look->judgement, GAVEA_CRITICAL, "is empty: put the secret there");
		return;
	}
	if (content_check(form, text, size, why) < 0)
		judgement_add(look->judgement, GAVEA_CRITICAL, "%s: write it anew", why);
	else if (content_values(form, text, size, judge_value, look) < 0)
		look->present->no_memory = true;
	else if (look->values == 0 && form != CONTENT_PEM_CERT)
		judge_nameless(look, text, size);
}

static void read_content(struct look *look, const char *target)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_fd_ int fd = open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *room;
	ssize_t n;

	if (look->st->st_size > (off_t)CONTENT_MAX) {
		judgement_add(look->judgement, GAVEA_UNKNOWN,
			"is larger than 1 MiB, so that its content was not judged");
		return;
	}
	/* One allocation, so that no copy is left behind when it grows. */
	room = buf_extend(&text, CONTENT_MAX + 1);
	n = !room ? -ENOMEM : fd < 0 ? -errno : fd_read_full(fd, room, CONTENT_MAX + 1);
	if (n < 0)
		judgement_add(look->judgement, GAVEA_UNKNOWN, "its content cannot be read: %s; %s",
			strerror((int)-n), n == -EACCES || n == -EPERM ? GRANT : "look at its file system");
	else if ((size_t)n > CONTENT_MAX)
		judgement_add(look->judgement, GAVEA_UNKNOWN,
			"is larger than 1 MiB, so that its content was not judged");
	else
		judge_content(look, room, (size_t)n);
	if (room && n > 0)
		explicit_bzero(room, (size_t)n);
}

/* ---- One file ---- */

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode)     ? "a folder"
		: S_ISFIFO(mode) ? "a FIFO"
		: S_ISSOCK(mode) ? "a socket"
				 : "a device";
}

static void judge_missing(const struct place *place, int error, struct judgement *judgement)
{
	const char *where = place->failed ? place->failed : "it";

	if (error == -ENOENT || error == -ENOTDIR)
		judgement_add(judgement, GAVEA_CRITICAL, "%s is not there: put the secret there", where);
	else if (error == -EISDIR)
		judgement_add(judgement, GAVEA_CRITICAL, "is a folder, not a file: name the file");
	else if (error == -ELOOP)
		judgement_add(judgement, GAVEA_CRITICAL, "%s: its links go in a circle: remove them", where);
	else
		judgement_add(judgement, GAVEA_UNKNOWN, "%s cannot be looked at: %s; %s", where,
			strerror(-error),
			error == -EACCES || error == -EPERM ? GRANT : "look at its file system");
}

void present_judge(struct present *present, const char *name, const char *path, unsigned parts,
	struct judgement *judgement, char *ret_fingerprint)
{
	_cleanup_(place_done) struct place place;
	struct look look = {present, judgement, name, &place.st, ret_fingerprint, false, 0};
	int r = place_find(path, &place);

	if (ret_fingerprint)
		ret_fingerprint[0] = '\0';
	if (r < 0) {
		judge_missing(&place, r, judgement);
		return;
	}
	if (!S_ISREG(place.st.st_mode)) {
		judgement_add(judgement, GAVEA_CRITICAL, "is %s, not a file: put the secret there",
			kind_of(place.st.st_mode));
		return;
	}
	if (place.linked)
		judgement_add(judgement, GAVEA_OK, "led by a link to %s", place.target);
	if (parts & PRESENT_PLACE)
		judge_place(present, &place, judgement);
	if (parts & PRESENT_CONTENT)
		read_content(&look, place.target);
	else if (place.st.st_size == 0)
		judgement_add(judgement, GAVEA_CRITICAL, "is empty: put the secret there");
}

void present_fingerprint(struct present *present, const char *path, struct judgement *judgement,
	char ret_fingerprint[static FINGERPRINT_SIZE])
{
	_cleanup_(place_done) struct place place;
	struct look look = {present, judgement, path, &place.st, ret_fingerprint, true, 0};
	int r = place_find(path, &place);

	ret_fingerprint[0] = '\0';
	if (r < 0)
		judge_missing(&place, r, judgement);
	else if (S_ISREG(place.st.st_mode))
		read_content(&look, place.target);
	else
		judgement_add(judgement, GAVEA_UNKNOWN, "%s is %s", path, kind_of(place.st.st_mode));
}

void present_tell(struct present *present, const char *name, struct judgement *judgement)
{
	const char *text = judgement->text.size > 2 ? buf_str(&judgement->text) + 2 : "";

	if (buf_error(&judgement->text) < 0)
		judgement->status = GAVEA_UNKNOWN;
	present->judged++;
	present->wrong += judgement->status != GAVEA_OK;
	gavea_item(present->check, name, judgement->status, "%s%s%s",
		judgement->status == GAVEA_OK ? "there, and right" : "",
		judgement->status == GAVEA_OK && *text ? "; " : "", text);
	if (judgement->status != GAVEA_OK &&
		(!present->worst ||
			status_severity((int)judgement->status) >
				status_severity((int)present->worst_status))) {
		free(present->worst);
		if (asprintf(&present->worst, "%s %s", name, text) < 0)
			present->worst = NULL;
		present->worst_status = judgement->status;
	}
	buf_done(&judgement->text);
	*judgement = (struct judgement)JUDGEMENT_INIT;
}

static void tell_file(struct present *present, const char *path)
{
	struct judgement judgement = JUDGEMENT_INIT;

	present_judge(present, path, path, PRESENT_PLACE | PRESENT_CONTENT, &judgement, NULL);
	present_tell(present, path, &judgement);
}

/* What a pattern stands for; that it stands for nothing is as bad as a file that is missing. */
static void tell_pattern(struct present *present, const char *pattern)
{
	struct judgement judgement = JUDGEMENT_INIT;
	glob_t found = {.gl_pathc = 0};
	int code = glob(pattern, GLOB_ERR, NULL, &found);

	for (size_t i = 0; code == 0 && i < MIN(found.gl_pathc, (size_t)MATCHES_MAX); i++)
		if (!present_is_over(present))
			tell_file(present, found.gl_pathv[i]);
	if (code == GLOB_NOMATCH)
		judgement_add(&judgement, GAVEA_CRITICAL, "matches no file: put the secrets there");
	else if (code != 0)
		judgement_add(&judgement, GAVEA_UNKNOWN, "a folder cannot be listed; " GRANT);
	else if (found.gl_pathc > MATCHES_MAX)
		judgement_add(&judgement, GAVEA_UNKNOWN,
			"matches %zu files, of which 1000 were judged; use several patterns", found.gl_pathc);
	globfree(&found);
	if (judgement.status != GAVEA_OK)
		present_tell(present, pattern, &judgement);
}

void present_files(struct present *present)
{
	size_t count = 0;
	const char *const *files = gavea_option_strings(present->check, "files", &count);

	for (size_t i = 0; i < count && !present_is_over(present); i++) {
		struct stat st;

		/* A file may be called so. */
		if (strpbrk(files[i], "*?[") && lstat(files[i], &st) < 0)
			tell_pattern(present, files[i]);
		else
			tell_file(present, files[i]);
	}
}

/* ---- The same secret under two names ---- */

static int by_fingerprint(const void *a, const void *b)
{
	return strcmp(((const struct holding *)a)->fingerprint, ((const struct holding *)b)->fingerprint);
}

/* One file that is known by two paths. */
static bool is_same(const struct holding *a, const struct holding *b)
{
	return a->device == b->device && a->inode == b->inode && streq(a->name + a->stem, b->name + b->stem);
}

void present_tell_reused(struct present *present)
{
	if (present->count)
		qsort(present->holdings, present->count, sizeof(*present->holdings), by_fingerprint);
	for (size_t i = 1; i < present->count; i++) {
		const struct holding *a = &present->holdings[i - 1], *b = &present->holdings[i];
		struct judgement judgement = JUDGEMENT_INIT;
		_cleanup_free_ char *name = NULL;

		if (!streq(a->fingerprint, b->fingerprint) || is_same(a, b))
			continue;
		if (asprintf(&name, "%s and %s", a->name, b->name) < 0) {
			present->no_memory = true;
			continue;
		}
		judgement_add(&judgement, GAVEA_WARNING,
			"hold the same secret: give each one its own, so that the loss of one is not that "
			"of both");
		present_tell(present, name, &judgement);
		present->judged--;
		present->wrong--;
		present->reused++;
	}
}
