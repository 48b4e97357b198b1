/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A temporary PostgreSQL: of a data directory that was restored, or a new one into which a dump is loaded. It listens on
 * a socket in the scratch folder alone, and takes no configuration of the original.
 */
#ifndef BACKUP_CLUSTER_H
#define BACKUP_CLUSTER_H

#include "scratch.h"

/* Starts it, asks, stops it. Blocks. 0: the first value of the answer is true, or a number other than 0. -EBADMSG: it is
 * not, the query failed, or the cluster does not come up; any other: it could not be tried. */
int cluster_query(struct scratch *scratch, const char *sql, struct error *error);

#endif
