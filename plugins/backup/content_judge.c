/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>

struct form {
	const char *head; /* in the beginning */
	const char *trailer; /* in the end */
	const char *name;
};

static const struct form forms[] = {
	{"-- PostgreSQL database dump", "-- PostgreSQL database dump complete", "SQL of pg_dump"},
	{"-- PostgreSQL database cluster dump", "-- PostgreSQL database cluster dump complete",
		"SQL of pg_dumpall"},
	{"-- MySQL dump", "-- Dump completed", "SQL of mysqldump"},
	{"-- MariaDB dump", "-- Dump completed", "SQL of mariadb-dump"},
	{"BEGIN TRANSACTION;", "COMMIT;", "SQL of sqlite3"},
};

/* What the programs say when they fail, which a pipe takes for a dump. */
static const char *const complaints[] = {"pg_dump: error", "pg_dumpall: error", "pg_dump: [archiver",
	"mysqldump: Got error", "mysqldump: Error", "mysqldump: Couldn't", "mariadb-dump: Got error",
	"mariadb-dump: Error", "mariadb-dump: Couldn't", "mongodump: error", "FATAL:  ", "command not found"};

static const char *find_complaint(const struct content *content)
{
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		const char *head =
			memmem(content->head, content->head_size, complaints[i], strlen(complaints[i]));
		const char *tail =
			memmem(content->tail, content->tail_size, complaints[i], strlen(complaints[i]));

		/* At the beginning of a line: data may well hold such words. */
		if (head && (head == content->head || head[-1] == '\n'))
			return complaints[i];
		if (tail && tail > content->tail && tail[-1] == '\n')
			return complaints[i];
		if (head && content->size < 512)
			return complaints[i];
	}
	return NULL;
}

static bool has(const char *bytes, size_t size, const char *text)
{
	return memmem(bytes, size, text, strlen(text)) != NULL;
}

static uint32_t big_endian(const char *at, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)at[i];
	return value;
}

/* SQLite tells in its header how long the file has to be. */
static bool is_short_sqlite(const struct content *content)
{
	uint64_t page, pages;

	if (content->head_size < 100 || memcmp(content->head, "SQLite format 3", 16) != 0)
		return false;
	page = big_endian(content->head + 16, 2);
	pages = big_endian(content->head + 28, 4);
	return content->size < (page == 1 ? 65536 : page) * pages;
}

static enum gavea_status judge_trailer(
	const struct content *content, const char *trailer, char text[static 512])
{
	const char *name = "content";

	for (size_t i = 0; !trailer && i < ARRAY_SIZE(forms); i++)
		if (has(content->head, MIN(content->head_size, (size_t)1024), forms[i].head)) {
			trailer = forms[i].trailer;
			name = forms[i].name;
		}
	if (!trailer || has(content->tail, content->tail_size, trailer)) {
		snprintf(text, 512, "%s", name);
		return GAVEA_OK;
	}
	snprintf(text, 512,
		"its end lacks \"%.200s\": the dump was cut off; look why the job ended before it was done",
		trailer);
	return GAVEA_CRITICAL;
}

enum gavea_status content_judge(
	const struct content *content, uint64_t min, const char *trailer, char text[static 512])
{
	const char *complaint = find_complaint(content);
	char size[32], wanted[32];

	if (content->size == 0) {
		snprintf(text, 512, "there is nothing in it: the job wrote no data; look at its log");
		return GAVEA_CRITICAL;
	}
	if (!content->is_archive && complaint) {
		snprintf(text, 512, "it holds an error instead of data (\"%s…\"): look at the job's log",
			complaint);
		return GAVEA_CRITICAL;
	}
	if (content->is_archive && content->entries == 0) {
		snprintf(text, 512, "it is an archive without entries: look which files the job was to pack");
		return GAVEA_CRITICAL;
	}
	if (content->size < min) {
		snprintf(text, 512, "it unpacks to %s, at least %s is wanted",
			format_size(size, content->size), format_size(wanted, min));
		return GAVEA_CRITICAL;
	}
	if (is_short_sqlite(content)) {
		snprintf(text, 512,
			"it is an SQLite database that was cut off: take it with \".backup\", not with cp");
		return GAVEA_CRITICAL;
	}
	if (content->is_archive && !trailer) {
		snprintf(text, 512, "archive of %" PRIu64 " entries", content->entries);
		return GAVEA_OK;
	}
	return judge_trailer(content, trailer, text);
}
