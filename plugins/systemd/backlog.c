/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define LISTENING 0x0a

struct place {
	int family;
	uint32_t words[4]; /* of the address, as the kernel prints them; the first one only for IPv4 */
	unsigned port;
};

static void closep(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static int parse_place(const char *text, struct place *ret_place)
{
	const char *colon = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN + 2];
	struct place place = {.family = *text == '[' ? AF_INET6 : AF_INET};
	size_t brackets = place.family == AF_INET6, size;

	if (!colon || sscanf(colon + 1, "%5u", &place.port) != 1 || place.port > UINT16_MAX)
		return -EINVAL;
	size = (size_t)(colon - text);
	if (size < 2 * brackets + 1 || size >= sizeof address || (brackets && text[size - 1] != ']'))
		return -EINVAL;
	snprintf(address, sizeof address, "%.*s", (int)(size - 2 * brackets), text + brackets);
	if (inet_pton(place.family, address, place.words) != 1)
		return -EINVAL;
	*ret_place = place;
	return 0;
}

/* "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 …": the last number is what waits. */
static int parse_line(const char *line, const struct place *place, uint32_t *ret_waiting)
{
	struct place here = {.family = place->family};
	unsigned state, waiting;
	int n;

	if (place->family == AF_INET)
		n = sscanf(line, " %*u: %8X:%4X %*8X:%*4X %2X %*8X:%8X", &here.words[0], &here.port, &state,
			    &waiting) == 4;
	else
		n = sscanf(line, " %*u: %8X%8X%8X%8X:%4X %*32[0-9A-F]:%*4X %2X %*8X:%8X", &here.words[0],
			    &here.words[1], &here.words[2], &here.words[3], &here.port, &state,
			    &waiting) == 7;
	if (!n || state != LISTENING || here.port != place->port ||
		memcmp(here.words, place->words, sizeof here.words) != 0)
		return -ENOENT;
	*ret_waiting = waiting;
	return 0;
}

int backlog_add(const char *procfs, const char *address, uint32_t *waiting)
{
	_cleanup_(closep) FILE *file = NULL;
	struct place place;
	char path[256], line[512];
	bool found = false;
	uint32_t here;
	int r = parse_place(address, &place);

	if (r < 0)
		return r;
	snprintf(path, sizeof path, "%s/net/tcp%s", procfs, place.family == AF_INET6 ? "6" : "");
	file = fopen(path, "re");
	if (!file)
		return -errno;
	/* Listening sockets come first, whatever the number of connections. */
	while (fgets(line, sizeof line, file)) {
		if (parse_line(line, &place, &here) < 0)
			continue;
		*waiting += here;
		found = true;
	}
	return found ? 0 : -ENOENT;
}
