# SPDX-License-Identifier: Apache-2.0
#
# make                     release build in build/release
# make SAN=address,undefined   the same with sanitizers, in build/san-address-undefined (SAN=thread likewise)
# make COVERAGE=1          instrumented for gcov, in build/coverage
# make coverage            runs the unit tests so, and prints what they reach (gcovr)
# make unit                build and run the unit tests (works with SAN= and COVERAGE=)
# make fuzz                build the fuzzers (clang) in build/fuzz; make fuzz-replay runs their corpora
# make bench               the benchmarks of tests/bench
# make soak-swap           what is too long for ./check: swaps, killed at every write of their journal
# make proof               fails or kills the agent at every call to the disk, and looks at what is left
# make faults              gavea-fleetd killed, its disk and memory failing, at every single call (a quarter of an hour)
# make storm               1,000 agents with a backlog that return to gavea-fleetd at once
# make V=1                 show the commands
# make deb                 Debian packages in build/deb
# make install DESTDIR= prefix=/usr
# make compile_commands.json
#
# New files are found by themselves: a library is lib/NAME/*.c, a plugin is plugins/NAME/*.c with plugin.mk beside it,
# a unit test is tests/unit/SOURCE-DIR/test_*.c, a fuzzer is tests/fuzz/fuzz_*.c with corpus in tests/fuzz/corpus/.

MAKEFLAGS += --no-builtin-rules
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' $(1) '$(2)')
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog 2>/dev/null)
ABI_MAJOR := $(shell sed -n 's/^.define GAVEA_ABI_MAJOR \([0-9]*\)u/\1/p' include/gavea/plugin.h)
ABI_MINOR := $(shell sed -n 's/^.define GAVEA_ABI_MINOR \([0-9]*\)u/\1/p' include/gavea/plugin.h)

# ---- Variants ----

comma := ,
ifdef SAN
VARIANT := san-$(subst $(comma),-,$(SAN))
else ifdef COVERAGE
VARIANT := coverage
else
VARIANT := release
endif
O ?= build/$(VARIANT)

prefix ?= /usr
sysconfdir ?= /etc
localstatedir ?= /var
libexecdir ?= $(prefix)/libexec/gavea
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
libdir ?= $(prefix)/lib/$(multiarch)
plugindir ?= $(libdir)/gavea/plugins
unitdir ?= /lib/systemd/system

ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
PROTOC_C ?= protoc-c
INSTALL ?= install

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
	-Wformat=2 -Wundef -Wredundant-decls -Wimplicit-fallthrough -Werror=implicit-function-declaration \
	-Werror=incompatible-pointer-types -Werror=int-conversion
ifdef WERROR
WARNINGS += -Werror
endif
ALL_CFLAGS := -std=gnu17 -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(CFLAGS)
ALL_LDFLAGS := -pthread -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
ifdef SAN
ALL_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=$(SAN)
else ifdef COVERAGE
ALL_CFLAGS += --coverage -O0
ALL_LDFLAGS += --coverage
else
ALL_CFLAGS += -fstack-protector-strong
ALL_CPPFLAGS += -D_FORTIFY_SOURCE=2
endif
DEFINES := -D_GNU_SOURCE -DGAVEA_VERSION='"$(VERSION)"' -DGAVEA_PLUGIN_DIR='"$(plugindir)"' \
	-DGAVEA_LIBEXEC_DIR='"$(libexecdir)"' -DGAVEA_CONF_DIR='"$(sysconfdir)/gavea"' \
	-DGAVEA_STATE_DIR='"$(localstatedir)/lib/gavea"' -DGAVEA_RUN_DIR='"/run/gavea"' \
	-DGAVEA_DATA_DIR='"$(prefix)/share/gavea"'
ALL_CPPFLAGS += $(CPPFLAGS) $(DEFINES)

# ---- What there is ----

LIBS := base conf wire rule net kit agent
PROTOS := $(basename $(notdir $(wildcard proto/*.proto)))
PLUGINS := $(sort $(notdir $(patsubst %/plugin.mk,%,$(wildcard plugins/*/plugin.mk))))

# pkg-config modules by component; a program takes those of everything that it links.
pkgs.base :=
pkgs.conf := libconfig
pkgs.wire := libprotobuf-c libzstd
pkgs.net := libmicrohttpd gnutls
pkgs.kit := libcurl jansson libcares libpcre2-8 libcrypto
pkgs.rule :=
pkgs.agent := libsystemd
-include $(foreach p,$(PLUGINS),plugins/$(p)/plugin.mk)

