/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the plugin; `gavea help host` and the manual are made of this table. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <gavea/plugin.h>

enum {
	HOST_OPTIONS = 39,
};

extern const struct gavea_option host_options[HOST_OPTIONS];

#endif
