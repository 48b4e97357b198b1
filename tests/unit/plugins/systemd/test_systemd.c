/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole, against a made-up systemd on a socket of its own. */
#include "tests/support/fake_host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

struct made_unit {
	const char *name, *load, *active, *sub;
};

struct property {
	const char *path; /* of the unit; NULL: any */
	const char *name;
	const char *type;
	const char *text;
	uint64_t number;
};

/* One connection after another is served, each until it closes. */
struct server {
	char folder[64];
	char path[96];
	char address[128];
	int listener;
	pthread_t thread;
	const struct made_unit *units;
	size_t unit_count;
	const struct property *properties;
	size_t property_count;
	const char *refuse; /* a method that is answered with an error */
};

static int append_unit(sd_bus_message *reply, const struct made_unit *unit, size_t number)
{
	char path[64];

	snprintf(path, sizeof(path), "/unit/%zu", number);
	return sd_bus_message_append(reply, "(ssssssouso)", unit->name, "about it", unit->load, unit->active,
		unit->sub, "", path, 0, "", "/");
}

/* By name: a unit that is not among the made-up ones is not found. */
static int append_named(struct server *server, sd_bus_message *call, sd_bus_message *reply)
{
	const char *name;
	int r = sd_bus_message_enter_container(call, 'a', "s");

	while (r >= 0 && (r = sd_bus_message_read(call, "s", &name)) > 0) {
		struct made_unit unit = {name, "not-found", "inactive", "dead"};
		size_t i = 0;

		while (i < server->unit_count && strcmp(server->units[i].name, name) != 0)
			i++;
		r = append_unit(reply, i < server->unit_count ? &server->units[i] : &unit, i);
	}
	return r;
}

static int reply_units(struct server *server, sd_bus_message *call, bool by_name)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
	if (r >= 0 && by_name)
		r = append_named(server, call, reply);
	for (size_t i = 0; r >= 0 && !by_name && i < server->unit_count; i++)
		r = append_unit(reply, &server->units[i], i);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int reply_property(struct server *server, sd_bus_message *call)
{
	const char *interface, *name, *path = sd_bus_message_get_path(call);
	int r = sd_bus_message_read(call, "ss", &interface, &name);

	for (size_t i = 0; r >= 0 && i < server->property_count; i++) {
		const struct property *property = &server->properties[i];

		if (strcmp(property->name, name) != 0 ||
			(property->path && strcmp(property->path, path) != 0))
			continue;
		if (strcmp(property->type, "s") == 0)
			r = sd_bus_reply_method_return(call, "v", "s", property->text);
		else if (strcmp(property->type, "t") == 0)
			r = sd_bus_reply_method_return(call, "v", "t", property->number);
		else
			r = sd_bus_reply_method_return(call, "v", property->type, (uint32_t)property->number);
		return r < 0 ? r : 1;
	}
	return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_PROPERTY, "no such property");
}

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *reason)
{
	struct server *server = userdata;
	const char *member = sd_bus_message_get_member(call);

	(void)reason;
	if (!member || !sd_bus_message_is_method_call(call, NULL, NULL))
		return 0;
	if (strcmp(member, "Hello") == 0)
		return sd_bus_reply_method_return(call, "s", ":1.1");
	if (server->refuse && strcmp(member, server->refuse) == 0)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "not for you");
	if (strncmp(member, "ListUnits", 9) == 0)
		return reply_units(server, call, strcmp(member, "ListUnitsByNames") == 0);
	if (strcmp(member, "Get") == 0)
		return reply_property(server, call);
	return 0;
}

static void serve_one(struct server *server, int fd)
{
	sd_bus *bus = NULL;
	sd_id128_t id;

	sd_id128_randomize(&id);
	if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
		sd_bus_set_anonymous(bus, 1) < 0 || sd_bus_add_filter(bus, NULL, on_call, server) < 0 ||
		sd_bus_start(bus) < 0)
		abort();
	for (;;) {
		int r = sd_bus_process(bus, NULL);

		if (r < 0 || (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0))
			break;
	}
	sd_bus_close_unref(bus);
}

static void *serve(void *userdata)
{
	struct server *server = userdata;
	int fd;

	while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		serve_one(server, fd);
	return NULL;
}

struct test {
	struct server server;
	struct fake_host fake;
	void *state;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	struct server *server = &test->server;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(server->folder, sizeof(server->folder), "/tmp/gavea-test-systemd.XXXXXX");
	if (!mkdtemp(server->folder))
		abort();
	snprintf(server->path, sizeof(server->path), "%s/bus", server->folder);
	snprintf(server->address, sizeof(server->address), "unix:path=%s", server->path);
	strcpy(address.sun_path, server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(server->listener, 4) < 0 || pthread_create(&server->thread, NULL, serve, server) != 0)
		abort();
	fake_init(&test->fake, gavea_plugin());
	fake_set(&test->fake, "bus", server->address);
	fake_set(&test->fake, "restarts_window", "3600000000000");
	fake_set(&test->fake, "timer_grace", "600000000000");
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	if (test->state)
		test->fake.plugin->close(&test->fake.check, test->state);
	shutdown(test->server.listener, SHUT_RDWR);
	pthread_join(test->server.thread, NULL);
	close(test->server.listener);
	unlink(test->server.path);
	rmdir(test->server.folder);
	fake_done(&test->fake);
	free(test);
	return 0;
}

