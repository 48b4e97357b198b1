/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/swap
/* A map that others edit too: a change must be found again, change nothing else, and be the same when made twice. */
#include "plugins/swap/haproxy_map.h"
#include "plugins/swap/nginx_include.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_same(const struct buf *a, const struct buf *b)
{
	if (a->size != b->size || (a->size && memcmp(a->data, b->data, a->size) != 0))
		abort();
}

static void try_map(const struct buf *text)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	uint32_t other, now, value = 1;
	int before = haproxy_map_find(text, "blog", &other);

	haproxy_map_edit(text, "shop", 500, &once);
	if (haproxy_map_find(&once, "shop", &value) < 0 || value != 500)
		abort();
	if (haproxy_map_find(&once, "blog", &now) != before || (before == 0 && now != other))
		abort();
	haproxy_map_edit(&once, "shop", 500, &twice);
	must_be_same(&once, &twice);
	buf_done(&once);
	buf_done(&twice);
}

static void try_include(const struct buf *text)
{
	const struct nginx_include include = {"shop", {"shop_blue", "shop_green"}};
	struct buf again = BUF_INIT;
	uint32_t share;
	bool applied;

	if (nginx_include_read(&include, text, &share, &applied) == 0) {
		nginx_include_write(&include, share, applied, &again);
		must_be_same(text, &again);
	}
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;

	buf_add(&text, data, size);
	try_map(&text);
	try_include(&text);
	buf_done(&text);
	return 0;
}
