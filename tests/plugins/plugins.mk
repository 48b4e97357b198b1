# SPDX-License-Identifier: Apache-2.0
#
# Plugins for tests: tests/plugins/NAME.c becomes $(O)/test-plugins/NAME.so. They know the SDK only, as strangers' plugins
# do. `make test-plugins` builds all of them; the unit tests of the worker need them.

TEST_PLUGINS := $(basename $(notdir $(wildcard tests/plugins/*.c)))
TEST_PLUGIN_FILES := $(TEST_PLUGINS:%=$(O)/test-plugins/%.so)

$(O)/test-plugins/%.so: tests/plugins/%.c include/gavea/plugin.h $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -Iinclude -std=gnu17 -fPIC -shared -pthread -fvisibility=hidden $(WARNINGS) $(CFLAGS) -D_GNU_SOURCE \
		$(if $(filter thread,$(SAN)),-fsanitize=thread) -o $@ $<

# Not what they seem: no shared object at all, one without its function, one for another machine.
$(O)/test-plugins/bad-text.so: | $(O)/test-plugins/good.so
	$(Q)echo 'not an ELF file' >$@
$(O)/test-plugins/bad-machine.so: $(O)/test-plugins/good.so tests/plugins/plugins.mk
	$(Q)cp $< $@ && printf '$(if $(filter aarch64,$(seccomp_arch)),\076,\267)\000' | dd of=$@ bs=1 seek=18 conv=notrunc status=none
$(O)/test-plugins/bad-object.so: tests/plugins/good.c
	@mkdir -p $(@D)
	$(Q)$(CC) -Iinclude -std=gnu17 -fPIC -D_GNU_SOURCE -c -o $@ $<
$(O)/test-plugins/bad-name-of-file.so: $(O)/test-plugins/good.so
	$(Q)cp $< $@
TEST_PLUGIN_FILES += $(patsubst %,$(O)/test-plugins/%.so,bad-text bad-machine bad-object bad-name-of-file)

test-plugins: $(TEST_PLUGIN_FILES)
.PHONY: test-plugins
unit-build: test-plugins $(O)/gavea-worker
