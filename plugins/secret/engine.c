/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine.h"
#include "validate.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <hs/hs.h>
#include <openssl/evp.h>
#include <pcre2.h>
#include <stdio.h>

#define CACHE_MAX ((size_t)64 * 1024 * 1024)
#define CANDIDATES_MAX 200000u /* confirmations a block */
#define SIGHTINGS_MAX 10000u /* a block */
#define PCRE_STEPS 200000u

struct compiled {
	pcre2_code *code;
	size_t width; /* longest match */
};

struct engine {
	struct ruleset rules;
	struct compiled *compiled;
	hs_database_t *database;
};

struct matcher {
	const struct engine *engine;
	const struct fingerprint_key *key;
	hs_scratch_t *scratch;
	pcre2_match_data *data;
	pcre2_match_context *context;
	uint64_t *done; /* by rule: the offset up to which it was told */
	struct sighting *found;
	size_t found_count;
	size_t found_room;
	/* of the block */
	const char *block;
	size_t size;
	size_t seen;
	uint64_t offset;
	unsigned candidates;
	int error;
};

/* ---- Compilation ---- */

static int compile_pcre(const struct rule *rule, pcre2_code **ret_code, struct error *error)
{
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR text[160];

	*ret_code = pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (*ret_code)
		return 0;
	pcre2_get_error_message(code, text, sizeof(text));
	return error_set(error, -EINVAL, "%s: [%s] pattern: %s, at character %zu", rule->where, rule->id,
		(const char *)text, (size_t)at);
}

static int hs_failure(const struct rule *rule, hs_compile_error_t *failure, struct error *error)
{
	int r = error_set(error, -EINVAL, "%s: [%s] pattern: %s", rule ? rule->where : "rules",
		rule ? rule->id : "all", failure ? failure->message : "out of memory");

	hs_free_compile_error(failure);
	return r;
}

static int measure(const struct rule *rule, size_t *ret_width, struct error *error)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *failure = NULL;
	unsigned shortest, longest;

	if (hs_expression_info(rule->pattern, 0, &info, &failure) != HS_SUCCESS)
		return hs_failure(rule, failure, error);
	shortest = info->min_width;
	longest = info->max_width;
	free(info);
	if (shortest == 0)
		return error_set(error, -EINVAL, "%s: [%s] pattern: it fits nothing at all, too", rule->where,
			rule->id);
	if (longest > ENGINE_MATCH_MAX)
		return error_set(error, -EINVAL,
			"%s: [%s] pattern: a match could be longer than %d bytes; bound its repeats, as in "
			"{20,200}",
			rule->where, rule->id, ENGINE_MATCH_MAX);
	*ret_width = longest;
	return 0;
}

static int compile_database(struct engine *engine, struct error *error)
{
	size_t count = engine->rules.count;
	_cleanup_free_ const char **patterns = calloc(count, sizeof(*patterns));
	_cleanup_free_ unsigned *ids = calloc(count, sizeof(*ids));
	hs_compile_error_t *failure = NULL;
	int at;

	if (!patterns || !ids)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		patterns[i] = engine->rules.list[i].pattern;
		ids[i] = (unsigned)i;
	}
	if (hs_compile_multi(patterns, NULL, ids, (unsigned)count, HS_MODE_BLOCK, NULL, &engine->database,
		    &failure) == HS_SUCCESS)
		return 0;
	at = failure ? failure->expression : -1;
	return hs_failure(at >= 0 ? &engine->rules.list[at] : NULL, failure, error);
}

/* ---- The cache: a digest of what was compiled, and the database ---- */

static void digest_rules(const struct engine *engine, unsigned char digest[static EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha512(), NULL);
	EVP_DigestUpdate(context, hs_version(), strlen(hs_version()));
	for (size_t i = 0; i < engine->rules.count; i++)
		EVP_DigestUpdate(
			context, engine->rules.list[i].pattern, strlen(engine->rules.list[i].pattern) + 1);
	EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
}

static bool cache_read(struct engine *engine, const char *path, const unsigned char *digest)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (file_read(AT_FDCWD, path, CACHE_MAX, &text) < 0 || text.size <= EVP_MAX_MD_SIZE ||
		memcmp(text.data, digest, EVP_MAX_MD_SIZE) != 0)
		return false;
	return hs_deserialize_database(text.data + EVP_MAX_MD_SIZE, text.size - EVP_MAX_MD_SIZE,
		       &engine->database) == HS_SUCCESS;
}

/* What cannot be kept is compiled again next time. */
static void cache_write(const struct engine *engine, const char *path, const unsigned char *digest)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char *bytes = NULL;
	size_t size;

	if (hs_serialize_database(engine->database, &bytes, &size) != HS_SUCCESS)
		return;
	buf_add(&text, digest, EVP_MAX_MD_SIZE);
	buf_add(&text, bytes, size);
	free(bytes);
	if (buf_error(&text) == 0)
		(void)file_write_atomic(AT_FDCWD, path, text.data, text.size, 0600);
}

