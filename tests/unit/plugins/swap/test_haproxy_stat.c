/* SPDX-License-Identifier: Apache-2.0 */
/* What HAProxy tells about itself, taken apart. */
#include "plugins/swap/haproxy_client.h"
#include "plugins/swap/haproxy_ratio.h"
#include "plugins/swap/haproxy_stat.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* As 2.6 prints them, without the columns that nobody asks for; and in another order. */
#define HEADER "# pxname,svname,qcur,scur,status,weight,chkfail,type,check_desc,hrsp_5xx,req_tot,\n"
#define OTHER_ORDER "# req_tot,pxname,hrsp_5xx,type,svname,status,weight,scur,brand_new,qcur\n"
#define STATE \
	"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n" \
	"4 green 1 g1 127.0.0.1 2 8 50 1\n4 green 2 g2 127.0.0.1 2 0 0 1\n"

static void assert_stat_error(const char *text, const char *expected)
{
	struct haproxy_stat stat = {0};
	struct error error = ERROR_INIT;

	assert_int_equal(haproxy_stat_parse(text, "green", &stat, &error), -EBADMSG);
	assert_string_equal(error.message, expected);
	haproxy_stat_done(&stat);
	error_done(&error);
}

static void rows_of_the_backend_and_its_servers_are_found(void **state)
{
	struct haproxy_stat stat = {0};

	(void)state;
	assert_int_equal(haproxy_stat_parse(HEADER
				 "green,FRONTEND,,9,OPEN,,,0,,7,9,\n"
				 "green,g1,1,2,UP,1,0,2,,3,40,\n"
				 "green,g2,0,0,DOWN,1,4,2,\"Layer4 \"\"no\"\", refused\nagain\",0,5,\n"
				 "blue,b1,0,0,UP,1,0,2,,0,5,\n"
				 "green,BACKEND,0,2,UP,1,,1,,5,45,\n\n",
				 "green", &stat, NULL),
		0);
	assert_int_equal(stat.count, 2);
	assert_string_equal(stat.servers[0].name, "g1");
	assert_int_equal(stat.servers[0].queued, 1);
	assert_int_equal(stat.servers[0].sessions, 2);
	assert_int_equal(stat.servers[0].set_weight, -1);
	assert_string_equal(stat.servers[1].status, "DOWN");
	assert_int_equal(stat.servers[1].requests, 5);
	/* 502 and 504 that HAProxy made itself stand in the backend's row alone. */
	assert_int_equal(stat.backend.errors, 5);
	assert_int_equal(stat.backend.requests, 45);
	haproxy_stat_done(&stat);
}

static void columns_go_by_their_names_and_empty_numbers_are_not_known(void **state)
{
	struct haproxy_stat stat = {0};

	(void)state;
	assert_int_equal(haproxy_stat_parse(OTHER_ORDER
				 "45,green,5,1,BACKEND,UP,1,2,?,0\n,green,,2,g1,no check,1,,?,\n",
				 "green", &stat, NULL),
		0);
	assert_int_equal(stat.backend.requests, 45);
	assert_int_equal(stat.servers[0].requests, -1);
	assert_int_equal(stat.servers[0].sessions, -1);
	assert_string_equal(stat.servers[0].status, "no check");
	haproxy_stat_done(&stat);
}

static void a_bad_answer_says_what_is_wrong(void **state)
{
	(void)state;
	assert_stat_error("", "its first line is no header that begins with \"# \"");
	assert_stat_error("No such proxy.\n", "its first line is no header that begins with \"# \"");
	assert_stat_error("# pxname,svname,type,status,qcur,weight,req_tot,hrsp_5xx\n",
		"its header has no column \"scur\"");
	assert_stat_error(
		HEADER "blue,BACKEND,0,0,UP,1,,1,,0,0,\n", "it has no row of the backend \"green\"");
	assert_stat_error(HEADER "green,g1,0,many,UP,1,0,2,,3,40,\n",
		"its column \"scur\" holds \"many\", which is no number");
	assert_stat_error(HEADER "green,g1,0,0,UP,1,0,2,,-3,40,\n",
		"its column \"hrsp_5xx\" holds \"-3\", which is no number");
	assert_stat_error(
		HEADER "green,g1;shutdown,0,0,UP,1,0,2,,3,40,\n", "\"g1;shutdown\" is no name of a server");
	assert_stat_error(HEADER "green,,0,0,UP,1,0,2,,3,40,\n", "\"\" is no name of a server");
}

