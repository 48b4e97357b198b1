/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/connections.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <stdint.h>

#include <cmocka.h>

#define SECOND NSEC_PER_SEC

struct bench {
	struct scrape_counters counters;
	struct connections connections;
};

static void peer_of(const char *address, uint8_t peer[static PEER_SIZE])
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
		connections_peer((struct sockaddr *)&v6, peer);
	} else {
		assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
		connections_peer((struct sockaddr *)&v4, peer);
	}
}

/* NULL: it was not let in. */
static struct connection *come(struct bench *bench, const char *address, int64_t now)
{
	uint8_t peer[PEER_SIZE];

	peer_of(address, peer);
	return connections_admit(&bench->connections, peer)
		? connections_add(&bench->connections, -1, peer, now)
		: NULL;
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){.connections = {.counters = &bench->counters}};
}

static void bench_done(struct bench *bench)
{
	while (bench->connections.first)
		connections_remove(&bench->connections, bench->connections.first);
	assert_int_equal(bench->counters.connections, 0);
}

static void a_peer_that_has_enough_loses_its_idlest(void **state)
{
	struct bench bench;
	struct connection *first, *other;

	(void)state;
	bench_init(&bench);
	other = come(&bench, "192.0.2.2", 1);
	first = come(&bench, "192.0.2.1", 2);
	for (unsigned i = 1; i < CONNECTIONS_PER_PEER; i++)
		assert_non_null(come(&bench, "192.0.2.1", 2 + i));
	assert_false(first->ending);
	assert_non_null(come(&bench, "192.0.2.1", 100));
	assert_true(first->ending);
	assert_false(other->ending);
	assert_int_equal(bench.counters.drops[DROP_PEER], 1);
	bench_done(&bench);
}

static void who_is_being_answered_does_not_have_to_go(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	for (unsigned i = 0; i < CONNECTIONS_PER_PEER; i++)
		connection_answers(come(&bench, "192.0.2.1", i), i);
	assert_null(come(&bench, "192.0.2.1", 100));
	assert_int_equal(bench.counters.drops[DROP_PEER], 1);
	assert_non_null(come(&bench, "192.0.2.2", 100));
	bench_done(&bench);
}

static void a_flood_from_everywhere_ends_the_idlest(void **state)
{
	struct bench bench;
	struct connection *scraper;

	(void)state;
	bench_init(&bench);
	scraper = come(&bench, "198.51.100.1", 0);
	connection_answers(scraper, 0);
	for (unsigned i = 0; i < 4 * CONNECTIONS_MAX; i++) {
		char address[32];

		snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
		assert_non_null(come(&bench, address, i));
	}
	assert_false(scraper->ending);
	assert_int_equal(bench.counters.drops[DROP_FULL], 3 * CONNECTIONS_MAX + 1);
	bench_done(&bench);
}

static void all_addresses_of_a_site_are_one_peer(void **state)
{
	uint8_t a[PEER_SIZE], b[PEER_SIZE];

	(void)state;
	peer_of("2001:db8:1:2::1", a);
	peer_of("2001:db8:1:2:ffff::2", b);
	assert_memory_equal(a, b, PEER_SIZE);
	peer_of("2001:db8:1:3::1", b);
	assert_memory_not_equal(a, b, PEER_SIZE);
	peer_of("192.0.2.1", a);
	peer_of("::ffff:192.0.2.1", b);
	assert_memory_equal(a, b, PEER_SIZE);
	peer_of("192.0.2.2", b);
	assert_memory_not_equal(a, b, PEER_SIZE);
}

static void nobody_dribbles_or_reads_for_ever(void **state)
{
	struct bench bench;
	struct connection *dribbles, *reads, *waits;

	(void)state;
	bench_init(&bench);
	assert_int_equal(connections_reap(&bench.connections, 0), INT64_MAX);
	dribbles = come(&bench, "192.0.2.1", 0);
	reads = come(&bench, "192.0.2.1", 0);
	waits = come(&bench, "192.0.2.1", 0);
	connection_answers(reads, SECOND);
	connection_waits(waits, SECOND);
	assert_int_equal(connections_reap(&bench.connections, 9 * SECOND), 10 * SECOND);
	assert_int_equal(connections_reap(&bench.connections, 10 * SECOND), 61 * SECOND);
	assert_true(dribbles->ending && !reads->ending && !waits->ending);
	assert_int_equal(connections_reap(&bench.connections, 61 * SECOND), 151 * SECOND);
	assert_true(reads->ending && !waits->ending);
	assert_int_equal(connections_reap(&bench.connections, 151 * SECOND), INT64_MAX);
	assert_int_equal(bench.counters.drops[DROP_TIME], 3);
	bench_done(&bench);
}

static void the_slowest_reader_goes_when_memory_is_short(void **state)
{
	struct bench bench;
	struct connection *waits, *first, *second;

	(void)state;
	bench_init(&bench);
	waits = come(&bench, "192.0.2.1", 0);
	second = come(&bench, "192.0.2.1", 1);
	first = come(&bench, "192.0.2.1", 2);
	connection_answers(first, 3);
	connection_answers(second, 4);
	connections_end_slowest(&bench.connections);
	assert_true(first->ending && !second->ending);
	connections_end_slowest(&bench.connections);
	assert_true(second->ending);
	connections_end_slowest(&bench.connections);
	assert_false(waits->ending);
	assert_int_equal(bench.counters.drops[DROP_MEMORY], 2);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_that_has_enough_loses_its_idlest),
		cmocka_unit_test(who_is_being_answered_does_not_have_to_go),
		cmocka_unit_test(a_flood_from_everywhere_ends_the_idlest),
		cmocka_unit_test(all_addresses_of_a_site_are_one_peer),
		cmocka_unit_test(the_slowest_reader_goes_when_memory_is_short),
		cmocka_unit_test(nobody_dribbles_or_reads_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
