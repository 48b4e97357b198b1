/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/wants.h"
#include "rule/selector.h"

#include <errno.h>

#define WANTS_MAX 64

typedef Gavea__Worker__V1__Evidence evidence_t;

void wants_done(struct wants *wants)
{
	for (size_t i = 0; i < wants->count; i++) {
		free(wants->list[i].checks);
		rule_selector_free(wants->list[i].samples);
	}
	free(wants->list);
	*wants = (struct wants){.list = NULL};
}

int wants_read(struct wants *wants, const Gavea__Worker__V1__Opened *opened)
{
	int r = 0;

	wants_done(wants);
	if (opened->n_watches == 0)
		return 0;
	if (opened->n_watches > WANTS_MAX)
		return -EINVAL;
	wants->list = calloc(opened->n_watches, sizeof *wants->list);
	if (!wants->list)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < opened->n_watches; i++) {
		const Gavea__Worker__V1__Watch *watch = opened->watches[i];
		struct wanted *wanted = &wants->list[wants->count++];

		wanted->checks = strdup(watch->checks);
		if (!wanted->checks)
			r = -ENOMEM;
		else if (!str_empty(watch->samples))
			r = rule_selector_parse(watch->samples, &wanted->samples, NULL);
	}
	if (r < 0)
		wants_done(wants);
	return r;
}

void evidence_done(struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->count; i++)
		gavea__worker__v1__evidence__free_unpacked(evidence->list[i], NULL);
	free(evidence->list);
	*evidence = (struct evidence)EVIDENCE_INIT;
}

static int compare(const void *a, const void *b)
{
	const evidence_t *x = *(evidence_t *const *)a, *y = *(evidence_t *const *)b;

	if (x->watch != y->watch)
		return x->watch < y->watch ? -1 : 1;
	return strcmp(x->check, y->check);
}

void evidence_sort(struct evidence *evidence)
{
	if (evidence->count)
		qsort(evidence->list, evidence->count, sizeof *evidence->list, compare);
}
