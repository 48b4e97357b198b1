/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/facts.h"
#include "base/buf.h"

#include <errno.h>

static int add(struct facts *facts, const char *prefix, const char *key, const char *value)
{
	Gavea__Worker__V1__Fact *fact = malloc(sizeof *fact);
	_cleanup_buf_ struct buf whole = BUF_INIT;

	if (!fact)
		return -ENOMEM;
	gavea__worker__v1__fact__init(fact);
	buf_printf(&whole, "%s%s", prefix, key);
	fact->key = buf_take(&whole);
	fact->value = strdup(value);
	facts->facts[facts->count++] = fact;
	return fact->key && fact->value ? 0 : -ENOMEM;
}

int facts_make(struct facts *facts, const struct identity *identity, const struct config *config)
{
	_cleanup_buf_ struct buf keys = BUF_INIT;
	int r;

	facts->facts = calloc(6 + config->label_count, sizeof *facts->facts);
	if (!facts->facts)
		return -ENOMEM;
	r = add(facts, "", "agent_id", identity->agent_id);
	if (r == 0)
		r = add(facts, "", "name", config->name);
	if (r == 0)
		r = add(facts, "", "version", GAVEA_VERSION);
	if (r == 0)
		r = add(facts, "", "machine_id", identity->machine_id);
	if (r == 0)
		r = add(facts, "", "boot_id", identity->boot_id);
	for (size_t i = 0; r == 0 && i < config->label_count; i++) {
		buf_printf(&keys, "%s%s", i ? "," : "", config->labels[i].name);
		r = add(facts, "label.", config->labels[i].name, config->labels[i].value);
	}
	if (r == 0)
		r = add(facts, "", "label_keys", buf_str(&keys));
	return r;
}

void facts_done(struct facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		free(facts->facts[i]->key);
		free(facts->facts[i]->value);
		free(facts->facts[i]);
	}
	free(facts->facts);
	*facts = (struct facts)FACTS_INIT;
}
