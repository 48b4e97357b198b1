/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: lib/kit
/* A path in the first line, and the document that it is asked of behind it. Places of what it selects must be paths. */
#include "kit/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct jsonpath *path, json_t *root, unsigned flags)
{
	struct jsonpath_request request = {
		.root = root, .flags = flags, .max_nodes = 1000, .max_steps = 20000};
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};

	if (jsonpath_select(path, &request, &nodes, NULL) < 0)
		return;
	if (jsonpath_singular(path) && nodes.count > 1)
		abort();
	for (size_t i = 0; i < nodes.count && i < 20; i++) {
		_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes again = {0};
		_cleanup_(jsonpath_freep) struct jsonpath *place = NULL;
		_cleanup_buf_ struct buf text = BUF_INIT;

		jsonpath_add_place(&text, NULL, &nodes.list[i]);
		if (text.size > JSONPATH_TEXT_MAX)
			continue;
		if (jsonpath_parse(buf_str(&text), &place, NULL) < 0 ||
			jsonpath_select(place, &request, &again, NULL) < 0 || again.count != 1 ||
			again.list[0].value != nodes.list[i].value)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	_cleanup_(jsonpath_freep) struct jsonpath *path = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *root;

	if (!line)
		return 0;
	text = strndup((const char *)data, (size_t)(line - data));
	if (!text || jsonpath_parse(text, &path, NULL) < 0)
		return 0;
	line++;
	root = json_loadb((const char *)line, size - (size_t)(line - data), JSON_DECODE_ANY, NULL);
	if (!root)
		return 0;
	ask(path, root, 0);
	ask(path, root, JSONPATH_COMPLETE);
	json_decref(root);
	return 0;
}