static void servers_are_up_only_by_the_exact_words(void **state)
{
	struct haproxy_row row = {.status = "UP"};
	const char *const not_up[] = {"UP 1/3", "UP 2/3", "DOWN", "DOWN 1/2", "MAINT", "MAINT (via blue/b1)",
		"DRAIN", "NOLB", "up", "", "OPEN", "no check (via x)"};

	(void)state;
	assert_true(haproxy_row_up(&row));
	snprintf(row.status, sizeof row.status, "no check");
	assert_true(haproxy_row_up(&row));
	for (size_t i = 0; i < ARRAY_SIZE(not_up); i++) {
		snprintf(row.status, sizeof row.status, "%s", not_up[i]);
		assert_false(haproxy_row_up(&row));
	}
}

static void administrative_states_tell_who_takes_no_clients(void **state)
{
	struct haproxy_stat stat = {0};
	int64_t id;

	(void)state;
	haproxy_stat_parse(HEADER "green,g1,0,0,DOWN,1,0,2,,0,0,\ngreen,g2,0,0,no check,0,0,2,,0,0,\n"
				  "green,g3,0,0,UP,1,0,2,,0,0,\ngreen,BACKEND,0,0,UP,1,,1,,0,0,\n",
		"green", &stat, NULL);
	assert_int_equal(haproxy_state_parse(STATE, &stat, NULL), 0);
	/* Drained while down: the status says nothing of it. */
	assert_true(haproxy_row_draining(&stat.servers[0]));
	assert_int_equal(stat.servers[0].set_weight, 50);
	/* Weight 0 */
	assert_true(haproxy_row_draining(&stat.servers[1]));
	assert_false(haproxy_row_draining(&stat.servers[2]));
	assert_int_equal(haproxy_state_backend(STATE, "green", &id, NULL), 0);
	assert_int_equal(id, 4);
	haproxy_stat_done(&stat);
}

static void servers_that_the_configuration_disables_are_left_alone(void **state)
{
	/* As 2.6 has them: "disabled", and that after drain, ready and maint on the socket. */
	const struct haproxy_row disabled = {.admin = 5}, drained = {.admin = 4 | 8}, ready = {.admin = 4},
				 maint = {.admin = 1};

	(void)state;
	assert_true(haproxy_row_disabled(&disabled));
	assert_false(haproxy_needs_drain(&disabled) || haproxy_needs_ready(&disabled));
	assert_false(haproxy_row_disabled(&drained) || haproxy_row_disabled(&ready) ||
		haproxy_row_disabled(&maint));
	assert_true(haproxy_needs_ready(&drained) && haproxy_needs_ready(&maint));
	assert_false(
		haproxy_needs_ready(&ready) || haproxy_needs_drain(&maint) || haproxy_needs_drain(&drained));
	assert_true(haproxy_needs_drain(&ready));
}

static void a_backend_without_servers_is_said(void **state)
{
	struct error error = ERROR_INIT;
	int64_t id;

	(void)state;
	assert_int_equal(haproxy_state_backend(STATE, "empty", &id, &error), -ENOENT);
	assert_string_equal(error.message, "the backend \"empty\" has no servers");
	error_done(&error);
	assert_int_equal(haproxy_state_backend("1\n", "empty", &id, &error), -EBADMSG);
	assert_string_equal(error.message, "its first line is no header that begins with \"# \"");
	error_done(&error);
}

