/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_stat.h"

#include "base/parse.h"
#include "haproxy_table.h"

#include <errno.h>
#include <stdio.h>

enum stat_column {
	PXNAME,
	SVNAME,
	TYPE,
	STATUS,
	SCUR,
	QCUR,
	WEIGHT,
	REQ_TOT,
	HRSP_5XX,
	CHECK_STATUS,
	STAT_COLUMNS
};
enum state_column { BE_ID, BE_NAME, SRV_NAME, SRV_ADMIN_STATE, SRV_UWEIGHT, STATE_COLUMNS };

bool haproxy_name_valid(const char *name)
{
	size_t size = strlen(name);

	return size &&
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == size;
}

static int info_number(const char *line, const char *name, uint64_t *ret_value, struct error *error)
{
	const char *value = startswith(line, name);
	char digits[24];
	size_t size;

	if (!value || !(value = startswith(value, ": ")))
		return 0;
	size = strcspn(value, "\r\n");
	if (size >= sizeof digits)
		size = 0;
	memcpy(digits, value, size);
	digits[size] = '\0';
	if (parse_uint64(digits, ret_value) < 0)
		return error_set(error, -EBADMSG, "its line \"%s\" holds no number", name);
	return 0;
}

static int info_line(const char *line, struct haproxy_info *info, uint64_t *stopping, struct error *error)
{
	const struct {
		const char *name;
		uint64_t *value;
	} known[] = {
		{"Pid", &info->pid},
		{"Start_time_sec", &info->started},
		{"Nbproc", &info->processes},
		{"DroppedLogs", &info->dropped_logs},
		{"Stopping", stopping},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (info_number(line, known[i].name, known[i].value, error) < 0)
			return -EBADMSG;
	return 0;
}

int haproxy_info_parse(const char *text, struct haproxy_info *ret_info, struct error *error)
{
	struct haproxy_info info = {.processes = 1};
	uint64_t stopping = 0;

	while (*text) {
		if (info_line(text, &info, &stopping, error) < 0)
			return -EBADMSG;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (!info.pid)
		return error_set(error, -EBADMSG, "it has no line \"Pid\"");
	info.stopping = stopping != 0;
	*ret_info = info;
	return 0;
}

static int read_numbers(char (*fields)[HAPROXY_FIELD_MAX], const struct haproxy_column *columns,
	struct haproxy_row *row, struct error *error)
{
	const struct {
		enum stat_column column;
		int64_t *value;
	} numbers[] = {
		{SCUR, &row->sessions},
		{QCUR, &row->queued},
		{WEIGHT, &row->weight},
		{REQ_TOT, &row->requests},
		{HRSP_5XX, &row->errors},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (haproxy_number(fields[numbers[i].column], columns[numbers[i].column].name,
			    numbers[i].value, error) < 0)
			return -EBADMSG;
	return 0;
}

static int read_row(char (*fields)[HAPROXY_FIELD_MAX], const struct haproxy_column *columns,
	struct haproxy_row *row, struct error *error)
{
	memset(row, 0, sizeof *row);
	row->set_weight = -1;
	if (strlen(fields[SVNAME]) >= sizeof row->name)
		return error_set(error, -EBADMSG, "the server's name \"%.40s…\" is longer than %zu bytes",
			fields[SVNAME], sizeof row->name - 1);
	if (!haproxy_name_valid(fields[SVNAME]))
		return error_set(error, -EBADMSG, "\"%.40s\" is no name of a server", fields[SVNAME]);
	snprintf(row->name, sizeof row->name, "%s", fields[SVNAME]);
	snprintf(row->status, sizeof row->status, "%s", fields[STATUS]);
	row->unchecked = streq(fields[CHECK_STATUS], "INI") && startswith(row->status, "UP ");
	return read_numbers(fields, columns, row, error);
}

static int add_server(struct haproxy_stat *stat, const struct haproxy_row *row, struct error *error)
{
	if (stat->count == HAPROXY_SERVERS_MAX)
		return error_set(error, -EBADMSG, "it has more than %d servers", HAPROXY_SERVERS_MAX);
	if (GROW(stat->servers, stat->count, stat->room) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	stat->servers[stat->count++] = *row;
	return 0;
}

static int take_row(struct haproxy_stat *stat, char (*fields)[HAPROXY_FIELD_MAX],
	const struct haproxy_column *columns, struct error *error)
{
	struct haproxy_row row;
	int r = read_row(fields, columns, &row, error);

	if (r < 0)
		return r;
	if (streq(fields[TYPE], "2"))
		return add_server(stat, &row, error);
	if (streq(fields[TYPE], "1"))
		stat->backend = row;
	return 0;
}

int haproxy_stat_parse(const char *text, const char *proxy, struct haproxy_stat *stat, struct error *error)
{
	struct haproxy_column columns[STAT_COLUMNS] = {
		[PXNAME] = {.name = "pxname"},
		[SVNAME] = {.name = "svname"},
		[TYPE] = {.name = "type"},
		[STATUS] = {.name = "status"},
		[SCUR] = {.name = "scur"},
		[QCUR] = {.name = "qcur"},
		[WEIGHT] = {.name = "weight"},
		[REQ_TOT] = {.name = "req_tot"},
		[HRSP_5XX] = {.name = "hrsp_5xx"},
		[CHECK_STATUS] = {.name = "check_status", .optional = true},
	};
	struct haproxy_table table = {text, ',', columns, ARRAY_SIZE(columns)};
	char fields[STAT_COLUMNS][HAPROXY_FIELD_MAX];
	int r = haproxy_table_begin(&table, error);

	while (r == 0 && haproxy_table_next(&table, fields))
		if (streq(fields[PXNAME], proxy))
			r = take_row(stat, fields, columns, error);
	if (r == 0 && !*stat->backend.name)
		return error_set(error, -EBADMSG, "it has no row of the backend \"%s\"", proxy);
	return r;
}

void haproxy_stat_done(struct haproxy_stat *stat)
{
	free(stat->servers);
	memset(stat, 0, sizeof *stat);
}

static int take_state(struct haproxy_stat *stat, char (*fields)[HAPROXY_FIELD_MAX], struct error *error)
{
	int64_t admin, weight;

	if (haproxy_number(fields[SRV_ADMIN_STATE], "srv_admin_state", &admin, error) < 0 ||
		haproxy_number(fields[SRV_UWEIGHT], "srv_uweight", &weight, error) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < stat->count; i++) {
		struct haproxy_row *row = &stat->servers[i];

		if (!streq(row->name, fields[SRV_NAME]))
			continue;
		row->admin = admin >= 0 && admin <= UINT16_MAX ? (unsigned)admin : 0;
		row->set_weight = weight;
	}
	return 0;
}

static int begin_state(struct haproxy_table *table, struct error *error)
{
	/* The format's version stands on a line of its own. */
	table->text += strcspn(table->text, "#");
	return haproxy_table_begin(table, error);
}

#define STATE_TABLE(columns_) \
	struct haproxy_column columns_[STATE_COLUMNS] = { \
		[BE_ID] = {.name = "be_id"}, \
		[BE_NAME] = {.name = "be_name"}, \
		[SRV_NAME] = {.name = "srv_name"}, \
		[SRV_ADMIN_STATE] = {.name = "srv_admin_state"}, \
		[SRV_UWEIGHT] = {.name = "srv_uweight"}, \
	}

int haproxy_state_backend(const char *text, const char *backend, int64_t *ret_id, struct error *error)
{
	STATE_TABLE(columns);
	struct haproxy_table table = {text, ' ', columns, ARRAY_SIZE(columns)};
	char fields[STATE_COLUMNS][HAPROXY_FIELD_MAX];
	int64_t id;

	if (begin_state(&table, error) < 0)
		return -EBADMSG;
	while (haproxy_table_next(&table, fields)) {
		if (!streq(fields[BE_NAME], backend))
			continue;
		if (haproxy_number(fields[BE_ID], "be_id", &id, error) < 0)
			return -EBADMSG;
		*ret_id = id;
		return 0;
	}
	return error_set(error, -ENOENT, "the backend \"%s\" has no servers", backend);
}

int haproxy_state_parse(const char *text, struct haproxy_stat *stat, struct error *error)
{
	STATE_TABLE(columns);
	struct haproxy_table table = {text, ' ', columns, ARRAY_SIZE(columns)};
	char fields[STATE_COLUMNS][HAPROXY_FIELD_MAX];

	if (begin_state(&table, error) < 0)
		return -EBADMSG;
	while (haproxy_table_next(&table, fields))
		if (take_state(stat, fields, error) < 0)
			return -EBADMSG;
	return 0;
}

bool haproxy_row_up(const struct haproxy_row *row)
{
	return streq(row->status, "UP") || streq(row->status, "no check");
}

bool haproxy_row_draining(const struct haproxy_row *row)
{
	return (row->admin & (HAPROXY_ADMIN_MAINT | HAPROXY_ADMIN_DRAIN)) || row->weight == 0;
}

bool haproxy_row_disabled(const struct haproxy_row *row)
{
	unsigned disabled = HAPROXY_ADMIN_MAINT_CONFIG | HAPROXY_ADMIN_MAINT_SET;

	return (row->admin & disabled) == disabled && !(row->admin & HAPROXY_ADMIN_DRAIN_SET);
}

/* The value of one line: type=str, …, found=yes, …, value="500", type="sint" */
static int map_line_value(const char *line, uint64_t *ret_value)
{
	const char *end = line + strcspn(line, "\n");
	const char *value = strstr(line, " value=\"");
	char digits[24] = "";
	size_t size;

	if (!value || value > end)
		return -ENOENT;
	value += strlen(" value=\"");
	size = strcspn(value, "\"\n");
	if (size < sizeof digits)
		memcpy(digits, value, size);
	return parse_uint64(digits, ret_value) < 0 ? -ENOENT : 0;
}

int haproxy_map_value_parse(const char *text, uint64_t *ret_value, struct error *error)
{
	uint64_t first = 0, value;
	unsigned lines = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (*text == '\n')
			continue;
		if (!startswith(text, "type="))
			return error_set(error, -EBADMSG, "it is no answer to \"get map\"");
		/* A map that is used with several converters answers for each. */
		if (map_line_value(text, &value) < 0 || (lines && value != first))
			return -ENOENT;
		first = value;
		lines++;
	}
	if (!lines)
		return error_set(error, -EBADMSG, "it is no answer to \"get map\"");
	*ret_value = first;
	return 0;
}
