/* SPDX-License-Identifier: Apache-2.0 */
#include "renewal.h"

#include "base/clock.h"
#include "base/parse.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY INT64_C(86400)
#define SHORT_LIFE (100 * DAY) /* nobody renews such certificates by hand */
#define NEWER_TRIED 3

/* certbot: live/NAME/cert.pem is a link to ../../archive/NAME/certN.pem. */
static bool archive_link(const char *path, char target[static PATH_MAX])
{
	ssize_t size = readlink(path, target, PATH_MAX - 1);

	if (size <= 0)
		return false;
	target[size] = '\0';
	return strstr(path, "/live/") && strstr(target, "archive/");
}

/* lego: certificates/NAME.crt with NAME.json beside it. */
static bool has_lego_json(const char *path)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	const char *dot = strrchr(path, '.');
	struct stat st;

	if (!dot || !streq(dot, ".crt") || !strstr(path, "/certificates/"))
		return false;
	buf_add(&json, path, (size_t)(dot - path));
	buf_add_str(&json, ".json");
	return !buf_error(&json) && stat(buf_str(&json), &st) == 0;
}

enum renewer renewal_by(const char *path)
{
	char target[PATH_MAX];

	if (archive_link(path, target))
		return RENEWER_CERTBOT;
	return has_lego_json(path) ? RENEWER_LEGO : RENEWER_UNKNOWN;
}

/* Whether beside ".../archive/NAME/fullchain7.pem" lies a fullchain8.pem (or the next ones): its path in newer. */
static bool has_newer(const char *path, const char *target, struct buf *newer)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *end = strrchr(target, '.');
	const char *digits = end;
	struct stat st;

	if (!copy || !end)
		return false;
	while (digits > target && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if (digits == end || end - digits > 6)
		return false;
	for (int i = 1; i <= NEWER_TRIED; i++) {
		buf_reset(newer);
		if (*target != '/')
			buf_printf(newer, "%.*s/", (int)(strrchr(path, '/') - path), path);
		buf_printf(newer, "%.*s%d%s", (int)(digits - target), target, atoi(digits) + i, end);
		if (!buf_error(newer) && stat(buf_str(newer), &st) == 0)
			return true;
	}
	return false;
}

static const char *remedy_of(enum renewer renewer)
{
	switch (renewer) {
	case RENEWER_CERTBOT:
		return "look at systemctl status certbot.timer and /var/log/letsencrypt/letsencrypt.log, "
		       "then certbot renew";
	case RENEWER_LEGO:
		return "look at the timer that runs lego renew, and at its log";
	default:
		return "look at what should renew it";
	}
}

static bool is_judged(enum renewal_mode mode, enum renewer renewer, int64_t lifetime)
{
	if (mode == RENEWAL_AUTO)
		return renewer != RENEWER_UNKNOWN || lifetime <= SHORT_LIFE;
	return mode == RENEWAL_ALWAYS;
}

void renewal_judge(const char *path, int64_t modified, const struct facts *facts, enum renewal_mode mode,
	int64_t now, struct findings *findings)
{
	static const char *const names[] = {"", " by certbot", " by lego"};
	_cleanup_buf_ struct buf newer = BUF_INIT;
	char target[PATH_MAX], over[32], unchanged[32];
	enum renewer renewer = renewal_by(path);
	int64_t lifetime = facts->not_after - facts->not_before;
	int64_t due = facts->not_before + lifetime / 3 * 2;

	if (mode == RENEWAL_NEVER || lifetime <= 0)
		return;
	if (renewer == RENEWER_CERTBOT && archive_link(path, target) && has_newer(path, target, &newer))
		findings_add(findings, GAVEA_WARNING, 0, "certbot update_symlinks, then reload the server",
			"certbot has a newer file, %s, but the link does not lead to it", buf_str(&newer));
	if (!is_judged(mode, renewer, lifetime) || now <= due)
		return;
	format_duration_rough(over, (now - due) * NSEC_PER_SEC);
	format_duration_rough(unchanged, MAX(now - modified, INT64_C(0)) * NSEC_PER_SEC);
	findings_add(findings, GAVEA_WARNING, 0, remedy_of(renewer),
		"renewal%s is stuck: two thirds of its life have been over for %s, and the file is unchanged "
		"for %s",
		names[renewer], over, unchanged);
}
