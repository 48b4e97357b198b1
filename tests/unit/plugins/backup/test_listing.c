/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/backup/listing.h"

#include <errno.h>

#define NOW INT64_C(1000000000)

static struct buf make(const char *text)
{
	struct buf buf = BUF_INIT;

	buf_add_str(&buf, text);
	return buf;
}

static void assert_finding(
	const struct findings *findings, size_t at, enum gavea_status status, const char *text)
{
	assert_true(at < findings->count);
	assert_int_equal(findings->list[at].status, status);
	assert_string_equal(findings->list[at].text, text);
}

static void snapshots_of_old_and_new_restic_are_read(void **state)
{
	_cleanup_buf_ struct buf text = make("[{\"id\":\"a\",\"time\":\"2001-09-09T01:46:40Z\"},"
					     "{\"id\":\"b\",\"time\":\"2001-09-09T01:46:41Z\","
					     "\"summary\":{\"total_bytes_processed\":7}}]");
	_cleanup_facts_ struct facts facts = {0};

	(void)state;
	assert_int_equal(listing_read_restic(&text, &facts), 0);
	assert_int_equal(facts.count, 2);
	assert_int_equal(facts.list[0].size, SIZE_UNKNOWN);
	assert_int_equal(facts.list[1].time, NOW + 1);
	assert_int_equal(facts.list[1].size, 7);
}

static void what_is_not_of_the_form_is_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "null", "[1]", "[{\"id\":\"a\",\"time\":\"now\"}]",
		"[{\"id\":\"a\"}]", "{\"archives\":[{\"name\":1}]}", "{\"archives\":{}}", "[["};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct buf text = make(bad[i]);
		_cleanup_facts_ struct facts facts = {0};

		assert_int_equal(listing_read_restic(&text, &facts), -EBADMSG);
		assert_int_equal(listing_read_borg(&text, &facts), -EBADMSG);
		assert_int_equal(listing_read_restic_size(&text), SIZE_UNKNOWN);
		assert_int_equal(listing_read_borg_size(&text), SIZE_UNKNOWN);
	}
}

static void archives_of_borg_are_read(void **state)
{
	_cleanup_buf_ struct buf text =
		make("{\"archives\":[{\"name\":\"one\",\"time\":\"2001-09-09T01:46:40.000000\","
		     "\"stats\":{\"original_size\":5}}]}");
	_cleanup_facts_ struct facts facts = {0};

	(void)state;
	assert_int_equal(listing_read_borg(&text, &facts), 0);
	assert_string_equal(facts.list[0].name, "one");
	assert_int_equal(facts.list[0].time, NOW);
	assert_int_equal(listing_read_borg_size(&text), 5);
}

static const char stanza_text[] =
	"[{\"status\":{\"code\":1,\"message\":\"missing stanza "
	"path\"},\"archive\":[{\"id\":\"14-1\"},{\"id\":\"15-2\"}],"
	"\"repo\":[{\"key\":1},{\"key\":2}],"
	"\"backup\":[{\"label\":\"F\",\"error\":true,\"timestamp\":{\"stop\":999999000},\"info\":{\"size\":"
	"30},"
	"\"database\":{\"repo-key\":1},"
	"\"archive\":{\"start\":\"000000010000000000000002\",\"stop\":\"000000010000000000000003\"}}]}]";

static void a_stanza_says_what_is_wrong_with_it_and_its_backups(void **state)
{
	_cleanup_facts_ struct facts facts = {0};
	_cleanup_findings_ struct findings findings = {0};
	json_t *root = json_loads(stanza_text, 0, NULL), *stanza = json_array_get(root, 0);
	_cleanup_free_ struct wal_need *needs = NULL;
	size_t count;

	(void)state;
	assert_int_equal(listing_read_pgbackrest(stanza, "main", &facts, &findings), 0);
	assert_int_equal(facts.list[0].size, 30);
	assert_finding(&findings, 0, GAVEA_WARNING,
		"backup F holds pages with wrong checksums: the database itself is damaged; see \"pgbackrest "
		"info "
		"--set=F\"");
	assert_finding(&findings, 1, GAVEA_CRITICAL, "stanza main: missing stanza path");
	assert_string_equal(listing_archive_id(stanza), "15-2");
	needs = listing_read_needs(stanza, 16 << 20, &count);
	assert_int_equal(count, 1);
	assert_int_equal(needs[0].stop.number, 3);
	json_decref(root);
}

