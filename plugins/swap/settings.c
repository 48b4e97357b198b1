/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define BOOTED "/run/systemd/system" /* sd_booted(3) */
#define OPTION_FAIL(check, key, error) gavea_fail(check, -EINVAL, "%s: %s", key, error_text(error, -EINVAL))

static const char *const *list_of(struct gavea_check *check, const char *key)
{
	size_t count;
	const char *const *list = gavea_option_strings(check, key, &count);

	return count ? list : NULL;
}

static int open_steps(struct settings *settings, struct gavea_check *check)
{
	static const char *const canary[] = {"5% 2h", "25% 4h", "50% 8h", "100% 30min"};
	static const char *const blue_green[] = {"100% 5min"};
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t count;
	const char *const *texts = gavea_option_strings(check, "steps", &count);

	if (count == 0 && settings->strategy == STRATEGY_CANARY) {
		texts = canary;
		count = ARRAY_SIZE(canary);
	} else if (count == 0) {
		texts = blue_green;
		count = ARRAY_SIZE(blue_green);
	}
	if (steps_parse(texts, count, settings->steps, &settings->step_count, &error) < 0)
		return OPTION_FAIL(check, "steps", &error);
	if (settings->strategy != STRATEGY_CANARY && settings->step_count != 1)
		return gavea_fail(check, -EINVAL, "steps: only strategy canary has more than one");
	return 0;
}

/* Which of several entries it was, for the message. */
static int fail_entry(struct gavea_check *check, const char *key, size_t index, const struct error *error)
{
	return gavea_fail(check, -EINVAL, "%s: entry %zu: %s", key, index + 1, error_text(error, -EINVAL));
}

static int open_hooks(struct settings *settings, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const char *by = gavea_option_string(check, "hooks_run_by");
	size_t count;
	const char *const *texts = gavea_option_strings(check, "hooks", &count);

	/* Who may start transient units may do anything as root: nothing that polkit could part from that. */
	settings->units =
		streq(by, "systemd") || (streq(by, "auto") && geteuid() == 0 && access(BOOTED, F_OK) == 0);
	if (count > HOOKS_MAX)
		return gavea_fail(
			check, -EINVAL, "hooks: there are %zu, at most %d are allowed", count, HOOKS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct hookspec *hook = &settings->hooks[i];

		if (hookspec_parse(texts[i], hook, &error) < 0)
			return fail_entry(check, "hooks", i, &error);
		settings->hook_count++;
		for (size_t j = 0; j < i; j++)
			if (settings->hooks[j].phase == hook->phase &&
				streq(settings->hooks[j].name, hook->name))
				return gavea_fail(check, -EINVAL,
					"hooks: entry %zu: there is a %s/%s already", i + 1,
					phase_name(hook->phase), hook->name);
	}
	return 0;
}

static int add_limit(struct settings *settings, int64_t limit)
{
	unsigned at = 0;

	while (at < settings->limit_count && settings->limits[at] < limit)
		at++;
	if (at < settings->limit_count && settings->limits[at] == limit)
		return 0;
	if (settings->limit_count == ARRAY_SIZE(settings->limits))
		return -E2BIG;
	memmove(&settings->limits[at + 1], &settings->limits[at],
		(settings->limit_count - at) * sizeof settings->limits[0]);
	settings->limits[at] = limit;
	settings->limit_count++;
	return 0;
}

static int open_gate(struct settings *settings, struct gavea_check *check, struct gate *gate, int *ret_watch)
{
	if (gate->kind == GATE_SAMPLE) {
		*ret_watch = gavea_watch(check, gate->check, gate->sample);
		return *ret_watch < 0 ? gavea_fail(check, *ret_watch, "gates: \"%s\": %s", gate->text,
						strerror(-*ret_watch))
				      : 0;
	}
	if (gate->kind == GATE_SLOW && !settings->counts_socket && !settings->counts_file)
		return gavea_fail(check, -EINVAL,
			"gates: \"%s\" needs the proxy's log: set counts_socket (HAProxy) or counts_file "
			"(nginx)",
			gate->text);
	if (gate->kind == GATE_SLOW && add_limit(settings, gate->limit) < 0)
		return gavea_fail(check, -EINVAL, "gates: at most %zu different times can be told apart",
			ARRAY_SIZE(settings->limits));
	return 0;
}

