/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small processes that live long: loading libraries touches many more of their pages than running does. This unmaps the
 * read-only ones; they stay in the page cache, and the few that are needed come back by a minor fault each.
 */
#ifndef BASE_TRIM_H
#define BASE_TRIM_H

/* Unmaps the pages of all read-only segments of the program and its libraries, and gives free heap back. Nothing changes but
 * what counts as this process' memory. */
void trim_memory(void);

#endif
