/* SPDX-License-Identifier: Apache-2.0 */
#include "builtin.h"

__asm__(".section .rodata\n"
	".global builtin_rules\n"
	".hidden builtin_rules\n"
	".type builtin_rules, @object\n"
	"builtin_rules:\n"
	".incbin \"plugins/secret/rules/provider.rules\"\n"
	".byte 0\n"
	".size builtin_rules, . - builtin_rules\n"
	".previous\n");