static int open_gates(struct settings *settings, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t count;
	const char *const *texts = gavea_option_strings(check, "gates", &count);
	int r = 0;

	if (count > GATES_MAX)
		return gavea_fail(
			check, -EINVAL, "gates: there are %zu, at most %d are allowed", count, GATES_MAX);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (gate_parse(texts[i], &settings->gates[i], &error) < 0)
			return fail_entry(check, "gates", i, &error);
		settings->gate_count++;
		r = open_gate(settings, check, &settings->gates[i], &settings->gate_watch[i]);
	}
	return r;
}

static int open_points(struct settings *settings, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t count;
	const char *const *texts = gavea_option_strings(check, "preflight", &count);

	if (count > POINTS_MAX)
		return gavea_fail(check, -EINVAL, "preflight: there are %zu points, at most %d are allowed",
			count, POINTS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (point_parse(texts[i], &settings->points[i], &error) < 0)
			return fail_entry(check, "preflight", i, &error);
		settings->point_count++;
		if (point_watch(check, &settings->points[i], &error) < 0)
			return fail_entry(check, "preflight", i, &error);
	}
	return 0;
}

static void open_service(struct settings *settings, struct gavea_check *check)
{
	struct service_settings *service = &settings->service;

	service->kind = gavea_option_string(check, "service");
	service->app = settings->app;
	service->unit[COLOUR_BLUE] = gavea_option_string(check, "unit_blue");
	service->unit[COLOUR_GREEN] = gavea_option_string(check, "unit_green");
	for (int i = 0; i < COLOURS; i++)
		if (!service->unit[i])
			service->unit[i] = gavea_option_string(check, "unit");
	service->bus = gavea_option_string(check, "bus");
	service->start = list_of(check, "start");
	service->stop = list_of(check, "stop");
	service->status = list_of(check, "status");
}

static void open_traffic(struct settings *settings, struct gavea_check *check)
{
	struct traffic_settings *traffic = &settings->traffic;

	settings->target[COLOUR_BLUE] = gavea_option_string(check, "target_blue");
	settings->target[COLOUR_GREEN] = gavea_option_string(check, "target_green");
	*traffic = (struct traffic_settings){.app = settings->app,
		.haproxy_socket = gavea_option_string(check, "haproxy_socket"),
		.haproxy_map = gavea_option_string(check, "haproxy_map"),
		.backend = {gavea_option_string(check, "backend_blue"),
			gavea_option_string(check, "backend_green")},
		.server = gavea_option_string(check, "server"),
		.nginx_include = gavea_option_string(check, "nginx_include"),
		.reload = list_of(check, "reload"),
		.link = gavea_option_string(check, "traffic_link"),
		.target = settings->target,
		.set_command = list_of(check, "set"),
		.observe_command = list_of(check, "observe")};
	/* One copy: the driver is to look at this host's server, not at a second backend. */
	if (settings->strategy == STRATEGY_ROLLING)
		traffic->backend[COLOUR_GREEN] = NULL;
	settings->counts_socket = gavea_option_string(check, "counts_socket");
	settings->counts_file = gavea_option_string(check, "counts_file");
}

static void open_release(struct settings *settings, struct gavea_check *check)
{
	settings->release = (struct release_settings){.artefact = gavea_option_string(check, "artefact"),
		.directory = gavea_option_string(check, "directory"),
		.link = gavea_option_string(check, "link"),
		.public_key = gavea_option_string(check, "public_key"),
		.pattern = gavea_option_string(check, "pattern"),
		.size_max = (uint64_t)gavea_option_int(check, "artefact_max"),
		.unpack = gavea_option_bool(check, "unpack")};
	settings->keep_releases = (unsigned)gavea_option_int(check, "keep_releases");
}