#define SERVE(test, made, properties_) \
	do { \
		(test)->server.units = (made); \
		(test)->server.unit_count = sizeof(made) / sizeof((made)[0]); \
		(test)->server.properties = (properties_); \
		(test)->server.property_count = sizeof(properties_) / sizeof((properties_)[0]); \
	} while (0)

static void run(struct test *test)
{
	if (!test->state)
		assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_int_equal(fake_run(&test->fake, test->state), 0);
}

static void assert_item(struct test *test, const char *name, enum gavea_status status, const char *text)
{
	const struct fake_item *item = fake_find_item(&test->fake, name);

	assert_non_null(item);
	assert_string_equal(item->text, text);
	assert_int_equal(item->status, status);
}

static const struct made_unit healthy[] = {{"a.service", "loaded", "active", "running"},
	{"b.service", "loaded", "inactive", "dead"}, {"c.mount", "loaded", "active", "mounted"}};
static const struct property calm[] = {{NULL, "SystemState", "s", "running", 0},
	{NULL, "NRestarts", "u", NULL, 0}, {NULL, "Type", "s", "simple", 0}};

static void a_healthy_system_is_ok_in_one_line(void **state)
{
	struct test *test = *state;

	SERVE(test, healthy, calm);
	run(test);
	assert_int_equal(test->fake.status, GAVEA_OK);
	assert_string_equal(test->fake.summary, "running, 3 units, 0 failed");
	assert_int_equal(test->fake.item_count, 0);
	assert_true(fake_find(&test->fake, "node_systemd_units{state=\"active\"}")->value == 2);
	assert_true(fake_find(&test->fake, "node_systemd_system_running")->value == 1);
}

static void a_failed_unit_is_critical_and_first_in_the_summary(void **state)
{
	static const struct made_unit units[] = {{"flaps.service", "loaded", "active", "running"},
		{"x.service", "loaded", "failed", "failed"}};
	static const struct property properties[] = {{NULL, "SystemState", "s", "degraded", 0},
		{"/unit/0", "NRestarts", "u", NULL, 4}, {NULL, "NRestarts", "u", NULL, 0},
		{NULL, "Result", "s", "exit-code", 0}, {NULL, "ExecMainCode", "i", NULL, 1},
		{NULL, "ExecMainStatus", "i", NULL, 9}};
	struct test *test = *state;

	fake_state_set(&test->fake.check, "restarts", "1\n", 2);
	SERVE(test, units, properties);
	run(test);
	assert_item(test, "x.service", GAVEA_CRITICAL,
		"failed: exit-code, exit status 9; see systemctl status x.service");
	assert_item(test, "flaps.service restarts", GAVEA_WARNING, "restarted 4 times in 1h");
	assert_string_equal(test->fake.summary,
		"2 problems among 2 units: x.service failed: exit-code, exit status 9; see systemctl status "
		"x.service; "
		"flaps.service restarted 4 times in 1h");
	assert_int_equal(test->fake.commits, 1);
}

static void what_cannot_be_asked_is_unknown(void **state)
{
	static const struct property none[] = {{NULL, "SystemState", "s", "running", 0}};
	struct test *test = *state;

	SERVE(test, healthy, none);
	fake_set(&test->fake, "critical", "a.service memory > 1MiB,gone.service cpu > 5%");
	run(test);
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
	assert_item(test, "a.service memory", GAVEA_UNKNOWN, "memory is not accounted for this unit");
	assert_item(test, "gone.service cpu", GAVEA_UNKNOWN,
		"has a threshold for cpu, but is not loaded, or has no such figure");
	assert_non_null(fake_find_item(&test->fake, "a.service restarts"));
}

static void thresholds_are_judged_in_their_units(void **state)
{
	static const struct property properties[] = {{NULL, "SystemState", "s", "running", 0},
		{NULL, "NRestarts", "u", NULL, 0}, {NULL, "MemoryCurrent", "t", NULL, 2 << 20},
		{NULL, "TasksCurrent", "t", NULL, 7}, {NULL, "CPUUsageNSec", "t", NULL, UINT64_MAX}};
	struct test *test = *state;

	SERVE(test, healthy, properties);
	fake_set(&test->fake, "critical", "a.service memory > 1MiB");
	fake_set(&test->fake, "warning", "a.service tasks 1:10");
	run(test);
	assert_item(
		test, "a.service memory", GAVEA_CRITICAL, "memory is 2097152 bytes, threshold ~:1048576B");
	assert_item(test, "a.service tasks", GAVEA_OK, "tasks is 7, threshold 1:10");
	assert_true(fake_find(&test->fake, "gavea_systemd_unit_memory_bytes{name=\"a.service\"}")->value ==
		2 << 20);
	assert_null(fake_find(&test->fake, "gavea_systemd_unit_cpu_seconds_total{name=\"a.service\"}"));
}

