/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/os-release as the labels of node_os_info, and its version as a number. */
#include "attrs.h"
#include "scan.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>

enum {
	VALUE_ROOM = 256,
	FILE_ROOM = 16384,
};

enum {
	BUILD_ID,
	ID,
	ID_LIKE,
	IMAGE_ID,
	IMAGE_VERSION,
	NAME,
	PRETTY_NAME,
	VARIANT,
	VARIANT_ID,
	VERSION,
	VERSION_CODENAME,
	VERSION_ID,
	FIELDS
};

#define RESCAN (60 * NSEC_PER_SEC)

static const struct {
	const char *key;
	const char *label;
} fields[FIELDS] = {{"BUILD_ID", "build_id"}, {"ID", "id"}, {"ID_LIKE", "id_like"}, {"IMAGE_ID", "image_id"},
	{"IMAGE_VERSION", "image_version"}, {"NAME", "name"}, {"PRETTY_NAME", "pretty_name"},
	{"VARIANT", "variant"}, {"VARIANT_ID", "variant_id"}, {"VERSION", "version"},
	{"VERSION_CODENAME", "version_codename"}, {"VERSION_ID", "version_id"}};

static const struct metric info_metric = {
	"node_os_info", GAVEA_GAUGE, NULL, "What the system calls itself in os-release, as labels"};
static const struct metric version_metric = {
	"node_os_version", GAVEA_GAUGE, NULL, "Major and minor version of the system"};

struct os {
	int info;
	int version;
	double number;
	int64_t next_scan;
};

/* A value as the shell would take it, up to the end of the line. */
static void unquote(const char *p, char value[static VALUE_ROOM])
{
	char quote = *p == '"' || *p == '\'' ? *p++ : '\0';
	size_t used = 0;

	for (; *p && *p != '\n' && used < VALUE_ROOM - 1; p++) {
		if (*p == quote || (!quote && (*p == ' ' || *p == '\t')))
			break;
		if (*p == '\\' && quote != '\'' && p[1] && p[1] != '\n')
			p++;
		value[used++] = *p;
	}
	value[used] = '\0';
}

static void os_parse(const char *text, char values[static FIELDS][VALUE_ROOM])
{
	for (const char *line = *text ? text : NULL; line; line = scan_line(line)) {
		size_t size = strcspn(line, "=\n");

		for (size_t i = 0; i < FIELDS && line[size] == '='; i++)
			if (strlen(fields[i].key) == size && memcmp(fields[i].key, line, size) == 0)
				unquote(line + size + 1, values[i]);
	}
}

/* The digits at the start of the version, with at most one point. */
static bool version_number(const char *version, double *ret_number)
{
	return scan_decimal(version, ret_number) != NULL && *version != ' ';
}

static void os_scan(struct os *os, struct collection *collection)
{
	char text[FILE_ROOM], values[FIELDS][VALUE_ROOM] = {{0}};
	struct gavea_pair labels[FIELDS];
	const struct gavea_pair of_version[] = {
		{"id", values[ID]}, {"id_like", values[ID_LIKE]}, {"name", values[NAME]}};

	os->info = os->version = 0;
	if (attr_read_text(collection->rootfs, "etc/os-release", text, sizeof(text)) < 0 &&
		attr_read_text(collection->rootfs, "usr/lib/os-release", text, sizeof(text)) < 0)
		return;
	os_parse(text, values);
	for (size_t i = 0; i < FIELDS; i++)
		labels[i] = (struct gavea_pair){fields[i].label, values[i]};
	os->info = declare(collection, &info_metric, labels, FIELDS);
	if (version_number(*values[VERSION_ID] ? values[VERSION_ID] : values[VERSION], &os->number))
		os->version = declare(collection, &version_metric, of_version, 3);
}

static int os_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct os *os = state;

	(void)file;
	(void)text;
	if (due(collection, &os->next_scan, RESCAN))
		os_scan(os, collection);
	collect(collection, os->info, 1);
	collect(collection, os->version, os->number);
	return 0;
}

const struct collector collector_os = {"os", {NULL}, sizeof(struct os), NULL, os_collect, NULL, NULL};
