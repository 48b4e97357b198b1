/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin "escape" tries everything; what it may do is just what it was granted. */
#include "tests/unit/core/worker/harness.h"

#include <sys/syscall.h>

/* Starts it, runs it, and compares what was possible with the words in expected. Acts that only Landlock
 * forbids are left out where the kernel has none. */
struct attempt {
	const Rights *rights;
	bool describe;
	const char *expected[16]; /* acts that are possible, NULL at the end */
};

static const char *const landlocked[] = {
	"read-root", "write-etc", "write-tmp", "read-path", "write-path", "signal-parent"};

static bool listed(const char *const *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count && list[i]; i++)
		if (streq(list[i], word))
			return true;
	return false;
}

static bool has_landlock(const struct harness *h)
{
	for (size_t i = 0; i < h->hello->n_sandbox; i++)
		if (strstr(h->hello->sandbox[i], "landlock: abi"))
			return true;
	return false;
}

static void judge(struct harness *h, const struct attempt *attempt, const Answer *done)
{
	size_t possible = 0, wanted = 0;

	assert_true(done->done->output->n_items > 30);
	for (size_t i = 0; i < done->done->output->n_items; i++) {
		const Gavea__V1__Item *item = done->done->output->items[i];
		bool is = item->status == GAVEA__V1__STATUS__CRITICAL;
		bool should = listed(attempt->expected, ARRAY_SIZE(attempt->expected), item->name);

		if (!has_landlock(h) && listed(landlocked, ARRAY_SIZE(landlocked), item->name))
			continue;
		if (is != should)
			fail_msg("%s: %s", item->name, item->summary);
		possible += is;
	}
	while (attempt->expected[wanted])
		wanted++;
	if (has_landlock(h))
		assert_int_equal(possible, wanted);
}

static void try_to_escape(void **state, const struct attempt *attempt, const char *path)
{
	struct harness *h = *state;
	char *option = path_format("path=%s", path ? path : "/");
	const char *options[] = {path ? option : NULL, NULL};
	static const uint32_t types[] = {GAVEA_OPTION_STRING};
	Answer *done;

	if (harness_start(h, "escape", NULL, attempt->rights, attempt->describe) < 0)
		fail_msg("%s", h->refused);
	assert_int_equal(open_check(h, 1, "escape/x", false, options, types), 0);
	done = run_check(h, 1);
	assert_non_null(done);
	judge(h, attempt, done);
	answer_free(done);
	let_go(h);
	free(option);
}

#define ALWAYS "read-etc", "write-null", "socket-unix", "thread"

static Rights no_rights(void)
{
	Rights rights = GAVEA__WORKER__V1__RIGHTS__INIT;

	rights.concurrency = 1;
	return rights;
}

static void without_rights_next_to_nothing_is_possible(void **state)
{
	Rights rights = no_rights();
	struct attempt attempt = {&rights, false, {ALWAYS, "write-state"}};

	try_to_escape(state, &attempt, NULL);
}

static void a_worker_that_describes_may_not_even_write_its_state(void **state)
{
	struct attempt attempt = {NULL, true, {ALWAYS}};

	try_to_escape(state, &attempt, NULL);
}

static void a_client_may_connect_and_not_listen(void **state)
{
	Rights rights = no_rights();
	struct attempt attempt = {&rights, false,
		{ALWAYS, "write-state", "socket-inet", "socket-inet6", "socket-netlink", "connect"}};

	rights.network = GAVEA_NETWORK_CLIENT;
	try_to_escape(state, &attempt, NULL);
}

static void a_server_may_listen(void **state)
{
	Rights rights = no_rights();
	struct attempt attempt = {&rights, false,
		{ALWAYS, "write-state", "socket-inet", "socket-inet6", "socket-netlink", "connect", "listen",
			"listen-unix"}};

	rights.network = GAVEA_NETWORK_SERVER;
	try_to_escape(state, &attempt, NULL);
}

static void programs_run_only_by_right(void **state)
{
	Rights rights = no_rights();
	struct attempt attempt = {&rights, false, {ALWAYS, "write-state", "exec", "fork"}};

	rights.exec = true;
	try_to_escape(state, &attempt, NULL);
}

