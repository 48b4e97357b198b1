/* SPDX-License-Identifier: Apache-2.0 */
/* The series of a picture, by families: those of one name, whichever check they come from. */
#ifndef PROMETHEUS_FAMILY_H
#define PROMETHEUS_FAMILY_H

#include "picture.h"

void family_free(struct family *family);

/* NULL: there is none of that name. */
struct family *family_find(const struct picture *picture, const char *name, size_t size);

/* Frees the series that are dead, and families that have none left. */
void families_sweep(struct picture *picture);

#endif
