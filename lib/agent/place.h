/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are: in a build tree beside this program, or where they were installed. */
#ifndef AGENT_PLACE_H
#define AGENT_PLACE_H

/* The path of another program of ours: beside this one if it is there, else in the given folder. Allocated;
 * NULL: no memory. */
char *place_program(const char *name, const char *installed_folder);

/* The folder of the plugins. Allocated; NULL: no memory. */
char *place_plugins(void);

#endif