static int load_database(struct engine *engine, const char *cache, struct error *error)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	_cleanup_free_ char *path = NULL;
	int r;

	if (cache && asprintf(&path, "%s/rules.db", cache) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	digest_rules(engine, digest);
	if (path && cache_read(engine, path, digest))
		return 0;
	r = compile_database(engine, error);
	if (r == 0 && path)
		cache_write(engine, path, digest);
	return r;
}

int engine_new(struct ruleset *rules, const char *cache, struct engine **ret_engine, struct error *error)
{
	_cleanup_(engine_freep) struct engine *engine = calloc(1, sizeof(*engine));
	int r = 0;

	if (!engine) {
		ruleset_done(rules);
		return error_set(error, -ENOMEM, "out of memory");
	}
	engine->rules = *rules;
	*rules = (struct ruleset){.list = NULL};
	if (!engine->rules.count)
		return error_set(error, -EINVAL, "there are no rules");
	if (hs_valid_platform() != HS_SUCCESS)
		return error_set(
			error, -ENOTSUP, "vectorscan does not work on this processor: it needs SSE 4.2");
	engine->compiled = calloc(engine->rules.count, sizeof(*engine->compiled));
	if (!engine->compiled)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < engine->rules.count; i++) {
		r = compile_pcre(&engine->rules.list[i], &engine->compiled[i].code, error);
		if (r == 0)
			r = measure(&engine->rules.list[i], &engine->compiled[i].width, error);
	}
	if (r == 0)
		r = load_database(engine, cache, error);
	if (r == 0)
		*ret_engine = TAKE_PTR(engine);
	return r;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	for (size_t i = 0; engine->compiled && i < engine->rules.count; i++)
		pcre2_code_free(engine->compiled[i].code);
	free(engine->compiled);
	ruleset_done(&engine->rules);
	hs_free_database(engine->database);
	free(engine);
}

const struct rule *engine_rule(const struct engine *engine, const char *id)
{
	for (size_t i = 0; i < engine->rules.count; i++)
		if (streq(engine->rules.list[i].id, id))
			return &engine->rules.list[i];
	return NULL;
}

void engine_fingerprint(const struct engine *engine, const struct fingerprint_key *key,
	char ret_text[static FINGERPRINT_SIZE])
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_add_str(&text, GAVEA_VERSION "\n");
	for (size_t i = 0; i < engine->rules.count; i++) {
		const struct rule *rule = &engine->rules.list[i];

		buf_printf(&text, "%s %s %s %zu %zu %g %d %d\n", rule->id, rule->pattern,
			rule->alphabet ? rule->alphabet : "", rule->length_min, rule->length_max,
			rule->entropy, (int)rule->check, (int)rule->status);
	}
	fingerprint(key, buf_str(&text), text.size, ret_text);
}

size_t engine_rule_count(const struct engine *engine)
{
	return engine->rules.count;
}

/* ---- Matching ---- */

int matcher_new(const struct engine *engine, const struct fingerprint_key *key, struct matcher **ret_matcher)
{
	struct matcher *matcher = calloc(1, sizeof(*matcher));

	if (!matcher)
		return -ENOMEM;
	matcher->engine = engine;
	matcher->key = key;
	matcher->data = pcre2_match_data_create(8, NULL);
	matcher->context = pcre2_match_context_create(NULL);
	matcher->done = calloc(engine->rules.count, sizeof(*matcher->done));
	if (!matcher->data || !matcher->context || !matcher->done ||
		hs_alloc_scratch(engine->database, &matcher->scratch) != HS_SUCCESS) {
		matcher_free(matcher);
		return -ENOMEM;
	}
	pcre2_set_match_limit(matcher->context, PCRE_STEPS);
	pcre2_set_depth_limit(matcher->context, PCRE_STEPS);
	*ret_matcher = matcher;
	return 0;
}

void matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return;
	hs_free_scratch(matcher->scratch);
	pcre2_match_data_free(matcher->data);
	pcre2_match_context_free(matcher->context);
	free(matcher->done);
	free(matcher->found);
	free(matcher);
}

void matcher_reset(struct matcher *matcher)
{
	memset(matcher->done, 0, matcher->engine->rules.count * sizeof(*matcher->done));
}