static void paths_are_granted_one_by_one(void **state)
{
	struct harness *h = *state;
	char *paths[] = {h->scratch};
	Rights rights = no_rights();
	struct attempt none = {&rights, false, {ALWAYS, "write-state"}};
	struct attempt read = {&rights, false, {ALWAYS, "write-state", "read-path"}};
	struct attempt write = {&rights, false, {ALWAYS, "write-state", "read-path", "write-path"}};

	try_to_escape(state, &none, h->scratch);
	rights.read_paths = paths;
	rights.n_read_paths = 1;
	try_to_escape(state, &read, h->scratch);
	rights.n_read_paths = 0;
	rights.write_paths = paths;
	rights.n_write_paths = 1;
	try_to_escape(state, &write, h->scratch);
}

/* A pattern opens the folder that it stands in. */
static void patterns_are_granted_by_their_folder(void **state)
{
	struct harness *h = *state;
	char *pattern = path_format("%s/*.pem", h->scratch), *paths[] = {pattern};
	Rights rights = no_rights();
	struct attempt read = {&rights, false, {ALWAYS, "write-state", "read-path"}};

	rights.read_paths = paths;
	rights.n_read_paths = 1;
	try_to_escape(state, &read, h->scratch);
	free(pattern);
}

static void granted_capabilities_are_kept(void **state)
{
	char *capabilities[] = {(char *)"CAP_NET_RAW"};
	Rights rights = no_rights();
	struct attempt attempt = {&rights, false, {ALWAYS, "write-state", "capability"}};

	if (geteuid() != 0)
		skip();
	rights.capabilities = capabilities;
	rights.n_capabilities = 1;
	try_to_escape(state, &attempt, NULL);
}

static bool has_line(const struct harness *h, const char *line)
{
	return listed((const char *const *)h->hello->sandbox, h->hello->n_sandbox, line);
}

static void what_is_in_force_is_said(void **state)
{
	char *missing[] = {(char *)"/nowhere/at/all", (char *)"relative"};
	struct harness *h = *state;
	Rights rights = no_rights();

	rights.open_files = 64;
	rights.memory = 32 << 20;
	rights.read_paths = missing;
	rights.n_read_paths = 2;
	assert_int_equal(harness_start(h, "escape", NULL, &rights, false), 0);
	assert_true(has_line(h, "no_new_privs"));
	assert_true(has_line(h, "limits: 64 files, 32 MiB of memory"));
	assert_true(has_line(h, "seccomp: no network, no exec"));
	if (geteuid() == 0)
		assert_true(has_line(h, "capabilities: none"));
	/* What the kernel has must be in use. */
	assert_int_equal(has_landlock(h), syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0);
	if (has_landlock(h))
		assert_true(has_line(h, "landlock: granted, but not there: /nowhere/at/all, relative"));
	let_go(h);
}

static void an_unknown_capability_is_refused(void **state)
{
	char *capabilities[] = {(char *)"CAP_EVERYTHING"};
	struct harness *h = *state;
	Rights rights = no_rights();

	rights.capabilities = capabilities;
	rights.n_capabilities = 1;
	assert_int_equal(harness_start(h, "escape", NULL, &rights, false), -1);
	assert_string_equal(h->refused, "capability CAP_EVERYTHING is not known here");
	let_go(h);
}

#define sandbox_test(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static void more_than_the_plugin_declares_is_never_taken(void **state)
{
	struct harness *h = *state;
	Rights rights = GAVEA__WORKER__V1__RIGHTS__INIT;

	rights.network = GAVEA_NETWORK_CLIENT;
	assert_int_equal(harness_start(h, "good", NULL, &rights, false), -1);
	assert_string_equal(h->refused,
		"granted more rights than the plugin declares: is the file \"descriptions\" in the state "
		"directory "
		"damaged? Remove it, and it is made again");
	let_go(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sandbox_test(without_rights_next_to_nothing_is_possible),
		sandbox_test(more_than_the_plugin_declares_is_never_taken),
		sandbox_test(a_worker_that_describes_may_not_even_write_its_state),
		sandbox_test(a_client_may_connect_and_not_listen),
		sandbox_test(a_server_may_listen),
		sandbox_test(programs_run_only_by_right),
		sandbox_test(paths_are_granted_one_by_one),
		sandbox_test(patterns_are_granted_by_their_folder),
		sandbox_test(granted_capabilities_are_kept),
		sandbox_test(what_is_in_force_is_said),
		sandbox_test(an_unknown_capability_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
