/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/loader.h"
#include "base/fd.h"
#include "core/worker/plugin_check.h"

#include <assert.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <unistd.h>

/* What the structures had when the ABI began: no plugin's are shorter. */
#define PLUGIN_SIZE_LEAST (offsetof(struct gavea_plugin, commands) + sizeof(const char *const *))
#define NEEDS_SIZE_LEAST (offsetof(struct gavea_needs, write_paths) + sizeof(const char *const *))
#define SIZE_MOST 65536

/* Our own ELF header, which the linker puts here: the plugin's must fit it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "arm";
	case EM_RISCV:
		return "riscv";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390x";
	default:
		return "another machine";
	}
}

/* e_type and e_machine stand at the same place in headers of either class. */
static int check_elf(const char *path, struct error *error)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const ElfW(Ehdr) *own = &__ehdr_start;
	ElfW(Ehdr) header;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return error_set(
			error, -ENOENT, "%s: there is no such file: install the plugin's package", path);
	if (fd < 0)
		return error_set(error, -errno, "%s: cannot open it: %s", path, strerror(errno));
	n = fd_read_full(fd, &header, sizeof header);
	if (n < 0)
		return error_set(error, (int)n, "%s: cannot read it: %s", path, strerror((int)-n));
	if (n < (ssize_t)sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return error_set(error, -ENOEXEC,
			"%s: not a shared object: build it with -shared -fPIC, or install the package again",
			path);
	if (header.e_ident[EI_DATA] != own->e_ident[EI_DATA])
		return error_set(
			error, -ENOEXEC, "%s: built for the other byte order: rebuild it here", path);
	if (header.e_machine != own->e_machine || header.e_ident[EI_CLASS] != own->e_ident[EI_CLASS])
		return error_set(error, -ENOEXEC, "%s: built for %s, this machine is %s: rebuild it here",
			path, machine_name(header.e_machine), machine_name(own->e_machine));
	if (header.e_type != ET_DYN)
		return error_set(error, -ENOEXEC,
			"%s: an ELF file, but not a shared object: link it with -shared", path);
	return 0;
}

static int open_plugin(const char *path, const struct gavea_plugin **ret_plugin, struct error *error)
{
	const struct gavea_plugin *plugin;
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct gavea_plugin *(*describe)(void);
	const char *problem;

	if (!object) {
		problem = dlerror();
		return error_set(error, -ENOEXEC,
			"%s: cannot be loaded: %s: install the library that is missing, or rebuild the "
			"plugin here",
			path, problem ? problem : "no reason given");
	}
	*(void **)&describe = dlsym(object, "gavea_plugin");
	if (!describe)
		return error_set(error, -ENOEXEC,
			"%s: exports no function gavea_plugin(): define it as in gavea/plugin.h, with "
			"GAVEA_EXPORT",
			path);
	plugin = describe();
	if (!plugin)
		return error_set(error, -ENOEXEC,
			"%s: gavea_plugin() returned NULL: it has to return a description", path);
	*ret_plugin = plugin;
	return 0;
}

/* Judges the four numbers before which nothing else is read. */
static int check_abi(const struct gavea_plugin *plugin, const char *path, struct error *error)
{
	if (plugin->magic != GAVEA_PLUGIN_MAGIC)
		return error_set(error, -ENOEXEC,
			"%s: wrong magic number 0x%08x: not a gavea plugin, or set it to GAVEA_PLUGIN_MAGIC",
			path, plugin->magic);
	if (plugin->abi_major > GAVEA_ABI_MAJOR)
		return error_set(error, -ENOEXEC,
			"%s: built for plugin ABI %u, this gavea speaks %u: upgrade gavea or rebuild the "
			"plugin",
			path, plugin->abi_major, GAVEA_ABI_MAJOR);
	if (plugin->abi_major < GAVEA_ABI_MAJOR)
		return error_set(error, -ENOEXEC,
			"%s: built for plugin ABI %u, this gavea speaks %u: rebuild the plugin", path,
			plugin->abi_major, GAVEA_ABI_MAJOR);
	/* A later minor version has only added at the ends: what we know of it is where we expect it. */
	if (plugin->size < PLUGIN_SIZE_LEAST || plugin->size > SIZE_MOST)
		return error_set(error, -ENOEXEC,
			"%s: its description has %u bytes where ABI %u.%u has %zu: "
			"set size to sizeof(struct gavea_plugin) and rebuild the plugin",
			path, plugin->size, plugin->abi_major, plugin->abi_minor, PLUGIN_SIZE_LEAST);
	return 0;
}

static int copy_needs(struct plugin *plugin, const char *path, struct error *error)
{
	const struct gavea_needs *needs = plugin->description.needs;

	if (!needs)
		return 0;
	if (needs->size < NEEDS_SIZE_LEAST || needs->size > SIZE_MOST)
		return error_set(error, -ENOEXEC,
			"%s: its needs have %u bytes where this ABI has %zu: set size to sizeof(struct "
			"gavea_needs)",
			path, needs->size, NEEDS_SIZE_LEAST);
	memcpy(&plugin->needs, needs, MIN(sizeof plugin->needs, (size_t)needs->size));
	plugin->description.needs = &plugin->needs;
	return 0;
}