static int keep(struct matcher *matcher, const struct rule *rule, size_t from, size_t to)
{
	enum verdict verdict =
		validate(rule, matcher->block + from, to - from, matcher->block + from, matcher->size - from);
	struct sighting *sighting;

	if (verdict == VERDICT_NO)
		return 0;
	if (matcher->found_count == SIGHTINGS_MAX)
		return -E2BIG;
	if (GROW(matcher->found, matcher->found_count, matcher->found_room) < 0)
		return -ENOMEM;
	sighting = &matcher->found[matcher->found_count++];
	*sighting = (struct sighting){.rule = rule->id,
		.description = rule->description,
		.remedy = rule->remedy,
		.status = verdict == VERDICT_DOUBTFUL ? GAVEA_WARNING : rule->status,
		.generic = rule->generic,
		.doubtful = verdict == VERDICT_DOUBTFUL,
		.offset = matcher->offset + from,
		.end = matcher->offset + to};
	fingerprint(matcher->key, matcher->block + from, to - from, sighting->fingerprint);
	return 0;
}

/* The leftmost match that reaches the candidate's end, from where the rule was told last. */
static int confirm(struct matcher *matcher, unsigned id, size_t to)
{
	const struct compiled *compiled = &matcher->engine->compiled[id];
	size_t from = to > compiled->width ? to - compiled->width : 0;
	size_t end = MIN(matcher->size, from + 2 * compiled->width + 1);
	const size_t *at = pcre2_get_ovector_pointer(matcher->data);
	unsigned group;
	int r;

	if (matcher->done[id] > matcher->offset + from)
		from = (size_t)(matcher->done[id] - matcher->offset);
	/* Bytes before `from` stay visible, so that \b means the same as in the whole text. */
	r = pcre2_match(
		compiled->code, (PCRE2_SPTR)matcher->block, end, from, 0, matcher->data, matcher->context);
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	if (r < 0)
		return -EIO;
	matcher->done[id] = matcher->offset + MAX(at[1], from + 1);
	if (at[0] < matcher->seen)
		return 0;
	group = r > 1 && at[2] != PCRE2_UNSET && at[3] > at[2] ? 1 : 0;
	/* A character behind the secret that only ends it may begin the next one. */
	if (group)
		matcher->done[id] = matcher->offset + at[3];
	return keep(matcher, &matcher->engine->rules.list[id], at[2 * group], at[2 * group + 1]);
}

static int on_candidate(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *userdata)
{
	struct matcher *matcher = userdata;

	(void)from;
	(void)flags;
	if (matcher->offset + to <= matcher->done[id] + 1 && matcher->done[id])
		return 0;
	matcher->error = ++matcher->candidates > CANDIDATES_MAX ? -E2BIG : confirm(matcher, id, (size_t)to);
	return matcher->error < 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Of two rules that fit at the same place the generic one says nothing new. */
static bool gives_way(const struct matcher *matcher, size_t index)
{
	const struct sighting *it = &matcher->found[index];

	for (size_t i = index; i-- > 0 && it->offset - matcher->found[i].offset < ENGINE_MATCH_MAX;)
		if (matcher->found[i].end > it->offset && it->generic &&
			(!matcher->found[i].generic || matcher->found[i].rule != it->rule))
			return true;
	for (size_t i = index + 1; i < matcher->found_count && matcher->found[i].offset < it->end; i++)
		if (it->generic && !matcher->found[i].generic)
			return true;
	return false;
}

static int tell(struct matcher *matcher, uint64_t line, sighting_sink sink, void *userdata)
{
	size_t at = 0;
	int r = 0;

	qsort(matcher->found, matcher->found_count, sizeof(*matcher->found), by_offset);
	for (size_t i = 0; r == 0 && i < matcher->found_count; i++) {
		size_t here = (size_t)(matcher->found[i].offset - matcher->offset);
		const char *newline;

		if (gives_way(matcher, i))
			continue;
		while (at < here && (newline = memchr(matcher->block + at, '\n', here - at))) {
			at = (size_t)(newline - matcher->block) + 1;
			line++;
		}
		matcher->found[i].line = line;
		r = sink(userdata, &matcher->found[i]);
	}
	return r;
}

int matcher_scan(struct matcher *matcher, const char *block, size_t size, uint64_t offset, size_t seen,
	uint64_t line, sighting_sink sink, void *userdata)
{
	hs_error_t status;
	int r;

	matcher->block = block;
	matcher->size = size;
	matcher->offset = offset;
	matcher->seen = seen;
	matcher->candidates = 0;
	matcher->found_count = 0;
	matcher->error = 0;
	status = hs_scan(
		matcher->engine->database, block, (unsigned)size, 0, matcher->scratch, on_candidate, matcher);
	if (status != HS_SUCCESS && status != HS_SCAN_TERMINATED)
		matcher->error = -EIO;
	r = matcher->found_count ? tell(matcher, line, sink, userdata) : 0;
	return matcher->error < 0 ? matcher->error : r;
}
