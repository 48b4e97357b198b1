# SPDX-License-Identifier: Apache-2.0
#
# What tests preload into programs: tests/support/NAME.c becomes $(O)/test-support/NAME.so. Never with sanitizers of their
# own: they come before those of the program.

TEST_PROGRAMS := swap_traffic
TEST_SUPPORT := $(patsubst tests/support/%.c,$(O)/test-support/%.so,\
	$(filter-out $(TEST_PROGRAMS:%=tests/support/%.c),$(wildcard tests/support/*.c)))
$(O)/test-support/%.so: tests/support/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -fPIC -shared $(WARNINGS) $(CFLAGS) -o $@ $< -ldl
unit-build: $(TEST_SUPPORT)

# Programs by which tests call parts of a plugin by themselves, with the plugin's objects.
$(O)/test-support/swap_traffic: $(O)/obj/tests/support/swap_traffic.o $(O)/plugins/swap.a $(O)/lib/kit.a $(O)/lib/base.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(call pkglibs,$(pkgs.plugin.swap)) $(libs.plugin.swap) -lm
unit-build: $(TEST_PROGRAMS:%=$(O)/test-support/%)
