/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one check, which is one app, judged. Strings that the host owns are borrowed. */
#ifndef SWAP_SETTINGS_H
#define SWAP_SETTINGS_H

#include "gate.h"
#include "hookspec.h"
#include "lease.h"
#include "preflight.h"
#include "release.h"
#include "service.h"
#include "state.h"
#include "steps.h"
#include "traffic.h"

#include <gavea/plugin.h>

#define GATES_MAX 32
#define POINTS_MAX 64

struct settings {
	const char *app; /* of the check's name */
	enum strategy strategy;
	unsigned limit_count; /* of limits */
	unsigned keep_releases;
	bool inconclusive_rolls_back;
	bool booted; /* with systemd, whose timer is the dead man's switch */
	bool units; /* hooks run as transient units of systemd, not as sessions of their own */
	struct step steps[STEPS_MAX];
	size_t step_count;
	int64_t keep_old, max_hold, max_pause; /* nanoseconds, as all times here */
	int64_t precheck_timeout, stage_timeout, start_timeout, settle, shift_timeout, drain_timeout,
		stop_timeout, rollback_timeout;
	int64_t deadman; /* after which nobody watches; 0: no dead man's switch */
	const char *deadman_program;
	int64_t gap; /* of observation that a hold survives */

	struct hookspec hooks[HOOKS_MAX];
	size_t hook_count;
	struct gate gates[GATES_MAX];
	int gate_watch[GATES_MAX]; /* of GATE_SAMPLE */
	size_t gate_count;
	int64_t limits[8]; /* of GATE_SLOW, ascending */
	struct point points[POINTS_MAX];
	size_t point_count;
	int64_t sign_valid;

	struct service_settings service;
	char *traffic_kind;
	struct traffic_settings traffic;
	const char *target[COLOURS];
	const char *counts_socket, *counts_file;
	struct release_settings release;

	struct lease_settings lease;
};

/* Reads the options in open(). On failure gavea_fail() was called; settings_done() is to be called in any case. */
int settings_open(struct settings *settings, struct gavea_check *check);
void settings_done(struct settings *settings);

/* The hooks of a phase: the one at index, NULL at the end. */
const struct hookspec *settings_hook(const struct settings *settings, enum phase phase, size_t index);

#define SETTINGS_OPTIONS 61
extern const struct gavea_option settings_options[SETTINGS_OPTIONS];

#endif