static void info_tells_the_process_and_lost_log_lines(void **state)
{
	struct haproxy_info info;
	struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(
		haproxy_info_parse("Name: HAProxy\nNbproc: 1\nPid: 4711\nStopping: 1\nDroppedLogs: 3\n"
				   "Start_time_sec: 1795589486\nPidfile: 5\n",
			&info, NULL),
		0);
	assert_int_equal(info.pid, 4711);
	assert_int_equal(info.started, 1795589486);
	assert_int_equal(info.dropped_logs, 3);
	assert_true(info.stopping);
	assert_int_equal(haproxy_info_parse("Name: HAProxy\n", &info, &error), -EBADMSG);
	assert_string_equal(error.message, "it has no line \"Pid\"");
	error_done(&error);
	assert_int_equal(haproxy_info_parse("Pid: all\n", &info, &error), -EBADMSG);
	assert_string_equal(error.message, "its line \"Pid\" holds no number");
	error_done(&error);
}

static void a_maps_value_is_what_all_its_users_see(void **state)
{
	uint64_t value = 77;
	struct error error = ERROR_INIT;

	(void)state;
	assert_int_equal(
		haproxy_map_value_parse("type=str, case=sensitive, found=yes, idx=tree, key=\"app\", "
					"value=\"500\", type=\"sint\"\n\n",
			&value, NULL),
		0);
	assert_int_equal(value, 500);
	assert_int_equal(
		haproxy_map_value_parse("type=str, case=sensitive, found=no\n\n", &value, NULL), -ENOENT);
	assert_int_equal(haproxy_map_value_parse("type=str, value=\"5\", type=\"sint\"\n"
						 "type=str, value=\"6\", type=\"sint\"\n",
				 &value, NULL),
		-ENOENT);
	assert_int_equal(haproxy_map_value_parse("type=str, value=\"5%\"\n", &value, NULL), -ENOENT);
	assert_int_equal(value, 500);
	assert_int_equal(haproxy_map_value_parse("Unknown map identifier.\n", &value, &error), -EBADMSG);
	assert_string_equal(error.message, "it is no answer to \"get map\"");
	error_done(&error);
	assert_int_equal(haproxy_map_value_parse("\n\n", &value, NULL), -EBADMSG);
}

static void whole_percents_have_weights_and_what_has_none_says_the_nearest(void **state)
{
	struct ratio ratio;

	(void)state;
	for (uint32_t share = 0; share <= 10000; share += 100) {
		assert_int_equal(ratio_find(share, &ratio), 0);
		assert_int_equal(ratio_share(&ratio), share);
		assert_true(ratio.green <= HAPROXY_WEIGHT_MAX && ratio.blue <= HAPROXY_WEIGHT_MAX);
	}
	assert_int_equal(ratio_find(500, &ratio), 0);
	assert_int_equal(ratio.green, 1);
	assert_int_equal(ratio.blue, 19);
	assert_int_equal(ratio_find(1, &ratio), -ERANGE);
	assert_int_equal(ratio_share(&ratio), 39);
	assert_int_equal(ratio_find(9999, &ratio), -ERANGE);
	assert_int_equal(ratio_share(&ratio), 9961);
	assert_int_equal(ratio_share(&(struct ratio){0, 0}), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_the_backend_and_its_servers_are_found),
		cmocka_unit_test(columns_go_by_their_names_and_empty_numbers_are_not_known),
		cmocka_unit_test(a_bad_answer_says_what_is_wrong),
		cmocka_unit_test(servers_are_up_only_by_the_exact_words),
		cmocka_unit_test(administrative_states_tell_who_takes_no_clients),
		cmocka_unit_test(servers_that_the_configuration_disables_are_left_alone),
		cmocka_unit_test(a_backend_without_servers_is_said),
		cmocka_unit_test(info_tells_the_process_and_lost_log_lines),
		cmocka_unit_test(a_maps_value_is_what_all_its_users_see),
		cmocka_unit_test(whole_percents_have_weights_and_what_has_none_says_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
