/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/secret
/* Files of known forms, forms that are demanded, unit files, ACLs, files of rules: the first byte chooses which, the rest is the text. */
#include "plugins/secret/acl.h"
#include "plugins/secret/content.h"
#include "plugins/secret/findings.h"
#include "plugins/secret/formats.h"
#include "plugins/secret/keystore.h"
#include "plugins/secret/rule.h"
#include "plugins/secret/unit.h"
#include "plugins/secret/validate.h"

#include "base/util.h"

#include <stdlib.h>

static const char *const paths[] = {"/a/.netrc", "/a/.pgpass", "/a/.git-credentials", "/a/.npmrc",
	"/a/.htpasswd", "/etc/shadow", "/a/wp-config.php", "/a/.docker/config.json", "/a/.kube/config",
	"/a/.my.cnf", "/a/.aws/credentials", "/a/.env", "/a/settings.py", "/a/terraform.tfstate",
	"/a/rclone.conf", "/a/.yarnrc.yml", "/a/.mysql_history", "/a/.git/config"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
	size_t size;
	uint64_t lines;
};

static int take(void *userdata, const struct sighting *sighting)
{
	const struct bounds *bounds = userdata;

	if (!sighting->rule || strlen(sighting->fingerprint) != FINGERPRINT_SIZE - 1 ||
		sighting->end > bounds->size || sighting->line > bounds->lines)
		abort();
	return 0;
}

static void try_format(const struct format *format, const uint8_t *data, size_t size)
{
	struct fingerprint_key key = {.lasting = true};
	struct bounds bounds = {.size = size, .lines = 1};

	for (size_t i = 0; i < size; i++)
		bounds.lines += data[i] == '\n';
	if (format && format_scan(format, &key, (const char *)data, size, 0, 1, take, &bounds) < 0)
		abort();
}

static void try_rules(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct ruleset set = {.list = NULL};

	if (ruleset_parse(&set, text, "file", &error) < 0 && str_empty(error.message))
		abort();
	ruleset_done(&set);
}

static void take_value(void *userdata, const char *name, const char *value, size_t size)
{
	(void)userdata;
	if (name && !*name)
		abort();
	(void)is_placeholder(value, size);
}

static void try_content(const char *text, size_t size)
{
	for (int form = CONTENT_ANY; form <= CONTENT_ENV; form++) {
		char why[96] = "";

		if (content_check((enum content_form)form, text, size, why) < 0) {
			if (!*why)
				abort();
			continue;
		}
		if (content_values((enum content_form)form, text, size, take_value, NULL) < 0)
			abort();
	}
}

static void try_unit(const char *text, size_t size)
{
	struct unit_environment environment;

	(void)unit_environment(text, size, &environment);
	unit_environment_done(&environment);
}

static void try_acl(const void *bytes, size_t size)
{
	struct acl acl;

	if (acl_parse(bytes, size, &acl) == 0 && acl.count > ACL_ENTRIES_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size < 2)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	if (data[0] < ARRAY_SIZE(paths))
		try_format(format_of(paths[data[0]]), (const uint8_t *)copy, size - 1);
	else if (data[0] == 0x40)
		try_format(format_environment(), (const uint8_t *)copy, size - 1);
	else if (data[0] == 0x50)
		try_content(copy, size - 1);
	else if (data[0] == 0x51)
		try_unit(copy, size - 1);
	else if (data[0] == 0x52)
		try_acl(copy, size - 1);
	else if (data[0] == 0x53 && copy[0] != 0x30) /* PKCS#12 is OpenSSL's, and slow on purpose */
		(void)keystore_is_trivial(copy, size - 1);
	else
		try_rules(copy);
	free(copy);
	return 0;
}
