/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "base/status.h"
#include "rule/limit.h"
#include "wire/convert.h"

#include <errno.h>

#define THRESHOLDS_MAX 200 /* of one check */

typedef Gavea__Worker__V1__Threshold threshold_t;

static void threshold_free(threshold_t *threshold)
{
	if (threshold)
		gavea__worker__v1__threshold__free_unpacked(threshold, NULL);
}
DEFINE_CLEANUP(threshold_t *, threshold_free);

/* A string of the group; what is not there stays as it is. */
static int take_text(struct conf_node *node, const char *key, char **text)
{
	char *found;
	int r = conf_take_string(node, key, &found);

	if (r > 0)
		*text = found;
	return MIN(r, 0);
}

static int take_sample(struct conf_node *node, threshold_t *threshold)
{
	_cleanup_(rule_selector_freep) struct rule_selector *selector = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = take_text(node, "sample", &threshold->sample);

	if (r < 0)
		return r;
	if (str_empty(threshold->sample))
		return conf_error(node, "has no sample: name the series that it is about");
	r = rule_selector_parse(threshold->sample, &selector, &error);
	return r < 0 ? conf_error(conf_take(node, "sample"), "%s", error_text(&error, r)) : 0;
}

static int take_limit(struct conf_node *node, const char *key, char **text)
{
	_cleanup_(rule_limit_freep) struct rule_limit *limit = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = take_text(node, key, text);

	if (r < 0 || str_empty(*text))
		return r;
	r = rule_limit_parse(*text, &limit, &error);
	return r < 0 ? conf_error(conf_take(node, key), "%s", error_text(&error, r)) : 0;
}

static int take_absent(struct conf_node *node, threshold_t *threshold)
{
	_cleanup_free_ char *word = NULL;
	int r = conf_take_string(node, "absent", &word);

	if (r <= 0)
		return r;
	r = status_from_name(word);
	if (r < 0)
		return conf_error(conf_take(node, "absent"), "must be ok, warning, critical or unknown");
	threshold->absent = status_to_wire(r);
	return 0;
}

/* 0; -EINVAL: reported. All of its errors are. */
static int read_threshold(struct conf_node *node, threshold_t *threshold)
{
	static const char *const known[] = {"sample", "warning", "critical", "absent"};
	int r = 0;

	if (conf_kind(node) != CONF_GROUP)
		return conf_error(node, "must be a group, { sample = \"…\"; warning = \"…\"; }");
	if (take_sample(node, threshold) < 0)
		r = -EINVAL;
	if (take_limit(node, "warning", &threshold->warning) < 0)
		r = -EINVAL;
	if (take_limit(node, "critical", &threshold->critical) < 0)
		r = -EINVAL;
	if (take_absent(node, threshold) < 0)
		r = -EINVAL;
	if (r == 0 && str_empty(threshold->warning) && str_empty(threshold->critical))
		r = conf_error(node, "has neither warning nor critical");
	return conf_leftovers(node, known, ARRAY_SIZE(known)) ? -EINVAL : r;
}

static int add(struct config_check *check, threshold_t *threshold)
{
	threshold_t **bigger =
		reallocarray(check->thresholds, check->threshold_count + 1, sizeof(threshold_t *));

	if (!bigger)
		return -ENOMEM;
	check->thresholds = bigger;
	check->thresholds[check->threshold_count++] = threshold;
	return 0;
}

int config_thresholds_take(struct conf_node *group, struct config_check *check)
{
	struct conf_node *list;

	if (!group || conf_take_kind(group, "thresholds", CONF_LIST, &list) <= 0)
		return 0;
	if (conf_size(list) + check->threshold_count > THRESHOLDS_MAX) {
		conf_error(list, "more than %d thresholds for a check", THRESHOLDS_MAX);
		return 0;
	}
	for (size_t i = 0; i < conf_size(list); i++) {
		_cleanup_(threshold_freep) threshold_t *threshold = malloc(sizeof *threshold);

		if (!threshold)
			return -ENOMEM;
		gavea__worker__v1__threshold__init(threshold);
		if (read_threshold(conf_at(list, i), threshold) < 0)
			continue;
		if (add(check, threshold) < 0)
			return -ENOMEM;
		TAKE_PTR(threshold);
	}
	return 0;
}

static threshold_t *copy(const threshold_t *threshold)
{
	size_t size = gavea__worker__v1__threshold__get_packed_size(threshold);
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return NULL;
	gavea__worker__v1__threshold__pack(threshold, bytes);
	return gavea__worker__v1__threshold__unpack(NULL, size, bytes);
}

int config_thresholds_copy(const struct config_check *from, struct config_check *check)
{
	for (size_t i = 0; i < from->threshold_count; i++) {
		threshold_t *threshold = copy(from->thresholds[i]);

		if (!threshold || add(check, threshold) < 0) {
			threshold_free(threshold);
			return -ENOMEM;
		}
	}
	return 0;
}
