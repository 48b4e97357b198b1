/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/swap
/* Whatever answers on the socket that should be HAProxy's, or is printed by an observe command. The first byte chooses. */
#include "plugins/swap/exec_view.h"
#include "plugins/swap/haproxy_stat.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_stat(const char *text)
{
	struct haproxy_stat stat = {0};

	if (haproxy_stat_parse(text, "green", &stat, NULL) == 0) {
		(void)haproxy_state_parse(text, &stat, NULL);
		for (size_t i = 0; i < stat.count; i++)
			if (!haproxy_name_valid(stat.servers[i].name) || stat.servers[i].sessions < -1)
				abort();
	}
	haproxy_stat_done(&stat);
}

static void try_state(const char *text)
{
	struct haproxy_stat stat = {0};
	int64_t id;

	if (haproxy_stat_parse("# pxname,svname,type,status,scur,qcur,weight,req_tot,hrsp_5xx\n"
			       "green,g1,2,UP,0,0,1,0,0\ngreen,BACKEND,1,UP,0,0,1,0,0\n",
		    "green", &stat, NULL) < 0)
		abort();
	(void)haproxy_state_parse(text, &stat, NULL);
	if (haproxy_state_backend(text, "green", &id, NULL) == 0 && id < -1)
		abort();
	haproxy_stat_done(&stat);
}

static void try_view(const struct buf *text)
{
	struct traffic_view view = {.share = SHARE_UNKNOWN, .share_stored = SHARE_UNKNOWN};

	if (exec_view_parse(text, &view, NULL) == 0 && view.share > SHARE_ALL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;
	struct haproxy_info info;
	uint64_t value;

	if (!size)
		return 0;
	buf_add(&text, data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		try_stat(buf_str(&text));
		break;
	case 1:
		try_state(buf_str(&text));
		break;
	case 2:
		(void)haproxy_info_parse(buf_str(&text), &info, NULL);
		break;
	case 3:
		(void)haproxy_map_value_parse(buf_str(&text), &value, NULL);
		break;
	default:
		try_view(&text);
	}
	buf_done(&text);
	return 0;
}
