/* SPDX-License-Identifier: Apache-2.0 */
/* A symbolic link whose target is the colour in service: a document root, or the socket that a proxy forwards to. */
#include "base/fd.h"
#include "traffic_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct link {
	struct traffic base;
	const char *path;
	const char *target[COLOURS];
};

static struct link *to_link(struct traffic *traffic)
{
	return (struct link *)traffic;
}

static int failed(const struct link *link, const char *what, struct error *error)
{
	int code = -errno;

	return error_set(error, code, "%s: %s: %s", link->path, what, error_text(NULL, code));
}

/* The colour that it points to; -1: another target, or there is no link. */
static int read_link(const struct link *link, int *ret_colour, struct error *error)
{
	char target[PATH_MAX];
	ssize_t size = readlink(link->path, target, sizeof target - 1);

	*ret_colour = -1;
	if (size < 0 && errno == EINVAL)
		return error_set(error, -EEXIST,
			"%s: it is no symbolic link: move away what is there, and make a link to the colour "
			"in service",
			link->path);
	if (size < 0)
		return errno == ENOENT ? 0 : failed(link, "can't read the link", error);
	target[size] = '\0';
	for (int c = 0; c < COLOURS; c++)
		if (streq(target, link->target[c]))
			*ret_colour = c;
	return 0;
}

/* A link can't be changed in place: another one takes its name in one step. */
static int point(const struct link *link, const char *target, struct error *error)
{
	_cleanup_free_ char *copy = strdup(link->path), *temporary = NULL;
	_cleanup_fd_ int folder = -EBADF;
	char *name;

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	name = strrchr(copy, '/');
	*name++ = '\0';
	if (asprintf(&temporary, ".%s.gavea", name) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	folder = open(*copy ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return failed(link, "can't open its folder", error);
	unlinkat(folder, temporary, 0);
	if (symlinkat(target, folder, temporary) < 0)
		return failed(link, "can't make a new link beside it", error);
	if (renameat(folder, temporary, folder, name) < 0) {
		int r = failed(link, "can't put the new link in its place", error);

		unlinkat(folder, temporary, 0);
		return r;
	}
	return fsync(folder) < 0 ? failed(link, "can't sync its folder", error) : 0;
}

static int link_set(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error)
{
	struct link *link = to_link(traffic);
	enum colour wanted = share ? COLOUR_GREEN : COLOUR_BLUE;
	int now, r;

	(void)deadline;
	if (share != 0 && share != SHARE_ALL)
		return error_set(error, -EOPNOTSUPP,
			"%s: a link points to one colour alone: the only shares are 0 %% and 100 %%",
			link->path);
	r = read_link(link, &now, error);
	if (r < 0 || now == (int)wanted)
		return r;
	return point(link, link->target[wanted], error);
}

static int link_observe(
	struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	struct link *link = to_link(traffic);
	struct traffic_view view;
	int now, r = read_link(link, &now, error);

	(void)deadline;
	if (r < 0)
		return r;
	traffic_view_init(&view);
	if (now >= 0)
		view.share = view.share_stored = now == COLOUR_GREEN ? SHARE_ALL : 0;
	for (int c = 0; c < COLOURS && now >= 0; c++)
		snprintf(view.side[c].state, sizeof view.side[c].state, "%s",
			c == now ? "linked" : "not linked");
	*ret_view = view;
	return 0;
}

/* Whoever is not linked gets no new clients. */
static int link_drain(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	struct link *link = to_link(traffic);
	int now, r = read_link(link, &now, error);

	(void)deadline;
	if (r == 0 && now == (int)colour)
		return error_set(error, -EOPNOTSUPP,
			"%s: it points to %s, which can't be drained before that is changed", link->path,
			colour_name(colour));
	return r;
}

static int link_ready(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)traffic;
	(void)colour;
	(void)deadline;
	(void)error;
	return 0;
}

static int link_cut(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)deadline;
	return error_set(error, -EOPNOTSUPP,
		"%s: a link can't end the sessions of %s: stopping its service does", to_link(traffic)->path,
		colour_name(colour));
}

static void link_close(struct traffic *traffic)
{
	free(to_link(traffic));
}

static const struct traffic_driver link_driver = {
	.name = "symlink",
	.set = link_set,
	.observe = link_observe,
	.drain = link_drain,
	.ready = link_ready,
	.cut = link_cut,
	.close = link_close,
};

int traffic_symlink_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error)
{
	struct link *link;

	if (!settings->link || settings->link[0] != '/' || settings->link[strlen(settings->link) - 1] == '/')
		return traffic_missing("symlink", "traffic_link", "the absolute path of the link", error);
	if (!settings->target || str_empty(settings->target[COLOUR_BLUE]) ||
		str_empty(settings->target[COLOUR_GREEN]))
		return traffic_missing("symlink", "target_blue and target_green",
			"what the link points to for blue and for green", error);
	if (streq(settings->target[COLOUR_BLUE], settings->target[COLOUR_GREEN]))
		return error_set(error, -EINVAL, "the targets of blue and green are the same: \"%s\"",
			settings->target[COLOUR_BLUE]);
	link = calloc(1, sizeof *link);
	if (!link)
		return error_set(error, -ENOMEM, "out of memory");
	link->base.driver = &link_driver;
	link->path = settings->link;
	for (unsigned c = 0; c < COLOURS; c++)
		link->target[c] = settings->target[c];
	*ret_traffic = &link->base;
	return 0;
}
