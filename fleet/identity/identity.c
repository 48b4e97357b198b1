/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/identity.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#define NAMES_MAX 32
#define YEAR_MS (INT64_C(365) * 86400 * 1000)

static int add_name(struct identity *identity, const char *name)
{
	for (size_t i = 0; i < identity->name_count; i++)
		if (streq(identity->names[i], name))
			return 0;
	if (identity->name_count == NAMES_MAX)
		return 0;
	identity->names[identity->name_count] = strdup(name);
	return identity->names[identity->name_count] ? (int)++identity->name_count : -ENOMEM;
}

/* What agents may call this host. */
static int add_own_names(struct identity *identity, const char *address)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *info = NULL;
	uint8_t bytes[16];
	char host[256] = "";
	int r = 0;

	if (gethostname(host, sizeof host - 1) == 0 && *host) {
		r = add_name(identity, host);
		if (r >= 0 && getaddrinfo(host, NULL, &hints, &info) == 0) {
			if (info->ai_canonname && !strchr(info->ai_canonname, ':'))
				r = add_name(identity, info->ai_canonname);
			freeaddrinfo(info);
		}
	}
	if (r >= 0)
		r = add_name(identity, "localhost");
	if (r >= 0)
		r = add_name(identity, "127.0.0.1");
	if (r >= 0)
		r = add_name(identity, "::1");
	if (r >= 0 && !streq(address, "0.0.0.0") && !streq(address, "::") &&
		(inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1))
		r = add_name(identity, address);
	return MIN(r, 0);
}

static int fill(struct identity *identity, const struct identity_settings *settings, struct error *error)
{
	int r = 0;

	identity->lifetime_ms = settings->lifetime_ms;
	identity->server_certificate = settings->server_certificate;
	identity->folder = strdup(settings->folder);
	identity->names = calloc(NAMES_MAX, sizeof *identity->names);
	identity->sightings = sightings_new();
	if (!identity->sightings || !identity->folder || !identity->names)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < settings->name_count && r >= 0; i++)
		r = add_name(identity, settings->names[i]);
	if (r >= 0 && settings->name_count == 0)
		r = add_own_names(identity, settings->address);
	return r < 0 ? error_set(error, r, "out of memory") : 0;
}

static int open_authority(struct identity *identity, struct error *error)
{
	const struct actor actor = {"gavea-fleetd", "", clock_unix_ms()};
	int r = ledger_any_certificate(identity->ledger, actor.now_ms, error);
	char end[32];

	if (r >= 0)
		r = authority_open(identity->folder, r == 0, &identity->authority, error);
	if (r > 0)
		r = ledger_note(identity->ledger, &actor, "authority-made",
			authority_fingerprint(identity->authority), "", 0, error);
	if (r >= 0 && authority_not_after_ms(identity->authority) - clock_unix_ms() < YEAR_MS)
		log_warning(
			"the authority in %s ends at %s: all agents will have to enrol with a new one before",
			identity->folder,
			clock_format_utc(end, authority_not_after_ms(identity->authority), 0));
	return MIN(r, 0);
}

int identity_open(
	const struct identity_settings *settings, struct identity **ret_identity, struct error *error)
{
	struct identity *identity = calloc(1, sizeof *identity);
	int r;

	if (!identity)
		return error_set(error, -ENOMEM, "out of memory");
	r = make_directories(settings->folder, 0750);
	if (r < 0)
		error_set(error, r, "can't make the state directory %s: %s", settings->folder, strerror(-r));
	if (r == 0)
		r = fill(identity, settings, error);
	if (r == 0)
		r = ledger_open(settings->folder, &identity->ledger, error);
	if (r == 0 && settings->authority)
		r = open_authority(identity, error);
	if (r < 0) {
		identity_close(identity);
		return r;
	}
	*ret_identity = identity;
	return 0;
}

void identity_close(struct identity *identity)
{
	if (!identity)
		return;
	authority_free(identity->authority);
	sightings_free(identity->sightings);
	ledger_close(identity->ledger);
	for (size_t i = 0; i < identity->name_count; i++)
		free(identity->names[i]);
	free(identity->names);
	free(identity->folder);
	free(identity);
}

int identity_server_certificate(struct identity *identity, int64_t now_ms, struct buf *ret_certificate,
	struct buf *ret_key, struct error *error)
{
	return authority_server(identity->authority, identity->folder, (const char *const *)identity->names,
		identity->name_count, now_ms, identity->lifetime_ms, ret_certificate, ret_key, error);
}

int identity_judge(struct identity *identity, const struct credential *credential, int64_t now_ms,
	const char **ret_code, struct error *error)
{
	enum ledger_standing standing = LEDGER_UNKNOWN;
	char date[32];
	int r;

	*ret_code = "certificate-unknown";
	if (now_ms > credential->not_after_ms) {
		*ret_code = "certificate-expired";
		return error_set(error, -EACCES,
			"the certificate of agent %s ended at %s: run `gavea enroll` on that host",
			credential->agent_id, clock_format_utc(date, credential->not_after_ms, 0));
	}
	if (now_ms < credential->not_before_ms) {
		*ret_code = "certificate-not-yet";
		return error_set(error, -EACCES,
			"the certificate of agent %s begins at %s, and here it is not yet: is this server's "
			"clock right?",
			credential->agent_id, clock_format_utc(date, credential->not_before_ms, 0));
	}
	r = ledger_standing(identity->ledger, credential->serial, &standing, error);
	if (r < 0 || standing == LEDGER_GOOD)
		return r;
	if (standing == LEDGER_REVOKED)
		*ret_code = "certificate-revoked";
	return error_set(error, -EACCES,
		"the certificate of agent %s %s: run `gavea enroll --force` on that host with a "
		"new token",
		credential->agent_id,
		standing == LEDGER_REVOKED ? "was revoked" : "is not in this server's ledger");
}
