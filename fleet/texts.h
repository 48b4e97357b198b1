/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that many series of many hosts have in common: each is kept once, and counted. For the writer thread alone. */
#ifndef FLEET_TEXTS_H
#define FLEET_TEXTS_H

#include "base/strmap.h"

/* Makes *text, which is NULL or of these texts, one that says value. 0 or -ENOMEM, and then it stays. */
int texts_set(struct strmap *texts, char **text, const char *value);

/* Gives one back. NULL is fine. */
void texts_drop(struct strmap *texts, char *text);

#endif
