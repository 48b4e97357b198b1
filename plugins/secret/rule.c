/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define SECRET_MAX 4096

#define DIGITS "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* A rule while it is read. */
struct draft {
	struct rule rule;
	char *names;
	char *value;
};

struct reader {
	struct ruleset *set;
	const char *file;
	int line;
	struct draft draft;
	struct error *error;
};

static void rule_done(struct rule *rule)
{
	free(rule->id);
	free(rule->description);
	free(rule->remedy);
	free(rule->pattern);
	free(rule->where);
}

static void draft_done(struct draft *draft)
{
	rule_done(&draft->rule);
	free(draft->names);
	free(draft->value);
	*draft = (struct draft){.names = NULL};
}

void ruleset_done(struct ruleset *set)
{
	for (size_t i = 0; i < set->count; i++)
		rule_done(&set->list[i]);
	free(set->list);
	*set = (struct ruleset){.list = NULL};
}

#define FAIL(reader, ...) error_set_at((reader)->error, -EINVAL, (reader)->file, (reader)->line, __VA_ARGS__)

static int set_text(struct reader *reader, char **ret_text, const char *value)
{
	if (*ret_text)
		return FAIL(reader, "given twice");
	*ret_text = strdup(value);
	return *ret_text ? 0 : -ENOMEM;
}

static int set_alphabet(struct reader *reader, const char *value)
{
	static const struct {
		const char *name;
		const char *characters;
	} known[] = {{"hex", DIGITS "abcdefABCDEF"}, {"base32", UPPER "234567="},
		{"base58", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
		{"base62", DIGITS UPPER LOWER}, {"base64", DIGITS UPPER LOWER "+/="},
		{"base64url", DIGITS UPPER LOWER "-_="}, {"print", NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i].name, value)) {
			reader->draft.rule.alphabet = known[i].characters;
			return 0;
		}
	return FAIL(reader,
		"alphabet: there is no \"%s\"; there are hex, base32, base58, base62, base64, base64url, "
		"print",
		value);
}

static int set_length(struct reader *reader, const char *value)
{
	char end;
	unsigned low, high;

	if (sscanf(value, "%u..%u%c", &low, &high, &end) != 2 || low > high || high > SECRET_MAX)
		return FAIL(reader, "length: \"%s\" is not MIN..MAX of at most %d", value, SECRET_MAX);
	reader->draft.rule.length_min = low;
	reader->draft.rule.length_max = high;
	return 0;
}

static int set_entropy(struct reader *reader, const char *value)
{
	double bits;

	if (parse_double(value, &bits) < 0 || bits < 0 || bits > 8)
		return FAIL(reader, "entropy: \"%s\" is not a number from 0 to 8", value);
	reader->draft.rule.entropy = bits;
	return 0;
}

static int set_check(struct reader *reader, const char *value)
{
	if (streq(value, "crc32-base62"))
		reader->draft.rule.check = RULE_CHECK_CRC32_BASE62;
	else if (streq(value, "bech32"))
		reader->draft.rule.check = RULE_CHECK_BECH32;
	else if (streq(value, "private-key"))
		reader->draft.rule.check = RULE_CHECK_PRIVATE_KEY;
	else
		return FAIL(reader, "check: there is no \"%s\"; there are crc32-base62, bech32, private-key",
			value);
	return 0;
}

static int set_status(struct reader *reader, const char *value)
{
	if (!streq(value, "warning") && !streq(value, "critical"))
		return FAIL(reader, "status: \"%s\" is neither warning nor critical", value);
	reader->draft.rule.status = streq(value, "warning") ? GAVEA_WARNING : GAVEA_CRITICAL;
	return 0;
}

static int set_generic(struct reader *reader, const char *value)
{
	if (!streq(value, "yes") && !streq(value, "no"))
		return FAIL(reader, "generic: \"%s\" is neither yes nor no", value);
	reader->draft.rule.generic = streq(value, "yes");
	return 0;
}

static int take_key(struct reader *reader, const char *key, const char *value)
{
	static const char *const keys[] = {"description", "pattern", "names", "value", "length", "alphabet",
		"entropy", "check", "status", "generic", "remedy"};
	struct draft *draft = &reader->draft;
	const char *meant = suggest(key, keys, ARRAY_SIZE(keys));

	if (!draft->rule.id)
		return FAIL(reader, "\"%s\" stands before the first [name]", key);
	if (!*value)
		return FAIL(reader, "%s: there is nothing behind the \"=\"", key);
	if (streq(key, "description"))
		return set_text(reader, &draft->rule.description, value);
	if (streq(key, "pattern"))
		return set_text(reader, &draft->rule.pattern, value);
	if (streq(key, "remedy"))
		return set_text(reader, &draft->rule.remedy, value);
	if (streq(key, "names"))
		return set_text(reader, &draft->names, value);
	if (streq(key, "value"))
		return set_text(reader, &draft->value, value);
	if (streq(key, "length"))
		return set_length(reader, value);
	if (streq(key, "alphabet"))
		return set_alphabet(reader, value);
	if (streq(key, "entropy"))
		return set_entropy(reader, value);
	if (streq(key, "check"))
		return set_check(reader, value);
	if (streq(key, "status"))
		return set_status(reader, value);
	if (streq(key, "generic"))
		return set_generic(reader, value);
	return FAIL(reader, "there is no key \"%s\"%s%s%s", key, meant ? "; did you mean \"" : "",
		meant ? meant : "", meant ? "\"?" : "");
}

