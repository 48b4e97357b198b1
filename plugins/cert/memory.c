/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "base/buf.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdbool.h>

#include <openssl/evp.h>
#include <stdio.h>

/* An entry on disk: hash of the place, fingerprint, first seen, not_before of the newest. */
#define PLACE_SIZE 8
#define ENTRY_SIZE (PLACE_SIZE + FACTS_FINGERPRINT_SIZE + 8 + 8)
#define CHUNK_ENTRIES 1000
#define CHUNKS_MAX 16

struct entry {
	unsigned char place[PLACE_SIZE];
	unsigned char fingerprint[FACTS_FINGERPRINT_SIZE];
	int64_t first_seen;
	int64_t newest; /* not_before of the newest that was ever here */
	bool used; /* named in this run */
};

struct memory {
	struct gavea_check *check;
	struct entry *entries;
	size_t count;
	size_t room;
	size_t chunks; /* that are in the state */
	bool changed;
};

static void chunk_key(char key[static 32], size_t chunk)
{
	snprintf(key, 32, "seen.%zu", chunk);
}

static int load_chunk(struct memory *memory, size_t chunk)
{
	const void *bytes;
	const unsigned char *at;
	char key[32];
	size_t size;

	chunk_key(key, chunk);
	if (gavea_state_get(memory->check, key, &bytes, &size) < 0)
		return -1;
	at = bytes;
	for (; size >= ENTRY_SIZE; size -= ENTRY_SIZE, at += ENTRY_SIZE) {
		struct entry entry = {
			.first_seen = (int64_t)get_le64(at + PLACE_SIZE + FACTS_FINGERPRINT_SIZE),
			.newest = (int64_t)get_le64(at + PLACE_SIZE + FACTS_FINGERPRINT_SIZE + 8)};

		memcpy(entry.place, at, PLACE_SIZE);
		memcpy(entry.fingerprint, at + PLACE_SIZE, FACTS_FINGERPRINT_SIZE);
		if (GROW(memory->entries, memory->count, memory->room) < 0)
			return -1;
		memory->entries[memory->count++] = entry;
	}
	return 0;
}

struct memory *memory_open(struct gavea_check *check)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->check = check;
	while (memory->chunks < CHUNKS_MAX && load_chunk(memory, memory->chunks) == 0)
		memory->chunks++;
	return memory;
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;
	free(memory->entries);
	free(memory);
}

/* The entry of a place; NULL when there is none. */
static struct entry *find(struct memory *memory, const char *name, unsigned char place[static PLACE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};

	(void)EVP_Digest(name, strlen(name), digest, NULL, EVP_sha256(), NULL);
	memcpy(place, digest, PLACE_SIZE);
	for (size_t i = 0; i < memory->count; i++)
		if (memcmp(memory->entries[i].place, place, PLACE_SIZE) == 0)
			return &memory->entries[i];
	return NULL;
}

static void tell_renewal(struct memory *memory, const char *name, const struct facts *facts)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char until[32], hex[65];
	struct gavea_pair attributes[] = {{"target", name}, {"subject", facts->subject ? facts->subject : ""},
		{"not_after", facts_date(until, facts->not_after)},
		{"fingerprint_sha256", facts_hex(hex, facts->fingerprint)}};

	buf_printf(&text, "%s: the certificate was renewed and is valid until %s", name, until);
	gavea_event(memory->check, "certificate-renewed", GAVEA_OK, buf_str(&text), attributes,
		ARRAY_SIZE(attributes));
}

int64_t memory_see(struct memory *memory, const char *name, const struct facts *facts, int64_t now)
{
	unsigned char place[PLACE_SIZE];
	struct entry *entry = find(memory, name, place);

	if (!entry) {
		if (memory->count >= CHUNK_ENTRIES * CHUNKS_MAX ||
			GROW(memory->entries, memory->count, memory->room) < 0)
			return now;
		entry = &memory->entries[memory->count++];
		*entry = (struct entry){.newest = facts->not_before};
		memcpy(entry->place, place, PLACE_SIZE);
	} else if (memcmp(entry->fingerprint, facts->fingerprint, FACTS_FINGERPRINT_SIZE) == 0) {
		entry->used = true;
		return entry->first_seen;
	} else if (facts->not_before > entry->newest) {
		/* A pool that serves two certificates in turn renews nothing. */
		tell_renewal(memory, name, facts);
		entry->newest = facts->not_before;
	}
	memcpy(entry->fingerprint, facts->fingerprint, FACTS_FINGERPRINT_SIZE);
	entry->first_seen = now;
	entry->used = true;
	memory->changed = true;
	return now;
}

void memory_keep(struct memory *memory, const char *name)
{
	unsigned char place[PLACE_SIZE];
	struct entry *entry = find(memory, name, place);

	if (entry)
		entry->used = true;
}

static size_t drop_unused(struct memory *memory)
{
	size_t kept = 0;

	for (size_t i = 0; i < memory->count; i++)
		if (memory->entries[i].used)
			memory->entries[kept++] = memory->entries[i];
	return kept;
}

static void encode(const struct entry *entry, struct buf *out)
{
	unsigned char times[16];

	put_le64(times, (uint64_t)entry->first_seen);
	put_le64(times + 8, (uint64_t)entry->newest);
	buf_add(out, entry->place, PLACE_SIZE);
	buf_add(out, entry->fingerprint, FACTS_FINGERPRINT_SIZE);
	buf_add(out, times, sizeof(times));
}

void memory_save(struct memory *memory)
{
	size_t kept = drop_unused(memory), chunk = 0;
	int r = 0;

	if (!memory->changed && kept == memory->count)
		return;
	for (size_t i = 0; r == 0 && i < kept; chunk++) {
		_cleanup_buf_ struct buf bytes = BUF_INIT;
		char key[32];

		for (size_t end = MIN(kept, i + CHUNK_ENTRIES); i < end; i++)
			encode(&memory->entries[i], &bytes);
		chunk_key(key, chunk);
		r = buf_error(&bytes) ? -ENOMEM : gavea_state_set(memory->check, key, bytes.data, bytes.size);
	}
	for (; r == 0 && chunk < memory->chunks; chunk++) {
		char key[32];

		chunk_key(key, chunk);
		r = gavea_state_set(memory->check, key, NULL, 0);
	}
	if (r == 0)
		r = gavea_state_commit(memory->check);
	if (r < 0)
		gavea_log(memory->check, GAVEA_LOG_WARNING,
			"cannot keep which certificates were seen: %s; renewals may go untold", strerror(-r));
}
