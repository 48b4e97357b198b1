# SPDX-License-Identifier: Apache-2.0
#
# make install DESTDIR= prefix=    what a system gets; debian/ takes its packages from here
# make deb                         Debian packages in build/deb, from a clean copy of the tree

bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
pkgconfigdir ?= $(libdir)/pkgconfig
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
completionsdir ?= $(datadir)/bash-completion/completions

install_dir.gavea := $(bindir)
install_dir.gavead := $(sbindir)
install_dir.gavea-fleetd := $(sbindir)
install_dir.gavea-worker := $(libexecdir)
install_dir.gavea-worker-program := $(libexecdir)
install_dir.gavea-swap-deadman := $(libexecdir)

# $(call put,MODE,FILES,FOLDER): nothing happens without files.
define put
	$(if $(strip $(2)),$(Q)$(INSTALL) -d $(DESTDIR)$(3) && $(INSTALL) -m $(1) $(2) $(DESTDIR)$(3))
endef

# The pages of plugins are made from the tables in them.
PLUGIN_PAGES := $(PLUGINS:%=$(O)/man/gavea-%.7)
$(O)/man/gavea-%.7: $(O)/plugins/%.so $(O)/gavea $(O)/gavea-worker
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)$(O)/gavea help $* --format=mdoc >$@

install: all $(O)/gavea.pc $(PLUGIN_PAGES)
	$(foreach p,$(PROGRAMS),$(call put,755,$(O)/$(p),$(install_dir.$(p)))$(newline))
	$(call put,644,$(PLUGINS:%=$(O)/plugins/%.so),$(plugindir))
	$(call put,644,include/gavea/plugin.h,$(includedir)/gavea)
	$(call put,644,$(O)/gavea.pc,$(pkgconfigdir))
	$(call put,644,$(wildcard packaging/gavea.conf),$(sysconfdir)/gavea)
	$(call put,644,$(wildcard conf.d/*.conf),$(sysconfdir)/gavea/conf.d)
	$(call put,640,$(wildcard packaging/gavea-fleet.conf),$(sysconfdir)/gavea-fleet)
	$(call put,644,$(wildcard packaging/systemd/*.service packaging/systemd/*.timer),$(unitdir))
	$(call put,644,$(wildcard packaging/sysusers.d/*.conf),$(sysusersdir))
	$(call put,644,$(wildcard packaging/tmpfiles.d/*.conf),$(tmpfilesdir))
	$(call put,644,$(wildcard packaging/template/*),$(datadir)/gavea/template)
	$(call put,644,plugins/secret/rules/provider.rules,$(datadir)/gavea/secret)
	$(call put,644,packaging/completions/gavea,$(completionsdir))
	$(call put,644,$(PLUGIN_PAGES),$(mandir)/man7)
	$(foreach s,1 3 5 7 8,$(call put,644,$(wildcard docs/man/*.$(s)),$(mandir)/man$(s))$(newline))
.PHONY: install

define newline


endef

# What a plugin outside this tree needs to know: pkg-config --variable=plugindir gavea
$(O)/gavea.pc: $(O)/flags Makefile tools/install.mk include/gavea/plugin.h
	$(Q)printf '%s\n' 'prefix=$(prefix)' 'includedir=$(includedir)' 'plugindir=$(plugindir)' \
		'abi=$(ABI_MAJOR).$(ABI_MINOR)' '' 'Name: gavea' \
		'Description: interface of plugins for the gavea operations agent' 'Version: $(VERSION)' \
		'Cflags: -I$${includedir}' >$@

DEB_TREE := build/deb/gavea-$(VERSION)
deb:
	rm -rf build/deb
	mkdir -p $(DEB_TREE)
	if [ -e .git ]; then git ls-files -co --exclude-standard; \
		else find . -path ./build -prune -o -type f -print; fi | \
		while read -r f; do [ ! -e "$$f" ] || printf '%s\0' "$$f"; done | \
		tar -c --null -T - | tar -x -C $(DEB_TREE)
	cd $(DEB_TREE) && dpkg-buildpackage -us -uc -b -rfakeroot -j2
	@ls build/deb/*.deb
.PHONY: deb
