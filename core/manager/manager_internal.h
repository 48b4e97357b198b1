/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the manager share. For no one else. */
#ifndef MANAGER_MANAGER_INTERNAL_H
#define MANAGER_MANAGER_INTERNAL_H

#include "core/manager/cgroup.h"
#include "core/manager/clockwatch.h"
#include "core/manager/control.h"
#include "core/manager/facts.h"
#include "core/manager/loader.h"
#include "core/manager/manager.h"
#include "core/manager/present.h"
#include "core/manager/spool_report.h"
#include "core/manager/unit.h"

struct manager {
	struct manager_settings settings;
	sd_event *event;
	struct identity identity;
	struct cgroup cgroup;
	struct config *config;
	struct loader *loader;
	bool reload_again; /* asked for while one was under way */
	char **reload_errors; /* of the last one; NULL: it succeeded */
	size_t reload_error_count;
	int64_t started_ms;
	int64_t loaded_ms;
	int64_t reload_began; /* CLOCK_MONOTONIC */

	struct recorder *recorder;
	struct control *control;
	struct strmap restored; /* results from before the start, until their checks are made */
	struct facts facts;
	struct unit_env env;
	uint32_t next_number;
	struct unit **units;
	size_t unit_count;

	sd_event_source *flush; /* at once, at the end of this turn */
	sd_event_source *settle; /* goes on with the spool's bounds */
	sd_event_source *flush_timer;
	sd_event_source *memory_timer;
	sd_event_source *farewell; /* ends a stop that takes too long */
	struct clockwatch clock;
	struct spool_report spool_report;
	struct present present;
	bool stopping;
};

/* ---- manager_config.c ---- */

/* Begins to load the configuration; when it is good the manager goes over to it. 0 or -errno. */
int manager_load(struct manager *manager);

/* The same once more, told to systemd and to those who wait. -EBUSY: one is under way, and another will follow it. */
int manager_reload(struct manager *manager);

void manager_forget_errors(struct manager *manager);

#endif
