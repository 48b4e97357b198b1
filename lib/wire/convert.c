/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/convert.h"

enum gavea_status status_from_wire(Gavea__V1__Status status)
{
	switch (status) {
	case GAVEA__V1__STATUS__OK:
		return GAVEA_OK;
	case GAVEA__V1__STATUS__WARNING:
		return GAVEA_WARNING;
	case GAVEA__V1__STATUS__CRITICAL:
		return GAVEA_CRITICAL;
	default:
		return GAVEA_UNKNOWN;
	}
}

Gavea__V1__Status status_to_wire(int status)
{
	switch (status) {
	case GAVEA_OK:
		return GAVEA__V1__STATUS__OK;
	case GAVEA_WARNING:
		return GAVEA__V1__STATUS__WARNING;
	case GAVEA_CRITICAL:
		return GAVEA__V1__STATUS__CRITICAL;
	default:
		return GAVEA__V1__STATUS__UNKNOWN;
	}
}
