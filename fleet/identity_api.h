/* SPDX-License-Identifier: Apache-2.0 */
/* What the API has for identities: /v1/ca, /v1/enroll, /v1/renew, /v1/tokens, /v1/agents, /v1/audit. */
#ifndef FLEET_IDENTITY_API_H
#define FLEET_IDENTITY_API_H

#include "fleet/server.h"

#include <sys/types.h>

/* Whether this address is one of them. */
bool identity_api_has(const char *path);

/* As httpd_admit(). */
ssize_t identity_api_admit(struct server *server, struct httpd_request *request);

/* Answers what was admitted. */
void identity_api_handle(struct server *server, struct httpd_request *request);

#endif
