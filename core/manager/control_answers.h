/* SPDX-License-Identifier: Apache-2.0 */
/* The answers on the control socket, made from what there is. */
#ifndef MANAGER_CONTROL_ANSWERS_H
#define MANAGER_CONTROL_ANSWERS_H

#include "core/manager/control_client.h"

void answer_units(struct control_client *client, struct unit *const *units, size_t count);
void answer_plugins(struct control_client *client, struct unit *const *units, size_t count);
/* catalog: with items and samples; NULL: without. */
void answer_check(struct control_client *client, struct check *check, struct catalog *catalog);
void answer_gone(struct control_client *client, const char *check);
void answer_output(struct control_client *client, struct output *output);
void answer_event(struct control_client *client, const struct recent_event *event);

#endif
