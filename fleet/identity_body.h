/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body: one flat object of JSON. Apart from what writes JSON: its names are those of jansson. */
#ifndef FLEET_IDENTITY_BODY_H
#define FLEET_IDENTITY_BODY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct body;

/* 0, or -EINVAL with error: not an object of JSON, or a member is neither text nor a whole number. */
int body_parse(const void *bytes, size_t size, struct body **ret_body, struct error *error);
void body_free(struct body *body);
DEFINE_CLEANUP(struct body *, body_free);

/* NULL: there is none, or it is a number. Borrowed. */
const char *body_text(const struct body *body, const char *key);

/* 0: there is none, or it is text. */
int64_t body_number(const struct body *body, const char *key);

#endif
