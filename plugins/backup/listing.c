/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define NEEDS_MAX 1000

static json_t *load(const struct buf *text)
{
	return json_loadb(buf_str(text), text->size, 0, NULL);
}

/* A size that makes no sense is none. */
static int64_t size_of(json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
									: SIZE_UNKNOWN;
}

/* ---- restic ---- */

int listing_read_restic(const struct buf *text, struct facts *facts)
{
	json_t *root = load(text), *one;
	size_t i;
	int r = json_is_array(root) ? 0 : -EBADMSG;

	json_array_foreach(root, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *when = json_string_value(json_object_get(one, "time"));
		json_t *size = json_object_get(json_object_get(one, "summary"), "total_bytes_processed");
		int64_t time;

		if (!id || !when || time_parse(when, &time) < 0)
			r = -EBADMSG;
		else if (r == 0)
			r = facts_add(facts, id, time, size_of(size));
	}
	json_decref(root);
	return r;
}

int64_t listing_read_restic_size(const struct buf *text)
{
	json_t *root = load(text);
	int64_t size = size_of(json_object_get(root, "total_size"));

	json_decref(root);
	return size;
}

/* ---- borg ---- */

int listing_read_borg(const struct buf *text, struct facts *facts)
{
	json_t *root = load(text), *list = json_object_get(root, "archives"), *one;
	size_t i;
	int r = json_is_array(list) ? 0 : -EBADMSG;

	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *when = json_string_value(json_object_get(one, "time"));
		int64_t time;

		if (!name || !when || time_parse(when, &time) < 0)
			r = -EBADMSG;
		else if (r == 0)
			r = facts_add(facts, name, time, SIZE_UNKNOWN);
	}
	json_decref(root);
	return r;
}

int64_t listing_read_borg_size(const struct buf *text)
{
	json_t *root = load(text);
	json_t *archive = json_array_get(json_object_get(root, "archives"), 0);
	int64_t size = size_of(json_object_get(json_object_get(archive, "stats"), "original_size"));

	json_decref(root);
	return size;
}

/* ---- pgbackrest ---- */

