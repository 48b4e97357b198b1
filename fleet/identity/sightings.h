/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that share even the machine's id: two machines that report under one agent, by turns. What is seen is an instance,
 * a spool in one boot of a machine. A reboot or a new spool makes another one, and the one before never comes back; a machine
 * that was set back to a snapshot comes back once. When instances have come back twice within an hour, both live: the one
 * that was seen later is the copy. Kept in memory: after a restart it is seen again.
 */
#ifndef FLEET_IDENTITY_SIGHTINGS_H
#define FLEET_IDENTITY_SIGHTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct sightings;

/* NULL: no memory. */
struct sightings *sightings_new(void);
void sightings_free(struct sightings *sightings);

/* A report of this agent. Whether it comes from a copy. From any thread. */
bool sightings_is_copy(struct sightings *sightings, const char *agent_id, const char *spool_id,
	const char *boot_id, int64_t now_ms);

#endif