static void a_repository_without_a_backup_in_time_is_told(void **state)
{
	static const struct judge_settings settings = {.interval = 86400};
	_cleanup_findings_ struct findings findings = {0};
	json_t *root = json_loads(stanza_text, 0, NULL);

	(void)state;
	listing_judge_repositories(json_array_get(root, 0), &settings, 2, NOW, &findings);
	assert_int_equal(findings.list[0].status, GAVEA_OK);
	assert_finding(&findings, 1, GAVEA_CRITICAL,
		"there is no backup in repo2: run \"pgbackrest backup\" with it");
	assert_finding(&findings, 2, GAVEA_CRITICAL,
		"1 repositories hold a backup in time, 2 are wanted: look at the repo options of its "
		"configuration");
	json_decref(root);
}

static void segments_of_the_newest_database_alone_count(void **state)
{
	_cleanup_buf_ struct buf text =
		make("{\".\":{\"type\":\"path\"},"
		     "\"15-2/0000000100000000/000000010000000000000002-a.gz\":{\"time\":5},"
		     "\"15-2/0000000100000000/000000010000000000000003.partial-a.gz\":{\"time\":5},"
		     "\"15-2/00000003.history\":{\"time\":5},"
		     "\"14-1/0000000100000000/000000010000000000000009-a.gz\":{\"time\":5}}");
	struct wal_archive archive = {.segment_size = 16 << 20};
	uint32_t history = 0;

	(void)state;
	assert_int_equal(listing_read_segments(&text, "15-2", &archive, &history), 0);
	assert_int_equal(archive.count, 1);
	assert_int_equal(archive.list[0].number, 2);
	assert_int_equal(history, 3);
	wal_done(&archive);
}

static void barmans_backups_and_points_are_read(void **state)
{
	json_t *list =
		json_loads("{\"main\":[{\"backup_id\":\"A\",\"status\":\"DONE\",\"end_time_timestamp\":\"5\","
			   "\"size_bytes\":7},{\"backup_id\":\"B\",\"status\":\"FAILED\"}]}",
			0, NULL);
	json_t *check = json_loads("{\"main\":{\"ssh\":{\"status\":\"OK\"},\"pg\":{\"status\":\"FAILED\","
				   "\"hint\":\"gone\"},\"x\":{}}}",
		0, NULL);
	_cleanup_facts_ struct facts facts = {0};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	assert_int_equal(listing_read_barman(list, "main", &facts, &findings), 0);
	assert_int_equal(facts.count, 1);
	assert_int_equal(facts.list[0].size, 7);
	assert_finding(&findings, 0, GAVEA_WARNING,
		"backup B failed: see \"barman show-backup main B\", and delete it");
	listing_judge_barman(check, "main", &findings);
	assert_finding(&findings, 1, GAVEA_CRITICAL, "\"barman check main\": pg FAILED: gone");
	assert_finding(&findings, 2, GAVEA_UNKNOWN, "\"barman check main\": x without a status");
	listing_judge_barman(list, "other", &findings);
	assert_finding(&findings, 3, GAVEA_UNKNOWN, "\"barman check other\" says nothing");
	assert_int_equal(listing_read_barman(list, "other", &facts, &findings), -EBADMSG);
	json_decref(list);
	json_decref(check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snapshots_of_old_and_new_restic_are_read),
		cmocka_unit_test(what_is_not_of_the_form_is_refused),
		cmocka_unit_test(archives_of_borg_are_read),
		cmocka_unit_test(a_stanza_says_what_is_wrong_with_it_and_its_backups),
		cmocka_unit_test(a_repository_without_a_backup_in_time_is_told),
		cmocka_unit_test(segments_of_the_newest_database_alone_count),
		cmocka_unit_test(barmans_backups_and_points_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
