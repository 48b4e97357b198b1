/* SPDX-License-Identifier: Apache-2.0 */
/* Where the name of a sample ends in a text; what it means is for the host to judge. */
#ifndef SWAP_SELECTOR_H
#define SWAP_SELECTOR_H

/* Behind NAME or NAME{…}, which may have quoted strings in the braces. NULL: it is neither. */
const char *selector_end(const char *text);

#endif
