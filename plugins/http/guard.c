/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <strings.h>

static enum reach v4_reach(uint32_t address)
{
	/* Alibaba's and Oracle's metadata services. */
	if (address >> 16 == 0xa9fe || address == 0x646464c8 || address == 0xc00000c0)
		return REACH_LINK_LOCAL;
	/* 0.0.0.0 is this host as well. */
	return address >> 24 == 127 || address >> 24 == 0 ? REACH_LOOPBACK : REACH_ANY;
}

static uint32_t last_word(const struct in6_addr *address)
{
	uint32_t word;

	memcpy(&word, address->s6_addr + 12, sizeof word);
	return ntohl(word);
}

static enum reach v6_reach(const struct in6_addr *address)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t amazon[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};

	if (IN6_IS_ADDR_LINKLOCAL(address) || memcmp(address->s6_addr, amazon, sizeof amazon) == 0)
		return REACH_LINK_LOCAL;
	if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address))
		return REACH_LOOPBACK;
	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
		memcmp(address->s6_addr, nat64, sizeof nat64) == 0)
		return v4_reach(last_word(address));
	return REACH_ANY;
}

enum reach address_reach(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return v4_reach(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return v6_reach(&((const struct sockaddr_in6 *)address)->sin6_addr);
	return REACH_ANY;
}

enum reach host_reach(const char *host)
{
	char bare[INET6_ADDRSTRLEN + 1];
	struct in6_addr v6;
	struct in_addr v4;
	size_t size;

	if (strcasecmp(host, "localhost") == 0)
		return REACH_LOOPBACK;
	host += *host == '[';
	size = strcspn(host, "]%");
	if (size >= sizeof bare)
		return REACH_ANY;
	memcpy(bare, host, size);
	bare[size] = '\0';
	if (inet_pton(AF_INET, bare, &v4) == 1)
		return v4_reach(ntohl(v4.s_addr));
	return inet_pton(AF_INET6, bare, &v6) == 1 ? v6_reach(&v6) : REACH_ANY;
}
