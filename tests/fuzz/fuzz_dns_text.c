/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/dns
/*
 * Text that the dns plugin reads: the first byte chooses expected record data (and its type), resolv.conf, trust anchors,
 * servers, names, or what was remembered. What is taken must be bounded, and print and parse back as itself.
 */
#include "plugins/dns/anchor.h"
#include "plugins/dns/cutover.h"
#include "plugins/dns/dname.h"
#include "plugins/dns/endpoint.h"
#include "plugins/dns/rdata.h"
#include "plugins/dns/resolvconf.h"
#include "plugins/dns/serials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rdata(unsigned which, const char *text)
{
	static const ldns_rr_type types[] = {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_CAA,
		LDNS_RR_TYPE_CNAME, LDNS_RR_TYPE_HTTPS, LDNS_RR_TYPE_MX, LDNS_RR_TYPE_NS, LDNS_RR_TYPE_PTR,
		LDNS_RR_TYPE_SOA, LDNS_RR_TYPE_SRV, LDNS_RR_TYPE_TLSA, LDNS_RR_TYPE_TXT, LDNS_RR_TYPE_DS,
		LDNS_RR_TYPE_DNSKEY, LDNS_RR_TYPE_NAPTR, LDNS_RR_TYPE_SSHFP};
	_cleanup_rdata_set_ struct rdata_set set = RDATA_SET_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (rdata_set_add_text(&set, types[which & 15], text, &error) < 0) {
		if (!error.message || set.count)
			__builtin_trap();
		return;
	}
	if (set.count != 1 || rdata_set_print(&set, NULL, &out) != 1 ||
		!rdata_set_matches(&set, &set, RDATA_EXACT))
		__builtin_trap();
	for (size_t i = 0; i < out.size; i++)
		if (out.data[i] < ' ' || out.data[i] > '~')
			__builtin_trap();
}

static void read_anchors(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char *list[4];
	size_t count = 0;

	if (anchor_parse(text, "x", list, ARRAY_SIZE(list), &count, &error) < 0 && !error.message)
		__builtin_trap();
	for (size_t i = 0; i < count; i++)
		free(list[i]);
}

static void read_server(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *host = NULL;
	uint16_t port = 0;

	if (endpoint_parse(text, 53, &host, &port, &error) == 0 ? !port || !*host : !error.message)
		__builtin_trap();
}

static void read_name(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_dname_ ldns_rdf *name = NULL;
	char buffer[DNAME_TEXT_SIZE];

	if (dname_parse(text, true, &name, &error) == 0 ? ldns_rdf_size(name) > 255 : !error.message)
		__builtin_trap();
	dname_text(name, buffer);
}

static void read_memory(const char *text, size_t size)
{
	struct cutover_memory memory = CUTOVER_MEMORY_INIT;
	struct serial_history history = {0};

	(void)cutover_memory_parse(text, size, 0, &memory);
	if (memory.old_ttl < -1 || memory.new_since < 0)
		__builtin_trap();
	(void)serial_history_parse(text, size, &history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;
	struct resolvconf conf;

	if (!text)
		return 0;
	if (data[0] < 16)
		read_rdata(data[0], text);
	else if (data[0] % 5 == 0)
		(void)resolvconf_parse(text, &conf, &error);
	else if (data[0] % 5 == 1)
		read_anchors(text);
	else if (data[0] % 5 == 2)
		read_server(text);
	else if (data[0] % 5 == 3)
		read_name(text);
	else
		read_memory(text, strlen(text));
	return 0;
}