static int check_name(const char *name, const char *path, const char *found, struct error *error)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	_cleanup_free_ char *expected = NULL;

	if (asprintf(&expected, "%s.so", found) < 0)
		return -ENOMEM;
	if (!streq(file, expected))
		return error_set(error, -EINVAL,
			"%s: calls itself \"%s\": rename the file to %s, or change the plugin's name", path,
			found, expected);
	if (!streq(found, name))
		return error_set(error, -EINVAL, "%s: is the plugin \"%s\", but \"%s\" was asked for", path,
			found, name);
	return 0;
}

/* NAME beside NAME.so: which of them is the plugin is not for us to guess. */
static int check_alone(const char *path, struct error *error)
{
	_cleanup_free_ char *program = strdup(path);
	size_t length = strlen(path);

	if (!program)
		return -ENOMEM;
	if (length > 3 && streq(program + length - 3, ".so"))
		program[length - 3] = 0;
	if (!streq(program, path) && access(program, F_OK) == 0)
		return error_set(error, -EEXIST,
			"%s: the same plugin is there as a program, %s: remove one of both", path, program);
	return 0;
}

int loader_load(
	const char *name, const char *path, bool describe, struct plugin *ret_plugin, struct error *error)
{
	const struct gavea_plugin *found = NULL;
	int r = check_alone(path, error);

	(void)describe;
	if (r == 0)
		r = check_elf(path, error);
	if (r == 0)
		r = open_plugin(path, &found, error);
	if (r < 0)
		return r;
	assert(found);
	r = check_abi(found, path, error);
	if (r < 0)
		return r;
	*ret_plugin = (struct plugin){.description = {.magic = 0}};
	memcpy(&ret_plugin->description, found, MIN(sizeof ret_plugin->description, (size_t)found->size));
	r = copy_needs(ret_plugin, path, error);
	if (r < 0)
		return r;
	r = plugin_check(&ret_plugin->description, error);
	if (r < 0) {
		error_prefix(error, "%s", path);
		return r;
	}
	return check_name(name, path, ret_plugin->description.name, error);
}

static size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static void fill_needs(const struct gavea_needs *needs, Gavea__Worker__V1__Rights *rights)
{
	rights->concurrency = needs && needs->concurrency ? needs->concurrency : 1;
	rights->memory = needs && needs->memory ? needs->memory : UINT64_C(64) << 20;
	rights->open_files = needs && needs->open_files ? needs->open_files : 256;
	if (!needs)
		return;
	rights->network = needs->network;
	rights->exec = needs->exec != 0;
	rights->stays = needs->stays != 0;
	rights->capabilities = (char **)needs->capabilities;
	rights->n_capabilities = list_length(needs->capabilities);
	rights->read_paths = (char **)needs->read_paths;
	rights->n_read_paths = list_length(needs->read_paths);
	rights->write_paths = (char **)needs->write_paths;
	rights->n_write_paths = list_length(needs->write_paths);
}

static void fill_option(const struct gavea_option *option, Gavea__Worker__V1__Option *message)
{
	*message = (Gavea__Worker__V1__Option)GAVEA__WORKER__V1__OPTION__INIT;
	message->key = (char *)option->key;
	message->type = option->type;
	message->flags = option->flags;
	message->doc = (char *)option->doc;
	if (option->default_value)
		message->default_value = (char *)option->default_value;
	if (option->range)
		message->range = (char *)option->range;
}

/* The message and what it points to; the message comes first, so that a pointer to it is one to all. */
struct hello {
	Gavea__Worker__V1__Hello message;
	Gavea__Worker__V1__Rights needs;
	Gavea__Worker__V1__Option *options;
	Gavea__Worker__V1__Option **list;
};

Gavea__Worker__V1__Hello *loader_hello(const struct plugin *plugin, char **sandbox, size_t count)
{
	const struct gavea_plugin *d = &plugin->description;
	struct hello *hello = calloc(1, sizeof *hello);

	if (!hello)
		return NULL;
	hello->options = calloc(MAX(d->option_count, 1u), sizeof *hello->options);
	hello->list = calloc(MAX(d->option_count, 1u), sizeof *hello->list);
	hello->message = (Gavea__Worker__V1__Hello)GAVEA__WORKER__V1__HELLO__INIT;
	hello->needs = (Gavea__Worker__V1__Rights)GAVEA__WORKER__V1__RIGHTS__INIT;
	if (!hello->options || !hello->list) {
		loader_hello_free(&hello->message);
		return NULL;
	}
	for (size_t i = 0; i < d->option_count; i++) {
		struct gavea_option option = plugin_option(d, i);

		fill_option(&option, &hello->options[i]);
		hello->list[i] = &hello->options[i];
	}
	hello->message.name = (char *)d->name;
	hello->message.version = (char *)d->version;
	hello->message.summary = (char *)d->summary;
	hello->message.abi_major = d->abi_major;
	hello->message.abi_minor = d->abi_minor;
	hello->message.options = hello->list;
	hello->message.n_options = d->option_count;
	fill_needs(d->needs, &hello->needs);
	hello->message.needs = &hello->needs;
	hello->message.runs = d->run != NULL;
	hello->message.delivers = d->deliver != NULL;
	hello->message.commands = (char **)d->commands;
	hello->message.n_commands = list_length(d->commands);
	hello->message.sandbox = sandbox;
	hello->message.n_sandbox = count;
	return &hello->message;
}

void loader_hello_free(Gavea__Worker__V1__Hello *hello)
{
	struct hello *whole = (struct hello *)hello;

	if (!whole)
		return;
	free(whole->options);
	free(whole->list);
	free(whole);
}
