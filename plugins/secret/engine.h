/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules, compiled: vectorscan finds where one may fit, PCRE2 tells from where to where. An engine never changes
 * and may be shared by threads; each thread has a matcher.
 */
#ifndef SECRET_ENGINE_H
#define SECRET_ENGINE_H

#include "rule.h"
#include "sighting.h"

/* No match is longer, which is what bounds all work and all overlap. */
#define ENGINE_MATCH_MAX 4096

struct engine;
struct matcher;

/*
 * Compiles the rules, which are taken over in any case (the set is empty afterwards). cache: a folder where the compiled form is kept, or NULL. An
 * expression that cannot be compiled is an error that names its file and line. Blocks for about a second without cache.
 */
int engine_new(struct ruleset *rules, const char *cache, struct engine **ret_engine, struct error *error);

void engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free);

/* The rule of that name; NULL: there is none. */
const struct rule *engine_rule(const struct engine *engine, const char *id);

/* Another one whenever a rule or the key is. */
void engine_fingerprint(const struct engine *engine, const struct fingerprint_key *key,
	char ret_text[static FINGERPRINT_SIZE]);

size_t engine_rule_count(const struct engine *engine);

int matcher_new(const struct engine *engine, const struct fingerprint_key *key, struct matcher **ret_matcher);
void matcher_free(struct matcher *matcher);

/* Begins a new text. */
void matcher_reset(struct matcher *matcher);

/*
 * Scans the next block of a text. offset is that of its first byte in the text, line the number of its first line.
 * Blocks overlap: what begins in the first `seen` bytes was judged before and is passed over, as is what an earlier
 * block of this text told already. -E2BIG: too many candidates, the rest of the block was not judged; -EIO: an
 * engine failed. Sightings come in the order of their offsets.
 */
int matcher_scan(struct matcher *matcher, const char *block, size_t size, uint64_t offset, size_t seen,
	uint64_t line, sighting_sink sink, void *userdata);

#endif
