/* SPDX-License-Identifier: Apache-2.0 */
/* `gavea backup`: what the daemon knows of all backups, from the samples of their checks. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/format.h"
#include "cli/say.h"
#include "cli/show_check.h"
#include "cli/snapshot.h"
#include "cli/status_text.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>

static int take_snapshot(const answer_t *answer, void *userdata)
{
	return snapshot_take(userdata, (answer_t *)answer);
}

static int ask_all(struct cli *cli, struct snapshot *snapshot, struct error *error)
{
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	return client_ask_all(cli->socket, &request, take_snapshot, snapshot, error);
}

/* Samples come only with one check at a time. */
static int ask_one(struct cli *cli, char *check, struct snapshot *snapshot, struct error *error)
{
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	answer_t answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	int r;

	get.check = check;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	r = ask_check(cli, &request, &answer.check, error);
	if (r < 0)
		return r == -EREMOTEIO ? 0 : r; /* a reload has just taken it away */
	if (!answer.check)
		return 0;
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_CHECK;
	r = snapshot_take(snapshot, &answer);
	if (answer.body_case == GAVEA__CONTROL__V1__ANSWER__BODY_CHECK)
		gavea__control__v1__check_status__free_unpacked(answer.check, NULL);
	return r;
}

static bool find_sample(const check_status_t *status, const char *name, double *ret_value)
{
	for (size_t i = 0; i < status->n_samples; i++)
		if (status->samples[i]->series && streq(status->samples[i]->series->name, name)) {
			*ret_value = status->samples[i]->value;
			return true;
		}
	return false;
}

static void add_age(struct table *table, const check_status_t *status, const char *name, int64_t now_ms)
{
	char text[FORMAT_SIZE];
	double seconds = 0;

	/* A number beyond all times would be undefined as a whole number. */
	if (!find_sample(status, name, &seconds) || !(seconds > 0 && seconds < 1e12))
		table_add(table, STYLE_DIM, "-");
	else
		table_add(table, STYLE_PLAIN, "%s", format_age(text, (int64_t)seconds * 1000, now_ms));
}

static void add_row(
	struct table *table, const struct terminal *terminal, const check_status_t *status, int64_t now_ms)
{
	enum gavea_status state = check_status_state(status);
	char text[32];
	double value = 0;

	table_add(table, style_of_status(state), "%s %s", status_icon(terminal, state),
		status->result ? status_name(state) : "pending");
	table_add(table, STYLE_PLAIN, "%s", status->name);
	if (find_sample(status, "gavea_backup_count", &value) && value >= 0 && value < 1e12)
		table_add(table, STYLE_PLAIN, "%" PRId64, (int64_t)value);
	else
		table_add(table, STYLE_DIM, "-");
	add_age(table, status, "gavea_backup_newest_timestamp_seconds", now_ms);
	if (find_sample(status, "gavea_backup_newest_size_bytes", &value) && value >= 0 && value < 1e18)
		table_add(table, STYLE_PLAIN, "%s", format_size(text, (uint64_t)value));
	else
		table_add(table, STYLE_DIM, "-");
	add_age(table, status, "gavea_backup_verified_timestamp_seconds", now_ms);
	add_age(table, status, "gavea_backup_restored_timestamp_seconds", now_ms);
	table_add(table, STYLE_PLAIN, "%s", status->result ? status->result->summary : "has not run yet");
}

static int write_table(const struct snapshot *checks, struct buf *out)
{
	static const struct table_column columns[] = {{.title = "STATUS"}, {.title = "CHECK"},
		{.title = "COUNT", .right = true}, {.title = "NEWEST", .right = true},
		{.title = "SIZE", .right = true}, {.title = "VERIFIED", .right = true},
		{.title = "RESTORED", .right = true}, {.title = "SUMMARY"}};
	struct terminal terminal = terminal_get();
	_cleanup_table_ struct table table;
	int64_t now_ms = clock_unix_ms();

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < checks->check_count; i++)
		add_row(&table, &terminal, checks->checks[i], now_ms);
	return table_write(&table, &terminal, 0, out);
}

static int write_json(const struct snapshot *checks, struct buf *out)
{
	struct json json;

	json_init(&json, out);
	json_object_begin(&json);
	json_key(&json, "checks");
	json_array_begin(&json);
	for (size_t i = 0; i < checks->check_count; i++)
		status_json_check(&json, checks->checks[i]);
	json_array_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
	return buf_error(out);
}

int cmd_backup(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const struct argument options[] = {{.name = "json", .doc = "as JSON", .flag = &cli->json}};
	_cleanup_snapshot_ struct snapshot all = {.agent = NULL}, checks = {.agent = NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	int code, r,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 1},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (n > 0)
		return complain(CLI_USAGE,
			"there is no `gavea backup %s`; `gavea backup ping NAME` sends a ping, `gavea status "
			"backup/NAME` shows one check",
			argv[0]);
	r = ask_all(cli, &all, &error);
	for (size_t i = 0; r == 0 && i < all.check_count; i++)
		if (startswith(all.checks[i]->name, "backup/"))
			r = ask_one(cli, all.checks[i]->name, &checks, &error);
	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	if (checks.check_count == 0 && !cli->json)
		return complain(0, "no backups are looked after: see gavea-backup(7) and conf.d/backup.conf");
	r = cli->json ? write_json(&checks, &out) : write_table(&checks, &out);
	return r < 0 ? complain(CLI_FAILED, "out of memory") : say(&out);
}
