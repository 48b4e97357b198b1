/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as fast as a gavea-fleetd acknowledges them: one thread and one kept connection for each agent, all
 *reports made before the clock starts.
 *
 *	ingest PID ADDRESS PORT CONNECTIONS REPORTS [CA-FILE]
 *
 * prints one line of JSON. PID is the server's, whose CPU time is read from /proc.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "proto/report.pb-c.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

#define RESULTS 20
#define CHECKS RESULTS

struct agent {
	unsigned number;
	size_t reports;
	struct buf *requests; /* whole ones, head and body */
	int fd;
	SSL *ssl;
	int64_t *latencies;
	pthread_t thread;
	pthread_barrier_t *start;
};

/* ---- Reports ---- */

static void add_check(Gavea__V1__Record *record, Gavea__V1__Check *check, char *name, unsigned number)
{
	gavea__v1__check__init(check);
	snprintf(name, 32, "host/check-%02u", number);
	check->number = number;
	check->name = name;
	check->every_ms = 15000;
	check->timeout_ms = 10000;
	record->body_case = GAVEA__V1__RECORD__BODY_CHECK;
	record->check = check;
}

static void add_result(Gavea__V1__Record *record, Gavea__V1__Result *result, Gavea__V1__Item *item,
	Gavea__V1__Item **pointer, char *summary, unsigned number, int64_t now)
{
	gavea__v1__result__init(result);
	gavea__v1__item__init(item);
	snprintf(summary, 96, "load %u.%02u, %u processes, all within their limits", number % 7, number % 97,
		number * 13);
	item->name = (char *)"/var/lib";
	item->status = GAVEA__V1__STATUS__OK;
	item->summary = summary;
	*pointer = item;
	result->check = number;
	result->status = result->state = GAVEA__V1__STATUS__OK;
	result->summary = summary;
	result->started_at_ms = now;
	result->duration_us = 1000 + number * 37;
	result->state_since_ms = now - 3600000;
	result->n_items = 1;
	result->items = pointer;
	record->body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record->result = result;
}

static void encode(const Gavea__V1__Report *report, struct buf *request)
{
	size_t size = gavea__v1__report__get_packed_size(report), room = ZSTD_compressBound(size), n;
	uint8_t *plain = malloc(size), *packed = malloc(room);

	if (!plain || !packed)
		err(1, "malloc");
	gavea__v1__report__pack(report, plain);
	n = ZSTD_compress(packed, room, plain, size, 3);
	buf_printf(request,
		"POST /v1/report HTTP/1.1\r\nHost: fleet\r\nContent-Type: application/x-protobuf\r\n"
		"Content-Encoding: zstd\r\nContent-Length: %zu\r\n\r\n",
		n);
	buf_add(request, packed, n);
	free(plain);
	free(packed);
}

static void make_request(struct agent *agent, size_t index, uint64_t *seq)
{
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;
	Gavea__V1__Agent head = GAVEA__V1__AGENT__INIT;
	Gavea__V1__Record records[RESULTS + CHECKS], *pointers[RESULTS + CHECKS];
	Gavea__V1__Check checks[CHECKS];
	Gavea__V1__Result results[RESULTS];
	Gavea__V1__Item items[RESULTS], *item_pointers[RESULTS];
	char names[CHECKS][32], summaries[RESULTS][96], id[48], spool[48], name[32];
	int64_t now = clock_unix_ms();
	size_t n = 0;

	snprintf(id, sizeof id, "%032x", agent->number + 1);
	snprintf(spool, sizeof spool, "%032x", agent->number + 0x10000);
	snprintf(name, sizeof name, "app-%04u", agent->number);
	head.name = name;
	head.version = (char *)"1.0";
	report.protocol = 1;
	report.agent_id = id;
	report.spool_id = spool;
	report.stream = 1;
	report.agent = &head;
	report.sent_at_ms = now;
	report.next_within_ms = 15000;
	for (unsigned i = 0; i < (index == 0 ? CHECKS + RESULTS : RESULTS); i++, n++) {
		gavea__v1__record__init(&records[n]);
		records[n].seq = ++*seq;
		records[n].time_ms = now;
		if (index == 0 && i < CHECKS)
			add_check(&records[n], &checks[i], names[i], i + 1);
		else
			add_result(&records[n], &results[i % RESULTS], &items[i % RESULTS],
				&item_pointers[i % RESULTS], summaries[i % RESULTS], i % RESULTS + 1,
				now + (int64_t)index);
		pointers[n] = &records[n];
	}
	report.n_records = n;
	report.records = pointers;
	encode(&report, &agent->requests[index]);
}

/* ---- Sending ---- */

static void transfer_out(const struct agent *agent, const char *bytes, size_t size)
{
	if (agent->ssl) {
		if (SSL_write(agent->ssl, bytes, (int)size) != (int)size)
			errx(1, "SSL_write");
	} else if (fd_write_full(agent->fd, bytes, size) < 0) {
		errx(1, "the server hung up");
	}
}

