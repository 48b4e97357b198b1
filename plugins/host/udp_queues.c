/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/udp and udp6: bytes that wait in the queues of all UDP sockets. */
#include "collector.h"
#include "scan.h"

#include <errno.h>

static const struct metric queue_metric = {"node_udp_queues", GAVEA_GAUGE, NULL,
	"Bytes in the queues of UDP sockets, by version of IP and direction"};

struct udp_queues {
	int series[2][2]; /* v4, v6; sending, receiving */
};

static int udp_queues_open(void *state, struct collection *collection)
{
	static const char *const versions[] = {"v4", "v6"}, *const queues[] = {"tx", "rx"};
	struct udp_queues *udp = state;

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++) {
			const struct gavea_pair labels[] = {{"ip", versions[i]}, {"queue", queues[j]}};

			udp->series[i][j] = declare(collection, &queue_metric, labels, 2);
		}
	return 0;
}

static int udp_queues_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct udp_queues *udp = state;
	const char *line = strstr(text, "tx_queue") ? text : NULL;
	double sent = 0, received = 0;

	if (!line)
		return -EBADMSG;
	while ((line = scan_line(line))) {
		uint64_t tx, rx;
		const char *p = line;
		size_t size;

		/* The fifth word is "tx_queue:rx_queue". */
		for (int i = 0; p && i < 4; i++)
			if ((p = scan_word(p, &size)))
				p += size;
		p = p ? scan_hex(scan_blanks(p), &tx) : NULL;
		if (!p || *p != ':' || !scan_hex(p + 1, &rx))
			return -EBADMSG;
		sent += (double)tx;
		received += (double)rx;
	}
	collect(collection, udp->series[file][0], sent);
	collect(collection, udp->series[file][1], received);
	return 0;
}

const struct collector collector_udp_queues = {"udp_queues", {"net/udp", "net/udp6"},
	sizeof(struct udp_queues), udp_queues_open, udp_queues_collect, NULL, NULL};
