/* SPDX-License-Identifier: Apache-2.0 */
/* Uses a function that nobody has. */
#define NAME "bad-undefined"
int gavea_no_such_function(void);
#define RETURN (gavea_no_such_function() ? &plugin : NULL)
#include "bad.h"
