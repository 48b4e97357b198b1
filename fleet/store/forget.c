/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/store/internal.h"

/* Rarely used: prepared each time. */
static int run(
	struct store *store, const char *sql, const char *agent_id, uint64_t log_id, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return store_fail(store, store->db, "can't forget a host", error);
	if (agent_id)
		sqlite3_bind_text(statement, 1, agent_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)MIN(log_id, (uint64_t)INT64_MAX));
	if (sqlite3_step(statement) != SQLITE_DONE)
		r = store_fail(store, store->db, "can't forget a host", error);
	sqlite3_finalize(statement);
	return r;
}

int store_forget_host(struct store *store, const char *agent_id, uint64_t before_log_id, struct error *error)
{
	/* The log's reports don't tell whose they are. They are passed over at a start, and cut soon. */
	static const char *const texts[] = {
		"DELETE FROM host WHERE agent_id = ?1",
		"DELETE FROM event WHERE agent_id = ?1",
		"DELETE FROM span WHERE agent_id = ?1",
		"INSERT OR REPLACE INTO forgotten(agent_id, log_id) VALUES(?1, ?2)",
		/* Of others whose part of the log has been cut. */
		"DELETE FROM forgotten WHERE agent_id != ?1 AND log_id <= (SELECT min(id) FROM report)",
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
		r = run(store, texts[i], agent_id, before_log_id, error);
	return r;
}

struct each {
	store_each_forgotten each;
	void *userdata;
};

static int each_forgotten(sqlite3_stmt *statement, void *userdata)
{
	const struct each *each = userdata;

	return each->each(
		store_text(statement, 0), (uint64_t)sqlite3_column_int64(statement, 1), each->userdata);
}

int store_load_forgotten(struct store *store, store_each_forgotten each, void *userdata, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int r;

	if (sqlite3_prepare_v2(store->db, "SELECT agent_id, log_id FROM forgotten", -1, &statement, NULL) !=
		SQLITE_OK)
		return store_fail(store, store->db, "can't read it", error);
	r = store_rows(store, store->db, statement, each_forgotten,
		&(struct each){.each = each, .userdata = userdata}, error);
	sqlite3_finalize(statement);
	return r;
}
