/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The series of a worker: one number, from 1, for each check, name and set of labels, for as long as the
 * worker lives. All calls may come from any thread.
 */
#ifndef CORE_WORKER_SERIES_H
#define CORE_WORKER_SERIES_H

#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

#define SERIES_MAX 20000
#define SERIES_LABELS_MAX 32
#define SERIES_LABEL_VALUE_MAX 1024

struct series_registry;

struct series_registry *series_registry_new(void);
void series_registry_free(struct series_registry *registry);

/*
 * Returns the number of the series, making it if it is new; *ret_to_send tells whether the caller has to send
 * its declaration: nobody has yet, and this check has not been told so before. -EINVAL: not a valid name,
 * label or type, or known with another type; -ENOSPC: there are SERIES_MAX; -ENOMEM.
 */
int series_declare(struct series_registry *registry, uint32_t check, const char *name, int type,
	const char *unit, const char *help, const struct gavea_pair *labels, size_t label_count,
	bool *ret_to_send);

/* The declaration, or NULL when there is no such number. Borrowed, valid and unchanged until the registry is
 * freed. */
Gavea__V1__Series *series_get(struct series_registry *registry, int number);

/* How many there are: numbers up to this one are valid. Never blocks. */
int series_count(const struct series_registry *registry);

/* Notes that the host has this declaration. */
void series_sent(struct series_registry *registry, int number);

/* Notes that this check will not send the declarations that it was told to send. */
void series_forget(struct series_registry *registry, uint32_t check);

#endif
