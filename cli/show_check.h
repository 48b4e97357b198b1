/* SPDX-License-Identifier: Apache-2.0 */
/* What `status CHECK` and `run PLUGIN/NAME` have in common. */
#ifndef CLI_SHOW_CHECK_H
#define CLI_SHOW_CHECK_H

#include "cli/cli.h"
#include "cli/client.h"

/* Sends a request that is answered with one check, shows it, and returns its Nagios code. */
int show_check(struct cli *cli, const request_t *request);

#endif
