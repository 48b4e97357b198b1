/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: core/worker
/* What a plugin that is a program says: its "hello" and its answers, one line an input. */
#include "core/worker/plugin_check.h"
#include "core/worker/program/answers.h"
#include "core/worker/program/hello.h"
#include "tests/support/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_series(struct gavea_check *check, const char *name, int type, const char *unit,
	const char *help, const struct gavea_pair *labels, size_t count)
{
	(void)check;
	if (!name || !unit || !help || (type != GAVEA_GAUGE && type != GAVEA_COUNTER))
		abort();
	for (size_t i = 0; i < count; i++)
		if (!labels[i].name || !labels[i].value)
			abort();
	return *name ? 1 : -EINVAL;
}

static void take_sample(struct gavea_check *check, int series, double value)
{
	(void)check;
	(void)series;
	(void)value;
}

static void try_hello(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct hello hello;

	if (root && hello_read(json_object_get(root, "hello"), &hello, &error) == 0) {
		(void)plugin_check(&hello.plugin, &error);
		hello_done(&hello);
	}
	json_decref(root);
}

static void try_answer(enum answer_wanted wanted, const uint8_t *data, size_t size)
{
	static const struct gavea_plugin none;
	_cleanup_error_ struct error error = ERROR_INIT;
	char *line = malloc(size + 1);
	struct fake_host fake;
	int result = 0, r;

	if (!line)
		abort();
	memcpy(line, data, size);
	line[size] = '\0';
	fake_init(&fake, &none);
	fake.table.series = take_series;
	fake.table.sample = take_sample;
	r = answer_take(&fake.check, NULL, wanted, line, size, &result, &error);
	if (r < 0 && (r != -EPROTO || str_empty(error.message)))
		abort();
	fake_done(&fake);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_hello(data, size);
	try_answer(ANSWER_OPENED, data, size);
	try_answer(ANSWER_DONE, data, size);
	return 0;
}
