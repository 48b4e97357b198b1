/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRET_BUILTIN_H
#define SECRET_BUILTIN_H

/* The text of rules/provider.rules, as it was when this was built. */
extern const char builtin_rules[];

#endif
