/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The item "clock": whether a time server keeps it right, by what the kernel knows (adjtimex(2)). Whether one should is
 * told by the configuration, or by a client that this host has: many virtual machines and all containers leave the clock
 * to their host, which is no fault. A clock that was set by more than a second while the agent looked is an event.
 */
#include "collector.h"

#include "base/clock.h"
#include "base/util.h"

#include <stdio.h>
#include <unistd.h>

/* What clients leave: a unit that is enabled, or a folder while they run. stat(2) is all that is asked of them. */
static const char *const clients[] = {
	"run/systemd/timesync",
	"run/chrony",
	"run/chronyd.pid",
	"run/chrony/chronyd.pid",
	"run/ntpd.pid",
	"run/ntpsec",
	"etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service",
	"etc/systemd/system/dbus-org.freedesktop.timesync1.service",
	"etc/systemd/system/multi-user.target.wants/chrony.service",
	"etc/systemd/system/multi-user.target.wants/chronyd.service",
	"etc/systemd/system/multi-user.target.wants/ntp.service",
	"etc/systemd/system/multi-user.target.wants/ntpd.service",
	"etc/systemd/system/multi-user.target.wants/ntpsec.service",
	"etc/systemd/system/multi-user.target.wants/openntpd.service",
};

#define RESCAN (60 * NSEC_PER_SEC)
#define STEP NSEC_PER_SEC

enum expectation { NTP_AUTO, NTP_REQUIRED, NTP_OFF };

struct clock {
	enum expectation expectation;
	double warning; /* seconds */
	int64_t grace; /* nanoseconds */
	bool client; /* there is one */
	int64_t next_scan;
	int64_t offset; /* of the time of day from the time since boot, at the last run; 0: none yet */
};

static int clock_open(void *state, struct collection *collection)
{
	struct clock *clock = state;
	const char *ntp = gavea_option_string(collection->check, "ntp");

	clock->expectation = streq(ntp, "required") ? NTP_REQUIRED : streq(ntp, "off") ? NTP_OFF : NTP_AUTO;
	clock->warning = (double)gavea_option_int(collection->check, "clock_warning") / NSEC_PER_SEC;
	clock->grace = gavea_option_int(collection->check, "clock_grace");
	return 0;
}

static bool is_there(const struct collection *collection, const char *name)
{
	char path[512];

	return snprintf(path, sizeof(path), "%s/%s", collection->rootfs, name) < (int)sizeof(path) &&
		access(path, F_OK) == 0;
}

/* A container has its clock from its host, and a unit that is enabled says nothing where systemd does not run. */
static bool has_client(const struct collection *collection)
{
	if (is_there(collection, "run/systemd/container") || is_there(collection, ".dockerenv") ||
		!is_there(collection, "run/systemd/system"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		if (is_there(collection, clients[i]))
			return true;
	return false;
}

static void watch_steps(struct clock *clock, struct collection *collection)
{
	int64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	int64_t step = clock->offset ? offset - clock->offset : 0;
	char summary[64];

	clock->offset = offset;
	if (step <= STEP && step >= -STEP)
		return;
	snprintf(summary, sizeof(summary), "the clock was set by %+.1f s", (double)step / NSEC_PER_SEC);
	gavea_event(collection->check, "clock-step", GAVEA_WARNING, summary, NULL, 0);
}

static int clock_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	struct clock *clock = state;
	struct verdicts *verdicts = &collection->verdicts;
	const struct facts *facts = &collection->facts;
	bool synchronised = facts->clock_synchronised;
	double error = facts->clock_error;

	(void)file;
	(void)text;
	watch_steps(clock, collection);
	if (clock->expectation == NTP_OFF || error < 0)
		return 0;
	if (due(collection, &clock->next_scan, RESCAN))
		clock->client = has_client(collection);
	/* Nobody keeps it, and nobody was asked to: there is nothing to say, and so nothing that is well. */
	if (!synchronised && clock->expectation == NTP_AUTO && !clock->client)
		return 0;
	/* The kernel gives up hours after the last answer; only a boot needs time. */
	if (!synchronised && clock_ns(CLOCK_BOOTTIME) >= clock->grace)
		verdict(verdicts, collection->check, "clock",
			clock->expectation == NTP_REQUIRED ? GAVEA_CRITICAL : GAVEA_WARNING, false,
			"not synchronised; see timedatectl timesync-status or chronyc tracking, and whether "
			"UDP "
			"port 123 gets out");
	else if (!synchronised)
		verdict(verdicts, collection->check, "clock", GAVEA_OK, false, "not synchronised yet");
	else if (error > clock->warning)
		verdict(verdicts, collection->check, "clock", GAVEA_WARNING, false,
			"may be wrong by %.1f s: the time server has not answered for long; see timedatectl "
			"timesync-status or chronyc sources",
			error);
	else
		verdict(verdicts, collection->check, "clock", GAVEA_OK, false,
			"synchronised, wrong by at most %.3f s", error);
	return 0;
}

const struct collector judge_clock = {
	"clock", {NULL}, sizeof(struct clock), clock_open, clock_judge, NULL, NULL};
