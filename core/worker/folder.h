/* SPDX-License-Identifier: Apache-2.0 */
/* Where a check keeps what lasts: a folder of its own in the plugin's state directory. */
#ifndef CORE_WORKER_FOLDER_H
#define CORE_WORKER_FOLDER_H

/*
 * STATE_DIRECTORY/NAME, where NAME is the part of the check's full name behind the slash with everything but
 * [A-Za-z0-9_.-] (and a dot at the start) percent-escaped. Allocated; NULL: no memory, or the name is too
 * long for a file.
 */
char *folder_of_check(const char *state_directory, const char *check);

/* folder/name; allocated. */
char *folder_join(const char *folder, const char *name);

#endif
