/* SPDX-License-Identifier: Apache-2.0 */
/* Between the wire's enums and ours. */
#ifndef WIRE_CONVERT_H
#define WIRE_CONVERT_H

#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

/* Anything that is not one of the four is unknown, both ways: nothing turns green by being left out. */
enum gavea_status status_from_wire(Gavea__V1__Status status);
Gavea__V1__Status status_to_wire(int status);

#endif