static size_t transfer_in(const struct agent *agent, char *bytes, size_t size)
{
	ssize_t n = agent->ssl ? SSL_read(agent->ssl, bytes, (int)size) : read(agent->fd, bytes, size);

	if (n <= 0)
		errx(1, "the server hung up");
	return (size_t)n;
}

static void receive_answer(const struct agent *agent)
{
	char answer[4096];
	size_t size = 0;
	const char *body = NULL, *length;

	for (;;) {
		size += transfer_in(agent, answer + size, sizeof answer - 1 - size);
		answer[size] = 0;
		body = strstr(answer, "\r\n\r\n");
		if (!body)
			continue;
		length = strcasestr(answer, "Content-Length: ");
		if (!length)
			errx(1, "an answer without a length: %s", answer);
		if (size >= (size_t)(body + 4 - answer) + strtoul(length + 16, NULL, 10))
			break;
	}
	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
		errx(1, "not acknowledged: %.60s", answer);
}

static void *report_all(void *userdata)
{
	struct agent *agent = userdata;

	pthread_barrier_wait(agent->start);
	for (size_t i = 0; i < agent->reports; i++) {
		int64_t begin = clock_ns(CLOCK_MONOTONIC);

		transfer_out(agent, agent->requests[i].data, agent->requests[i].size);
		receive_answer(agent);
		agent->latencies[i] = clock_ns(CLOCK_MONOTONIC) - begin;
	}
	return NULL;
}

static void connect_agent(struct agent *agent, const char *address, uint16_t port, SSL_CTX *tls)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "'%s' is not an IPv4 address", address);
	agent->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (agent->fd < 0 || connect(agent->fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "connect");
	setsockopt(agent->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!tls)
		return;
	agent->ssl = SSL_new(tls);
	if (!agent->ssl || SSL_set_fd(agent->ssl, agent->fd) != 1 || SSL_connect(agent->ssl) != 1)
		errx(1, "TLS");
}

/* CPU time of all threads, in ns. */
static int64_t cpu_ns(const char *pid)
{
	char path[300];
	int64_t sum = 0;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof path, "/proc/%s/task", pid);
	tasks = opendir(path);
	if (!tasks)
		err(1, "%s", path);
	while ((entry = readdir(tasks))) {
		int64_t ns;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%" SCNd64, &ns) == 1)
			sum += ns;
		fclose(file);
	}
	closedir(tasks);
	return sum;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_figures(int64_t *latencies, size_t count, int64_t ns, int64_t cpu, size_t body)
{
	qsort(latencies, count, sizeof *latencies, compare);
	printf("{\"reports\": %zu, \"seconds\": %.3f, \"reports_per_s\": %.0f, \"server_cpu_us_per_report\": "
	       "%.1f, "
	       "\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"request_bytes\": %zu}\n",
		count, (double)ns / 1e9, (double)count * 1e9 / (double)ns, (double)cpu / 1e3 / (double)count,
		(double)latencies[count / 2] / 1e6, (double)latencies[count * 99 / 100] / 1e6, body);
}

int main(int argc, char **argv)
{
	size_t connections, each;
	int64_t begin, cpu;
	pthread_barrier_t start;
	struct agent *agents;
	int64_t *latencies;
	SSL_CTX *tls = NULL;

	if (argc < 6)
		errx(2, "usage: ingest PID ADDRESS PORT CONNECTIONS REPORTS [CA-FILE]");
	connections = strtoul(argv[4], NULL, 10);
	each = strtoul(argv[5], NULL, 10) / MAX(connections, (size_t)1);
	agents = calloc(connections, sizeof *agents);
	latencies = calloc(connections * each, sizeof *latencies);
	if (connections == 0 || each == 0 || !agents || !latencies)
		errx(2, "nothing to do");
	if (argc > 6) {
		tls = SSL_CTX_new(TLS_client_method());
		if (!tls || SSL_CTX_load_verify_locations(tls, argv[6], NULL) != 1)
			errx(2, "can't use %s", argv[6]);
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	}
	pthread_barrier_init(&start, NULL, (unsigned)connections + 1);
	for (size_t i = 0; i < connections; i++) {
		uint64_t seq = 0;

		agents[i] = (struct agent){.number = (unsigned)i, .reports = each, .start = &start};
		agents[i].latencies = latencies + i * each;
		agents[i].requests = calloc(each, sizeof *agents[i].requests);
		if (!agents[i].requests)
			err(1, "calloc");
		for (size_t j = 0; j < each; j++)
			make_request(&agents[i], j, &seq);
		connect_agent(&agents[i], argv[2], (uint16_t)strtoul(argv[3], NULL, 10), tls);
		if (pthread_create(&agents[i].thread, NULL, report_all, &agents[i]) != 0)
			errx(1, "pthread_create");
	}
	cpu = cpu_ns(argv[1]);
	begin = clock_ns(CLOCK_MONOTONIC);
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < connections; i++)
		pthread_join(agents[i].thread, NULL);
	begin = clock_ns(CLOCK_MONOTONIC) - begin;
	print_figures(latencies, connections * each, begin, cpu_ns(argv[1]) - cpu,
		agents[0].requests[each - 1].size);
	return 0;
}
