/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: tokens, the certificates of agents, and the log of all changes to these. It is a database of its own,
 * "identity.db" in the state directory: a damaged store of reports can be moved away without every agent losing its
 * identity, and the commands of gavea-fleetd(8) write to it while the server runs, which sees the change at once.
 *
 * Each change is one transaction with its entry in the log. May be used by several threads. Calls take some
 * microseconds for reading, and the time of an fsync for writing; while another process writes they wait for it, 5 s at
 * most. 0 or -errno with error filled, unless it is said otherwise.
 */
#ifndef FLEET_IDENTITY_LEDGER_H
#define FLEET_IDENTITY_LEDGER_H

#include "base/buf.h"
#include "base/error.h"
#include "fleet/identity/authority.h"
#include "fleet/identity/secret.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SCOPE_READ = 1 << 0, /* see hosts, checks, events, pages, metrics */
	SCOPE_OPERATE = 1 << 1, /* also act on hosts */
	SCOPE_ADMIN = 1 << 2, /* also tokens, certificates, the audit log */
	SCOPE_REPORT = 1 << 3, /* report as an agent that has no certificate */
	SCOPE_ENROLL = 1 << 4, /* get a certificate */
};

#define LEDGER_USES_ANY (-1)
#define LEDGER_TOKENS_MAX 10000
#define LEDGER_AUDIT_MAX 1000000 /* entries; the oldest go first */

struct ledger;

/* Opens (or makes) the ledger of a state directory, which must be there. Blocks. */
int ledger_open(const char *folder, struct ledger **ret_ledger, struct error *error);
void ledger_close(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_close);

/* Who does it, for the log. Strings are borrowed. */
struct actor {
	const char *name; /* "token 1a2b3c4d (anna)", "command of root", "agent 0f…" */
	const char *address; /* "" for commands */
	int64_t now_ms;
};

/* ---- Tokens ---- */

struct ledger_token {
	char id[SECRET_ID_SIZE];
	char *name;
	unsigned scopes;
	char agent_id[AUTHORITY_ID_SIZE]; /* the only agent that may enrol with it; "": any */
	int64_t created_ms, expires_ms;
	char *created_by;
	int64_t uses_left; /* or LEDGER_USES_ANY */
	int64_t revoked_ms; /* 0: it is not */
};

void ledger_token_done(struct ledger_token *token);

/* "read", "operate", … as bits; several with "," between them. 0: one of them is none. */
unsigned scopes_parse(const char *text);
void scopes_format(unsigned scopes, struct buf *out);

/* Adds a token; id is filled in. -ENOSPC: there are too many. */
int ledger_add_token(struct ledger *ledger, const struct actor *actor, struct ledger_token *token,
	const uint8_t hash[static SECRET_HASH_SIZE], struct error *error);

/* 1 and the token, which the caller frees, whether or not it is still good; 0: there is none. */
int ledger_find_token(struct ledger *ledger, const uint8_t hash[static SECRET_HASH_SIZE],
	struct ledger_token *ret_token, struct error *error);

/* All, the newest first; a negative answer ends it and is returned. */
typedef int (*ledger_each_token)(const struct ledger_token *token, void *userdata);
int ledger_tokens(struct ledger *ledger, ledger_each_token each, void *userdata, struct error *error);

/* -ENOENT: there is none with that id that is not revoked already. */
int ledger_revoke_token(
	struct ledger *ledger, const struct actor *actor, const char *id, struct error *error);

/* ---- Certificates ---- */

struct ledger_certificate {
	struct credential credential;
	char *name; /* of the host, as it said when it enrolled */
	char token_id[SECRET_ID_SIZE]; /* with which it enrolled; "": renewed */
	int64_t issued_ms;
	int64_t revoked_ms; /* 0: it is not */
	char *reason; /* of the revocation */
	char *pem;
};

void ledger_certificate_done(struct ledger_certificate *certificate);

/* Whether a certificate counts, by its serial. */
enum ledger_standing {
	LEDGER_GOOD,
	LEDGER_REVOKED,
	LEDGER_UNKNOWN, /* issued by the authority, but not in this ledger, which was lost */
};
int ledger_standing(
	struct ledger *ledger, const char *serial, enum ledger_standing *ret_standing, struct error *error);

/* The newest certificate of an agent: 1, or 0 when it has never had one. */
int ledger_newest(struct ledger *ledger, const char *agent_id, struct ledger_certificate *ret_certificate,
	struct error *error);

/* Whether any agent has a certificate that has not ended: 1 or 0. */
int ledger_any_certificate(struct ledger *ledger, int64_t now_ms, struct error *error);

/* Adds a certificate. With token: takes a use from it, and -EKEYEXPIRED when there is none left. With replace: all
 * others of the agent are revoked. action is what the log calls it. */
int ledger_add_certificate(struct ledger *ledger, const struct actor *actor, const char *action,
	const struct ledger_certificate *certificate, bool replace, struct error *error);

/* Revokes all certificates of an agent. -ENOENT: it has none that is not revoked. */
int ledger_revoke_agent(struct ledger *ledger, const struct actor *actor, const char *agent_id,
	const char *reason, struct error *error);

/* The newest certificate of each agent, by agent. */
typedef int (*ledger_each_certificate)(const struct ledger_certificate *certificate, void *userdata);
int ledger_agents(struct ledger *ledger, ledger_each_certificate each, void *userdata, struct error *error);

/* ---- The log ---- */

struct ledger_entry {
	uint64_t id;
	int64_t time_ms;
	const char *actor, *address;
	const char *
		action; /* "token-created", "token-revoked", "enrolled", "renewed", "agent-revoked", "cloned", "authority-made" */
	const char *subject; /* id of a token or an agent */
	const char *detail;
};

/* Adds an entry that goes with no change. With once_ms: not when there is one of the same action, subject and detail
 * since then; 1: it was added, 0: it was there. */
int ledger_note(struct ledger *ledger, const struct actor *actor, const char *action, const char *subject,
	const char *detail, int64_t once_ms, struct error *error);

/* The newest first, at most limit, with an id below before (0: no bound). The entry is valid during the call. */
typedef int (*ledger_each_entry)(const struct ledger_entry *entry, void *userdata);
int ledger_audit(struct ledger *ledger, uint64_t before, size_t limit, ledger_each_entry each, void *userdata,
	struct error *error);

#endif