# Which libraries a program links (static; only what it uses gets in), and its system libraries.
libs.gavead := agent conf wire rule base
pkgs.gavead := libsystemd libconfig libprotobuf-c
libs.gavea-worker := wire rule base
pkgs.gavea-worker := libprotobuf-c libcap-ng
libs.gavea-worker-program := wire rule base
pkgs.gavea-worker-program := libprotobuf-c libcap-ng jansson
libs.gavea := agent conf wire rule kit base
pkgs.gavea := libconfig libprotobuf-c libcurl jansson libcrypto libsystemd
libs.gavea-fleetd := conf wire net base
pkgs.gavea-fleetd := libconfig libprotobuf-c libzstd libmicrohttpd gnutls sqlite3 jansson libsystemd libcrypto
libs.gavea-swap-deadman := kit base
pkgs.gavea-swap-deadman := jansson libsystemd libcurl libcrypto libarchive
dir.gavea-swap-deadman := plugins/swap/deadman
archive.gavea-swap-deadman := plugins/swap
dir.gavead := core/manager
dir.gavea-worker := core/worker
dir.gavea-worker-program := core/worker/program
archive.gavea-worker-program := core/worker
dir.gavea := cli
dir.gavea-fleetd := fleet
PROGRAMS := $(foreach p,gavead gavea-worker gavea-worker-program gavea gavea-fleetd gavea-swap-deadman,$(if $(wildcard $(dir.$(p))/main.c),$(p)))

all: $(PROGRAMS:%=$(O)/%) $(PLUGINS:%=$(O)/plugins/%.so) $(O)/template
.PHONY: all

# ---- Generated sources ----

GEN := $(O)/gen
PROTO_H := $(PROTOS:%=$(GEN)/proto/%.pb-c.h)
$(GEN)/proto/%.pb-c.c $(GEN)/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTOC,$<)
	$(Q)$(PROTOC_C) --proto_path=proto --c_out=$(@D) $<

# The worker's system call filters. The program that makes them runs on the machine that builds.
HOSTCC ?= $(CC)
seccomp_arch := $(firstword $(subst -, ,$(multiarch)))
$(O)/tools/gen-seccomp: tools/gen-seccomp.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) -std=gnu17 -O1 $(WARNINGS) -D_GNU_SOURCE -o $@ $< -lseccomp
$(GEN)/core/worker/seccomp-profiles.h: $(O)/tools/gen-seccomp
	@mkdir -p $(@D)
	$(call say,SECCOMP,$@)
	$(Q)$< $(seccomp_arch) >$@
$(O)/obj/core/worker/seccomp.o: $(GEN)/core/worker/seccomp-profiles.h

# What a plugin may include: the SDK, base, kit, and the generated wire contract.
SDK := $(O)/sdk-include
$(SDK)/.stamp: | $(PROTO_H)
	@mkdir -p $(SDK)
	@ln -sfn $(abspath include/gavea) $(SDK)/gavea
	@ln -sfn $(abspath lib/base) $(SDK)/base
	@ln -sfn $(abspath lib/kit) $(SDK)/kit
	@ln -sfn $(abspath $(GEN)/proto) $(SDK)/proto
	@touch $@

# ---- Objects and archives ----

# A change of flags rebuilds everything; -Werror alone changes nothing that is built.
FLAGS := $(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_CPPFLAGS) $(ALL_LDFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(O)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@
FORCE:
.PHONY: FORCE

INCLUDES := -Ilib -I$(GEN) -Iinclude -I.
$(O)/obj/%.o: %.c $(O)/flags | $(PROTO_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(INCLUDES) $(cflags.$(firstword $(subst /, ,$*))) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
# It carries the files of the pages.
$(O)/obj/fleet/web/assets.o: $(wildcard fleet/web/static/*)
$(O)/obj/plugins/secret/builtin.o: plugins/secret/rules/provider.rules
$(O)/obj/proto/%.o: $(GEN)/proto/%.pb-c.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) -I$(GEN) -I$(GEN)/proto $(ALL_CFLAGS) -w -MMD -MP -c -o $@ $<
$(O)/obj/plugins/%.o: plugins/%.c $(O)/flags | $(SDK)/.stamp
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) -I$(SDK) $(ALL_CFLAGS) $(cflags.plugin.$(firstword $(subst /, ,$*))) -MMD -MP -c -o $@ $<

objects = $(patsubst %.c,$(O)/obj/%.o,$(filter-out %/main.c,$(sort $(wildcard $(1)/*.c $(1)/*/*.c))))
define archive # name, folder
$(O)/$(1).a: $(call objects,$(2)) $(3)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR,$$@)
	$$(Q)$(AR) rcs $$@ $$^