/* name = "value", name: value, "name" => 'value', --name value */
static int pattern_of_names(struct reader *reader)
{
	struct draft *draft = &reader->draft;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	buf_add_str(&out, "(?i:");
	for (const char *p = draft->names; *p; p++) {
		if (*p == ',')
			buf_add_char(&out, '|');
		else if (*p == '_')
			buf_add_str(&out, "[_.-]?");
		else if (isalnum((unsigned char)*p))
			buf_add_char(&out, *p);
		else if (!isspace((unsigned char)*p))
			return FAIL(reader, "names: \"%c\" is neither a letter, a digit nor \"_\"", *p);
	}
	buf_printf(&out, ")[\"']?(?:\\s{0,4}(?:=>|:=|=|:)\\s{0,4}|\\s{1,4})[\"']?(%s)(?:[^0-9A-Za-z_/+=-]|$)",
		draft->value);
	draft->rule.pattern = buf_take(&out);
	return draft->rule.pattern ? 0 : -ENOMEM;
}

static struct rule *rule_find(const struct ruleset *set, const char *id)
{
	for (size_t i = 0; i < set->count; i++)
		if (streq(set->list[i].id, id))
			return &set->list[i];
	return NULL;
}

/* Takes the rule that was read so far into the set. */
static int finish(struct reader *reader)
{
	struct draft *draft = &reader->draft;
	struct ruleset *set = reader->set;
	struct rule *known;
	int r = 0;

	if (!draft->rule.id)
		return 0;
	if (!draft->rule.description)
		return FAIL(reader, "[%s] has no description", draft->rule.id);
	if (!draft->names != !draft->value || !draft->names == !draft->rule.pattern)
		return FAIL(reader, "[%s] needs either a pattern, or names and value", draft->rule.id);
	if (draft->names)
		r = pattern_of_names(reader);
	if (r < 0)
		return r;
	known = rule_find(set, draft->rule.id);
	if (known) {
		rule_done(known);
	} else {
		if (set->count == RULES_MAX)
			return FAIL(reader, "more than %d rules", RULES_MAX);
		if (GROW(set->list, set->count, set->room) < 0)
			return -ENOMEM;
		known = &set->list[set->count++];
	}
	*known = draft->rule;
	draft->rule = (struct rule){.id = NULL};
	draft_done(draft);
	return 0;
}

static int begin(struct reader *reader, char *name)
{
	size_t length = strlen(name);
	int r = finish(reader);

	if (r < 0)
		return r;
	if (length < 3 || name[length - 1] != ']' || length > 66)
		return FAIL(reader, "\"%.40s\" is not a [name]", name);
	name[length - 1] = '\0';
	name++;
	if (strspn(name, LOWER DIGITS "-") != strlen(name))
		return FAIL(reader, "[%s]: a name has only a-z, 0-9 and \"-\"", name);
	reader->draft.rule.status = GAVEA_CRITICAL;
	reader->draft.rule.length_max = SECRET_MAX;
	reader->draft.rule.id = strdup(name);
	if (!reader->draft.rule.id ||
		asprintf(&reader->draft.rule.where, "%s:%d", reader->file, reader->line) < 0)
		return -ENOMEM;
	return 0;
}

static char *strip(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text + strspn(text, " \t");
}

static int take_line(struct reader *reader, char *line)
{
	char *equals;

	line = strip(line);
	if (!*line || *line == '#')
		return 0;
	if (*line == '[')
		return begin(reader, line);
	equals = strchr(line, '=');
	if (!equals)
		return FAIL(reader, "neither [name] nor key = value");
	*equals = '\0';
	return take_key(reader, strip(line), strip(equals + 1));
}

int ruleset_parse(struct ruleset *set, const char *text, const char *file, struct error *error)
{
	struct reader reader = {.set = set, .file = file, .error = error};
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		reader.line++;
		r = take_line(&reader, line);
	}
	if (r == 0)
		r = finish(&reader);
	draft_done(&reader.draft);
	return r;
}

int ruleset_read(struct ruleset *set, const char *path, struct error *error)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, FILE_MAX, &text);

	if (r < 0)
		return error_set(error, r, "%s: cannot read the rules: %s", path, strerror(-r));
	return ruleset_parse(set, buf_str(&text), path, error);
}

int ruleset_disable(struct ruleset *set, const char *id, struct error *error)
{
	struct rule *rule = rule_find(set, id);
	const char *names[RULES_MAX], *meant;

	if (rule) {
		rule_done(rule);
		*rule = set->list[--set->count];
		return 0;
	}
	for (size_t i = 0; i < set->count; i++)
		names[i] = set->list[i].id;
	meant = suggest(id, names, set->count);
	return error_set(error, -ENOENT, "disable: there is no rule \"%s\"%s%s%s", id,
		meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
}
