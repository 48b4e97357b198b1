/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of systemd's units: declared, there where they are loaded from, and right in the unit that runs. */
#ifndef SECRET_CREDENTIAL_H
#define SECRET_CREDENTIAL_H

#include "present.h"

/* 0, or -EINVAL: not of the form UNIT:NAME, UNIT or NAME. */
int credential_check_name(const char *text, struct error *error);

/* All of the option "credentials". Blocks on the disk. */
void present_credentials(struct present *present);

#endif