endef
$(foreach l,$(filter-out wire,$(LIBS)),$(eval $(call archive,lib/$(l),lib/$(l))))
$(eval $(call archive,lib/wire,lib/wire,$(PROTOS:%=$(O)/obj/proto/%.o)))
$(eval $(call archive,core/manager,core/manager))
$(eval $(call archive,core/worker,core/worker))
$(eval $(call archive,cli,cli))
$(eval $(call archive,fleet,fleet))
$(foreach p,$(PLUGINS),$(eval $(call archive,plugins/$(p),plugins/$(p))))

pkglibs = $(if $(strip $(1)),$(shell pkg-config --libs $(1)))

define program
$(O)/$(1): $(O)/obj/$(dir.$(1))/main.o $(O)/$(or $(archive.$(1)),$(dir.$(1))).a $(libs.$(1):%=$(O)/lib/%.a)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -pie $$(ALL_LDFLAGS) $$(ldflags.$(1)) -o $$@ $$^ $$(call pkglibs,$$(pkgs.$(1))) -lm
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
ldflags.gavea-worker := -ldl

# plugin.mk sets, for its own NAME: pkgs.plugin.NAME (pkg-config modules), libs.plugin.NAME (extra -l flags) and
# proto.plugin.NAME (wire contracts whose code it links: report).
define plugin
$(O)/plugins/$(1).so: $(O)/plugins/$(1).a $$(proto.plugin.$(1):%=$(O)/obj/proto/%.o) $(O)/lib/kit.a $(O)/lib/base.a
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -shared -Wl,-z,defs -Wl,-Bsymbolic $$(if $$(SAN),-Wl$$(comma)-z$$(comma)undefs) $$(ALL_LDFLAGS) -o $$@ \
		-Wl,--whole-archive $(O)/plugins/$(1).a -Wl,--no-whole-archive $$(filter-out $(O)/plugins/$(1).a,$$^) \
		$$(call pkglibs,$$(pkgs.plugin.$(1))) $$(libs.plugin.$(1)) -lm
endef
$(foreach p,$(PLUGINS),$(eval $(call plugin,$(p))))

# What `gavea plugin new` starts from lies beside the program, as it does when installed.
$(O)/template: | packaging/template
	@mkdir -p $(O)
	@ln -sfn $(abspath packaging/template) $@

# ---- Tests ----

UNIT_SOURCES := $(sort $(shell find tests/unit -name 'test_*.c' 2>/dev/null))
UNIT := $(UNIT_SOURCES:tests/unit/%.c=$(O)/unit/%)
ALL_ARCHIVES := $(LIBS:%=$(O)/lib/%.a)
# The archive of what a test is about: tests/unit/plugins/host/test_x.c -> plugins/host.a
unit_archive = $(filter $(patsubst %,$(O)/%.a,$(1) $(patsubst %/,%,$(dir $(1))) $(firstword $(subst /, ,$(1)))),\
	$(O)/core/manager.a $(O)/core/worker.a $(O)/cli.a $(O)/fleet.a $(PLUGINS:%=$(O)/plugins/%.a))
unit_pkgs = $(sort cmocka $(foreach l,$(LIBS),$(pkgs.$(l))) libsystemd libcap-ng sqlite3 libcrypto \
	$(if $(filter plugins/%,$(1)),$(pkgs.plugin.$(word 2,$(subst /, ,$(1))))))
define unit_test
$(O)/unit/$(1): $(O)/obj/tests/unit/$(1).o $(call unit_archive,$(patsubst %/,%,$(dir $(1)))) $(ALL_ARCHIVES)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(call pkglibs,$(call unit_pkgs,$(1))) $(if $(filter plugins/%,$(1)),$$(libs.plugin.$(word 2,$(subst /, ,$(1))))) -ldl -lm
endef
$(foreach t,$(UNIT_SOURCES:tests/unit/%.c=%),$(eval $(call unit_test,$(t))))
$(O)/obj/tests/unit/%.o: ALL_CFLAGS += -Wno-missing-prototypes

