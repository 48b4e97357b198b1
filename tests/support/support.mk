# SPDX-License-Identifier: Apache-2.0
#
# What tests preload into programs: tests/support/NAME.c becomes $(O)/test-support/NAME.so. Never with sanitizers of their
# own: they come before those of the program.

TEST_SUPPORT := $(patsubst tests/support/%.c,$(O)/test-support/%.so,$(wildcard tests/support/*.c))
$(O)/test-support/%.so: tests/support/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -fPIC -shared $(WARNINGS) $(CFLAGS) -o $@ $< -ldl
unit-build: $(TEST_SUPPORT)