static int64_t integer_at(json_t *object, const char *outer, const char *inner)
{
	json_t *value = json_object_get(json_object_get(object, outer), inner);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Text of the JSON is the tool's: it is not freed before it was used. */
static const char *text_at(json_t *object, const char *outer, const char *inner)
{
	return json_string_value(json_object_get(json_object_get(object, outer), inner));
}

int listing_read_pgbackrest(json_t *stanza, const char *place, struct facts *facts, struct findings *findings)
{
	json_t *one, *list = json_object_get(stanza, "backup");
	int64_t code = integer_at(stanza, "status", "code");
	const char *message = text_at(stanza, "status", "message");
	size_t i;
	int r = 0;

	json_array_foreach(list, i, one)
	{
		const char *label = json_string_value(json_object_get(one, "label"));
		int64_t time = integer_at(one, "timestamp", "stop");

		if (!label || time < 0)
			return -EBADMSG;
		if (json_is_true(json_object_get(one, "error")))
			finding_add(findings, label, GAVEA_WARNING,
				"backup %s holds pages with wrong checksums: the database itself is damaged; "
				"see \"pgbackrest "
				"info --set=%s\"",
				label, label);
		r = facts_add(facts, label, time, integer_at(one, "info", "size"));
		if (r < 0)
			return r;
	}
	/* 2: no backups, which the count says. */
	if (code != 0 && code != 2)
		finding_add(findings, "stanza", code == 1 || code == 3 ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
			"stanza %s: %s", place, message ? message : "pgbackrest gives no status");
	return 0;
}

void listing_judge_repositories(json_t *stanza, const struct judge_settings *settings, int64_t wanted,
	int64_t now, struct findings *findings)
{
	json_t *repository, *one, *list = json_object_get(stanza, "repo");
	int64_t in_time = 0;
	size_t before = 0, i, k;

	json_array_foreach(list, i, repository)
	{
		json_t *key = json_object_get(repository, "key");
		const char *newest = NULL;
		int64_t time = 0;
		char item[40];

		json_array_foreach(json_object_get(stanza, "backup"), k, one)
		{
			if (integer_at(one, "database", "repo-key") != json_integer_value(key) ||
				integer_at(one, "timestamp", "stop") < time)
				continue;
			time = integer_at(one, "timestamp", "stop");
			newest = json_string_value(json_object_get(one, "label"));
		}
		snprintf(item, sizeof(item), "repo%" JSON_INTEGER_FORMAT, json_integer_value(key));
		before = findings_bad(findings);
		if (newest)
			judge_age(settings, item, newest, time, now, findings);
		else
			finding_add(findings, item, GAVEA_CRITICAL,
				"there is no backup in %s: run \"pgbackrest backup\" with it", item);
		in_time += findings_bad(findings) == before;
	}
	if (in_time < wanted)
		finding_add(findings, "copies", GAVEA_CRITICAL,
			"%" PRId64 " repositories hold a backup in time, %" PRId64
			" are wanted: look at the repo options of its configuration",
			in_time, wanted);
}

struct wal_need *listing_read_needs(json_t *stanza, uint64_t segment_size, size_t *ret_count)
{
	json_t *one, *list = json_object_get(stanza, "backup");
	struct wal_need *needs = calloc(NEEDS_MAX, sizeof(*needs));
	size_t i, count = 0;

	json_array_foreach(list, i, one)
	{
		const char *start = text_at(one, "archive", "start"), *stop = text_at(one, "archive", "stop");
		struct wal_need *need = needs && count < NEEDS_MAX ? &needs[count] : NULL;

		if (!need || !start || !stop || wal_name_parse(start, segment_size, &need->start) < 0 ||
			wal_name_parse(stop, segment_size, &need->stop) < 0)
			continue;
		need->backup = json_string_value(json_object_get(one, "label"));
		count += need->backup != NULL;
	}
	*ret_count = count;
	return needs;
}

const char *listing_archive_id(json_t *stanza)
{
	json_t *list = json_object_get(stanza, "archive");

	return json_string_value(json_object_get(json_array_get(list, json_array_size(list) - 1), "id"));
}

int listing_read_segments(
	const struct buf *text, const char *id, struct wal_archive *archive, uint32_t *ret_history)
{
	json_t *root = load(text), *value;
	size_t length = strlen(id);
	const char *name;
	int r = json_is_object(root) ? 0 : -EBADMSG;

	json_object_foreach(root, name, value)
	{
		const char *base = strrchr(name, '/');
		json_t *time = json_object_get(value, "time");

		if (base && r == 0 && strncmp(name, id, length) == 0 && name[length] == '/')
			*ret_history = MAX(*ret_history, wal_history_name(base + 1));
		/* Beside segments lie .history, .backup and .partial files. */
		if (r < 0 || strncmp(name, id, length) != 0 || name[length] != '/' || !base ||
			strnlen(base, 25) < 25 || (base[25] && base[25] != '-'))
			continue;
		if (wal_add(archive, base + 1, MAX(json_integer_value(time), (json_int_t)0)) == -ENOMEM)
			r = -ENOMEM;
	}
	json_decref(root);
	return r;
}

/* ---- barman ---- */

/* Some numbers are text there. */
static int64_t number_of(json_t *value)
{
	int64_t number;

	if (json_is_integer(value))
		return json_integer_value(value);
	return json_is_string(value) && parse_int64(json_string_value(value), &number) == 0 ? number : -1;
}

static int read_backup(json_t *one, const char *server, struct facts *facts, struct findings *findings)
{
	const char *id = json_string_value(json_object_get(one, "backup_id"));
	const char *status = json_string_value(json_object_get(one, "status"));
	int64_t time = number_of(json_object_get(one, "end_time_timestamp"));

	if (!id || !status)
		return -EBADMSG;
	if (streq(status, "FAILED"))
		finding_add(findings, id, GAVEA_WARNING,
			"backup %s failed: see \"barman show-backup %s %s\", and delete it", id, server, id);
	if (!streq(status, "DONE"))
		return 0; /* it is not one that could be restored */
	return time < 0 ? -EBADMSG
			: facts_add(facts, id, time, number_of(json_object_get(one, "size_bytes")));
}

int listing_read_barman(json_t *root, const char *server, struct facts *facts, struct findings *findings)
{
	json_t *list = json_object_get(root, server), *one;
	size_t i;
	int r = json_is_array(list) ? 0 : -EBADMSG;

	json_array_foreach(list, i, one)
	{
		if (r == 0)
			r = read_backup(one, server, facts, findings);
	}
	return r;
}

void listing_judge_barman(json_t *root, const char *server, struct findings *findings)
{
	const char *name;
	json_t *point;
	size_t count = 0;

	json_object_foreach(json_object_get(root, server), name, point)
	{
		const char *status = json_string_value(json_object_get(point, "status"));
		const char *hint = json_string_value(json_object_get(point, "hint"));

		count++;
		if (!status || !streq(status, "OK"))
			finding_add(findings, name,
				status && streq(status, "FAILED") ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
				"\"barman check %s\": %s %s%s%s", server, name,
				status ? status : "without a status", str_empty(hint) ? "" : ": ",
				str_empty(hint) ? "" : hint);
	}
	if (count == 0)
		finding_add(findings, "server", GAVEA_UNKNOWN, "\"barman check %s\" says nothing", server);
}