unit-build: $(UNIT)
unit: all unit-build
	tools/run-units $(O) $(UNIT)
.PHONY: unit unit-build

coverage:
	$(MAKE) COVERAGE=1 all unit-build
	tools/run-units build/coverage $(UNIT_SOURCES:tests/unit/%.c=build/coverage/unit/%)
	gcovr --root . --filter '(lib|core|cli|fleet|plugins)/' --exclude-directories build/coverage/gen build/coverage/obj
.PHONY: coverage

# ---- Fuzzing: always clang with libFuzzer and ASan, its own objects ----

FUZZERS := $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_O := build/fuzz
fuzz:
	$(MAKE) O=$(FUZZ_O) CC=clang-14 CFLAGS='-O1 -g -Wno-format-nonliteral' \
		SAN=fuzzer-no-link,address,undefined fuzz-build
fuzz-build: $(FUZZERS:%=$(O)/%)
# A fuzzer names what it is about in its first lines: "// fuzz: lib/wire plugins/host".
define fuzzer
$(O)/$(1): $(O)/obj/tests/fuzz/$(1).o $(ALL_ARCHIVES) $(patsubst %,$(O)/%.a,$(shell sed -n 's,^// fuzz: ,,p' tests/fuzz/$(1).c))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(call pkglibs,$(filter-out cmocka,$(call unit_pkgs,$(1))) $(call fuzz_plugins,$(1),pkgs)) $(call fuzz_plugins,$(1),libs) -lm
endef
# What the plugins among them link.
fuzz_plugins = $(foreach p,$(shell sed -n 's,^// fuzz: ,,p' tests/fuzz/$(1).c),$(if $(filter plugins/%,$(p)),$($(2).plugin.$(notdir $(p)))))
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))
fuzz-replay: fuzz
	tools/run-fuzz-corpora $(FUZZ_O) $(FUZZERS)
.PHONY: fuzz fuzz-build fuzz-replay

-include tests/plugins/plugins.mk
-include tests/support/support.mk
# ---- Benchmarks: each tests/bench/*.c is a program of its own, which the scripts beside it run ----

BENCHES := $(basename $(notdir $(wildcard tests/bench/*.c)))
archives.bench.swap_counts := plugins/swap
archives.bench.spool_append := core/manager
define bench_program
$(O)/bench/$(1): $(O)/obj/tests/bench/$(1).o $(ALL_ARCHIVES) $(archives.bench.$(1):%=$(O)/%.a)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(call pkglibs,$(filter-out cmocka,$(call unit_pkgs,$(1))) $(pkgs.bench.$(1))) -ldl -lm
endef
pkgs.bench.ingest := libssl
pkgs.bench.tls_ports := libssl
$(foreach b,$(BENCHES),$(eval $(call bench_program,$(b))))
bench-build: $(BENCHES:%=$(O)/bench/%)
storm: all
	/usr/bin/python3 tests/bench/bench_storm.py --build $(O) $(BENCH_ARGS)
faults: all unit-build
	GAVEA_EVERY=1 GAVEA_LIVES=50 GAVEA_BUILD=$(abspath $(O)) /usr/bin/python3 -m pytest -p no:cacheprovider tests/integration/test_fleet_faults.py
bench: all bench-build
	tests/bench/run --build $(O) $(BENCH_ARGS)
.PHONY: bench bench-build storm faults

# What takes too long for ./check: kill -9 at every write of a swap's journal.
soak-swap: all unit-build
	GAVEA_SOAK=1 GAVEA_BUILD=$(abspath $(O)) /usr/bin/python3 -m pytest -p no:cacheprovider tests/integration/test_swap_kill.py
.PHONY: soak-swap
# The spool's promise at every call to the disk: a quarter of an hour; ./check takes a part of it.
proof: all test-plugins $(TEST_SUPPORT)
	PROOF=all /usr/bin/python3 -m pytest -p no:cacheprovider -q tests/integration/test_proof.py
.PHONY: proof

-include tools/install.mk

clean:
	rm -rf build compile_commands.json
.PHONY: clean

compile_commands.json: Makefile
	rm -rf build/compdb
	bear --output $@ -- $(MAKE) --quiet O=build/compdb all unit-build

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
