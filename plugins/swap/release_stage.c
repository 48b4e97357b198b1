/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary names begin with a dot, so that no release can have them: .NAME.part, .NAME.new */
#include "base/fd.h"
#include "fetch.h"
#include "release.h"
#include "unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIGNATURE_FILE_MAX 1024

struct staging {
	const struct release_settings *settings;
	const struct release *release;
	const struct patience *patience;
	struct error *error;
	char *source; /* of the artefact */
	char *final; /* DIRECTORY/NAME */
	char *part;
	char *fresh; /* the folder that will be renamed */
	int fd; /* of the part */
	uint8_t digest[DIGEST_BYTES];
};

static void staging_done(struct staging *s)
{
	free(s->source);
	free(s->final);
	free(s->part);
	free(s->fresh);
	fd_close(s->fd);
}

/* "%r" in the artefact's place is the release. */
static char *source_of(const struct release_settings *settings, const char *name)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (const char *c = settings->artefact; *c; c++)
		if (c[0] == '%' && c[1] == 'r') {
			buf_add_str(&out, name);
			c++;
		} else {
			buf_add_char(&out, *c);
		}
	return buf_take(&out);
}

static int make_names(struct staging *s)
{
	const char *directory = s->settings->directory, *name = s->release->name;

	s->source = source_of(s->settings, name);
	if (!s->source || asprintf(&s->final, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	if (asprintf(&s->part, "%s/.%s.part", directory, name) < 0)
		return -ENOMEM;
	return asprintf(&s->fresh, "%s/.%s.new", directory, name) < 0 ? -ENOMEM : 0;
}

/* 1: it is there already; 0: it is not. */
static int look_for_release(struct staging *s)
{
	char text[2 * DIGEST_BYTES + 1];
	_cleanup_buf_ struct buf stamp = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	if (lstat(s->final, &st) < 0)
		return errno == ENOENT ? 0 : error_set(s->error, -errno, "%s: %s", s->final, strerror(errno));
	if (asprintf(&path, "%s/%s", s->final, RELEASE_STAMP) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, sizeof text, &stamp);
	if (r < 0)
		return error_set(
			s->error, -EEXIST, "%s is there, but was not put there by this agent", s->final);
	digest_text(text, s->release->digest);
	if (s->release->has_digest && !streq(buf_str(&stamp), text))
		return error_set(s->error, -EEXIST,
			"%s is there with another digest: what is in a release never changes, give it "
			"another name",
			s->final);
	return 1;
}

static int open_part(struct staging *s)
{
	int r = make_directories(s->settings->directory, 0755);

	if (r < 0)
		return error_set(s->error, r, "%s: %s", s->settings->directory, strerror(-r));
	s->fd = open(s->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return error_set(s->error, -errno, "%s: %s", s->part, strerror(errno));
	/* Two apps may keep their releases in one place. */
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(s->error, -EAGAIN, "%s: somebody else fetches it at the moment", s->part);
	return 0;
}

static int judge_digest(struct staging *s)
{
	char wanted[2 * DIGEST_BYTES + 1], got[2 * DIGEST_BYTES + 1];
	int r = digest_file(s->fd, s->digest, s->patience);

	if (r < 0)
		return error_set(s->error, r, "%s: %s", s->part, strerror(-r));
	if (!s->release->has_digest || memcmp(s->digest, s->release->digest, DIGEST_BYTES) == 0)
		return 0;
	digest_text(wanted, s->release->digest);
	digest_text(got, s->digest);
	return error_set(
		s->error, -EBADMSG, "%s has the digest sha256:%s, and not sha256:%s", s->source, got, wanted);
}

static int fetch_signature(struct staging *s, uint8_t signature[static SIGNATURE_BYTES])
{
	char bytes[SIGNATURE_FILE_MAX];
	_cleanup_free_ char *source = NULL;
	_cleanup_fd_ int fd = -EBADF;
	ssize_t size;
	int r;

	if (asprintf(&source, "%s.sig", s->source) < 0)
		return -ENOMEM;
	fd = open(s->settings->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(s->error, -errno, "%s: %s", s->settings->directory, strerror(errno));
	r = fetch(source, fd, sizeof bytes, s->patience, s->error);
	if (r < 0)
		return r;
	size = fd_pread_full(fd, bytes, sizeof bytes, 0);
	if (size < 0 || signature_parse(bytes, (size_t)size, signature) < 0)
		return error_set(
			s->error, -EBADMSG, "%s is no signature: 64 bytes, or these in base64", source);
	return 0;
}

static int judge_signature(struct staging *s)
{
	uint8_t signature[SIGNATURE_BYTES];
	int r;

	if (!s->settings->public_key)
		return 0;
	r = fetch_signature(s, signature);
	if (r < 0)
		return r;
	r = signature_verify(s->fd, signature, s->settings->public_key, s->error);
	if (r == -EBADMSG)
		error_set(s->error, r, "%s was not signed by the holder of %s", s->source,
			s->settings->public_key);
	return r;
}

/* ---- In its place ---- */

static int copy_to(struct staging *s, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	off_t offset = 0;
	struct stat st;

	if (fd < 0 || fstat(s->fd, &st) < 0)
		return -errno;
	while (offset < st.st_size) {
		ssize_t n = copy_file_range(s->fd, &offset, fd, NULL, (size_t)(st.st_size - offset), 0);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The artefact as it is, under the name that it had at its source. */
static int place_file(struct staging *s)
{
	const char *slash = strrchr(s->source, '/'), *name = slash ? slash + 1 : s->source;
	int length = (int)strcspn(name, "?#");
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%.*s", s->fresh, length ? length : 8, length ? name : "artefact") < 0)
		return -ENOMEM;
	r = copy_to(s, path);
	return r < 0 ? error_set(s->error, r, "%s: %s", path, strerror(-r)) : 0;
}

static int write_stamp(struct staging *s)
{
	char text[2 * DIGEST_BYTES + 1];
	_cleanup_free_ char *path = NULL;
	int r;

	digest_text(text, s->digest);
	if (asprintf(&path, "%s/%s", s->fresh, RELEASE_STAMP) < 0)
		return -ENOMEM;
	r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644);
	return r < 0 ? error_set(s->error, r, "%s: %s", path, strerror(-r)) : 0;
}

static int make_durable(struct staging *s)
{
	_cleanup_fd_ int folder = open(s->settings->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* All files of the release at once, before it gets its name. */
	if (folder < 0 || syncfs(folder) < 0)
		return error_set(s->error, -errno, "%s: %s", s->settings->directory, strerror(errno));
	if (rename(s->fresh, s->final) < 0)
		return error_set(s->error, -errno, "%s: %s", s->final, strerror(errno));
	if (fsync(folder) < 0)
		return error_set(s->error, -errno, "%s: %s", s->settings->directory, strerror(errno));
	return 0;
}

static int fill(struct staging *s)
{
	int r = remove_tree(s->fresh);

	if (r == 0 && mkdir(s->fresh, 0755) < 0)
		r = -errno;
	if (r < 0)
		return error_set(s->error, r, "%s: %s", s->fresh, strerror(-r));
	if (s->settings->unpack)
		r = unpack(s->fd, s->fresh, s->settings->size_max, s->patience, s->error);
	else
		r = place_file(s);
	return r == 0 ? write_stamp(s) : r;
}

static int put_in_place(struct staging *s)
{
	/* The app has a user of its own, which has to read what the agent, with its narrow umask, unpacks. Files that are
	 * nobody else's affair are made with a mode that says so. */
	mode_t before = umask(022);
	int r = fill(s);

	(void)umask(before);
	if (r == 0)
		r = make_durable(s);
	if (r < 0)
		(void)remove_tree(s->fresh);
	return r;
}

static int stage(struct staging *s)
{
	int r = make_names(s);

	if (r == 0)
		r = look_for_release(s);
	if (r != 0)
		return MIN(r, 0);
	r = open_part(s);
	if (r == 0)
		r = fetch(s->source, s->fd, s->settings->size_max, s->patience, s->error);
	if (r == 0)
		r = judge_digest(s);
	if (r == 0)
		r = judge_signature(s);
	if (r == 0)
		r = put_in_place(s);
	/* What came so far is gone on with. */
	if (s->fd >= 0 && r != -EAGAIN && r != -ETIMEDOUT)
		unlink(s->part);
	return r;
}

int release_stage(const struct release_settings *settings, const struct release *release, int64_t deadline,
	bool (*cancelled)(void *userdata), void *userdata, struct error *error)
{
	struct patience patience = {.deadline = deadline, .cancelled = cancelled, .userdata = userdata};
	struct staging s = {.settings = settings,
		.release = release,
		.patience = &patience,
		.error = error,
		.fd = -EBADF};
	int r = settings->directory ? stage(&s) : 0;

	staging_done(&s);
	return r;
}
