/* SPDX-License-Identifier: Apache-2.0 */
/* What no single certificate shows: disk against wire, and one address against another. */
#ifndef CERT_COMPARE_H
#define CERT_COMPARE_H

#include "fileset.h"
#include "sweep.h"

/* Warns at each address that serves another certificate than the newest one of the same endpoint. */
void compare_addresses(struct target *target);

struct compare_settings {
	const char *reload_hint; /* NULL: none is configured */
	int64_t reload_grace; /* seconds */
	int64_t now; /* seconds since 1970 */
};

/* Whether every address of target serves the leaf of the file; adds findings to the file's entry. */
void compare_served(
	const struct compare_settings *settings, const struct target *target, struct file_entry *entry);

#endif