static void an_overdue_timer_is_critical(void **state)
{
	static const struct made_unit units[] = {{"backup.timer", "loaded", "active", "waiting"}};
	static const struct property properties[] = {{NULL, "SystemState", "s", "running", 0},
		{NULL, "NextElapseUSecRealtime", "t", NULL, 1000000},
		{NULL, "NextElapseUSecMonotonic", "t", NULL, 0},
		{NULL, "LastTriggerUSec", "t", NULL, 5000000}, {NULL, "Unit", "s", "backup.service", 0}};
	struct test *test = *state;
	const struct fake_item *item;

	SERVE(test, units, properties);
	run(test);
	item = fake_find_item(&test->fake, "backup.timer schedule");
	assert_non_null(item);
	assert_int_equal(item->status, GAVEA_CRITICAL);
	assert_non_null(strstr(item->text, "is overdue: it should have run "));
	assert_true(fake_find(&test->fake, "node_systemd_timer_last_trigger_seconds{name=\"backup.timer\"}")
			    ->value == 5);
}

static void expected_units_are_asked_for_by_name(void **state)
{
	struct test *test = *state;

	SERVE(test, healthy, calm);
	fake_set(&test->fake, "expect", "a.service,c.mount mounted,b.service,gone.service");
	run(test);
	assert_item(test, "a.service", GAVEA_OK, "active (running)");
	assert_item(test, "c.mount", GAVEA_OK, "active (mounted)");
	assert_item(test, "b.service", GAVEA_CRITICAL, "is inactive (dead), but should be active");
	assert_item(test, "gone.service", GAVEA_CRITICAL, "there is no such unit, but it should be active");
	fake_set(&test->fake, "ignore", "a.*");
	run(test);
	assert_non_null(strstr(test->fake.summary, "2 problems among 2 units: "));
}

static void a_bus_that_refuses_is_a_failure_with_its_words(void **state)
{
	struct test *test = *state;

	SERVE(test, healthy, calm);
	test->server.refuse = "ListUnitsByPatterns";
	assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_true(fake_run(&test->fake, test->state) < 0);
	assert_string_equal(test->fake.failure,
		"ListUnitsByPatterns: not for you; the bus's policy does not let the agent ask");
}

static void without_a_bus_the_check_fails_and_says_why(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "bus", "unix:path=/nonexistent/bus");
	assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_true(fake_run(&test->fake, test->state) < 0);
	if (access("/run/systemd/system", F_OK) == 0)
		assert_string_equal(test->fake.failure,
			"cannot reach the system bus at unix:path=/nonexistent/bus: No such file or "
			"directory");
	else
		assert_string_equal(test->fake.failure,
			"/run/systemd/system is not there: this machine (or container) was not booted with "
			"systemd");
}

static void assert_refused(struct test *test, const char *key, const char *value, const char *message)
{
	void *opened = NULL;

	fake_set(&test->fake, key, value);
	assert_true(fake_open(&test->fake, &opened) < 0);
	assert_string_equal(test->fake.failure, message);
	fake_set(&test->fake, key, NULL);
}

static void bad_options_are_refused_by_name(void **state)
{
	struct test *test = *state;

	assert_refused(test, "warning", "a.service memory 5s",
		"warning: \"5s\" is no range: write \"10\", \"10:\", \"~:10\", \"10:20\", \"@10:20\" or \"> "
		"10\", with sizes such "
		"as 10MiB");
	assert_refused(test, "critical", "a.service",
		"critical: \"a.service\" is not of the form \"UNIT FIGURE RANGE\", where FIGURE is memory, "
		"cpu, tasks, refused or backlog");
	assert_refused(test, "timer_age", "backup.timer",
		"timer_age: \"backup.timer\" is not of the form \"backup.timer 26h\"");
	assert_refused(test, "journal_errors", "many",
		"journal_errors: \"many\" is no range: write \"10\", \"10:\", \"~:10\", \"10:20\", "
		"\"@10:20\" or \"> 10\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_healthy_system_is_ok_in_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_failed_unit_is_critical_and_first_in_the_summary, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(thresholds_are_judged_in_their_units, setup, teardown),
		cmocka_unit_test_setup_teardown(an_overdue_timer_is_critical, setup, teardown),
		cmocka_unit_test_setup_teardown(expected_units_are_asked_for_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_bus_that_refuses_is_a_failure_with_its_words, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_bus_the_check_fails_and_says_why, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_options_are_refused_by_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