static void open_times(struct settings *settings, struct gavea_check *check)
{
	settings->keep_old = gavea_option_int(check, "keep_old");
	settings->inconclusive_rolls_back = streq(gavea_option_string(check, "inconclusive"), "rollback");
	settings->max_hold = gavea_option_int(check, "max_hold");
	settings->max_pause = gavea_option_int(check, "max_pause");
	settings->precheck_timeout = gavea_option_int(check, "precheck_timeout");
	settings->stage_timeout = gavea_option_int(check, "stage_timeout");
	settings->start_timeout = gavea_option_int(check, "start_timeout");
	settings->settle = gavea_option_int(check, "settle");
	settings->shift_timeout = gavea_option_int(check, "shift_timeout");
	settings->drain_timeout = gavea_option_int(check, "drain_timeout");
	settings->stop_timeout = gavea_option_int(check, "stop_timeout");
	settings->rollback_timeout = gavea_option_int(check, "rollback_timeout");
	settings->deadman = gavea_option_int(check, "deadman");
	settings->deadman_program = gavea_option_string(check, "deadman_program");
	settings->booted = access(BOOTED, F_OK) == 0;
	settings->gap = gavea_option_int(check, "observation_gap");
	settings->sign_valid = gavea_option_int(check, "sign_valid");
}

static int open_consistent(struct settings *settings, struct gavea_check *check)
{
	bool rolling = settings->strategy == STRATEGY_ROLLING;
	_cleanup_error_ struct error error = ERROR_INIT;

	settings->lease = (struct lease_settings){.provider = gavea_option_string(check, "lease"),
		.file = gavea_option_string(check, "lease_file"),
		.url = gavea_option_string(check, "lease_url"),
		.ca_file = gavea_option_string(check, "lease_ca"),
		.group = gavea_option_string(check, "lease_group"),
		.ttl = gavea_option_int(check, "lease_ttl")};
	if (lease_judge(&settings->lease, &error) < 0)
		return gavea_fail(check, -EINVAL, "%s", error_text(&error, -EINVAL));
	if (!rolling && streq(settings->service.kind, "systemd") && settings->service.unit[COLOUR_BLUE] &&
		streq(settings->service.unit[COLOUR_BLUE], settings->service.unit[COLOUR_GREEN]) &&
		!strstr(settings->service.unit[COLOUR_BLUE], "%c"))
		return gavea_fail(check, -EINVAL,
			"unit: \"%s\" has no %%c: both colours would be the same unit",
			settings->service.unit[COLOUR_BLUE]);
	if (!rolling &&
		streq(settings->traffic.backend[COLOUR_BLUE], settings->traffic.backend[COLOUR_GREEN]))
		return gavea_fail(check, -EINVAL, "backend_green: \"%s\" is the blue backend too",
			settings->traffic.backend[COLOUR_GREEN]);
	if (!rolling && settings->release.link && !strstr(settings->release.link, "%c"))
		return gavea_fail(check, -EINVAL,
			"link: \"%s\" has no %%c: both colours would run the same release",
			settings->release.link);
	return 0;
}

int settings_open(struct settings *settings, struct gavea_check *check)
{
	const char *name = gavea_check_name(check), *slash = strchr(name, '/');
	int r;

	settings->app = slash ? slash + 1 : name;
	settings->strategy = (enum strategy)strategy_from_name(gavea_option_string(check, "strategy"));
	settings->traffic_kind = strdup(gavea_option_string(check, "traffic"));
	if (!settings->traffic_kind)
		return gavea_fail(check, -ENOMEM, "out of memory");
	open_times(settings, check);
	open_service(settings, check);
	open_traffic(settings, check);
	open_release(settings, check);
	r = open_steps(settings, check);
	if (r == 0)
		r = open_hooks(settings, check);
	if (r == 0)
		r = open_gates(settings, check);
	if (r == 0)
		r = open_points(settings, check);
	return r == 0 ? open_consistent(settings, check) : r;
}

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < settings->hook_count; i++)
		hookspec_done(&settings->hooks[i]);
	for (size_t i = 0; i < settings->gate_count; i++)
		gate_done(&settings->gates[i]);
	for (size_t i = 0; i < settings->point_count; i++)
		point_done(&settings->points[i]);
	free(settings->traffic_kind);
}

const struct hookspec *settings_hook(const struct settings *settings, enum phase phase, size_t index)
{
	for (size_t i = 0; i < settings->hook_count; i++)
		if (settings->hooks[i].phase == phase && index-- == 0)
			return &settings->hooks[i];
	return NULL;
}
