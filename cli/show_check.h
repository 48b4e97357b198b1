/* SPDX-License-Identifier: Apache-2.0 */
/* What `status CHECK` and `run PLUGIN/NAME` have in common. */
#ifndef CLI_SHOW_CHECK_H
#define CLI_SHOW_CHECK_H

#include "cli/cli.h"
#include "cli/client.h"

/* Sends a request that is answered with one check: 0 with *ret_status, owned by the caller (NULL: there was no answer about a check), or -errno
 * with error. */
int ask_check(struct cli *cli, const request_t *request, check_status_t **ret_status, struct error *error);

/* The same, and shows it; returns its Nagios code. */
int show_check(struct cli *cli, const request_t *request);

#endif
