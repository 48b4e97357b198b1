/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/attributes.h"
#include "core/worker/text.h"

#include <assert.h>
#include <errno.h>

/* What protoc-c makes of every map<string, string>. */
struct entry {
	ProtobufCMessage base;
	char *key;
	char *value;
};

static struct entry *find(const struct attributes *attributes, const char *name)
{
	for (size_t i = 0; i < attributes->count; i++) {
		struct entry *entry = attributes->list[i];

		if (streq(entry->key, name))
			return entry;
	}
	return NULL;
}

static int make_room(struct attributes *attributes, struct arena *arena)
{
	size_t room = attributes->room ? attributes->room * 2 : 4;
	void **list;

	if (attributes->count < attributes->room)
		return 0;
	if (attributes->count == ATTRIBUTES_MAX)
		return -E2BIG;
	list = arena_alloc(arena, room * sizeof *list);
	if (!list)
		return -ENOMEM;
	if (attributes->count)
		memcpy(list, attributes->list, attributes->count * sizeof *list);
	attributes->list = list;
	attributes->room = room;
	return 0;
}

long attributes_set(struct attributes *attributes, struct arena *arena,
	const ProtobufCMessageDescriptor *entry_type, const char *name, const char *value)
{
	struct entry *entry;
	char *key, *copy;
	size_t size;
	int r;

	assert(entry_type->sizeof_message == sizeof *entry);
	if (!name || !*name)
		return -EINVAL;
	if (attributes->bytes >= ATTRIBUTES_BYTES)
		return -E2BIG;
	key = text_copy(arena, name, TEXT_NAME_MAX, true);
	copy = text_copy(arena, value, TEXT_VALUE_MAX, false);
	if (!key || !copy)
		return -ENOMEM;
	size = strlen(key) + strlen(copy) + 16;
	entry = find(attributes, key);
	if (!entry) {
		r = make_room(attributes, arena);
		if (r < 0)
			return r;
		entry = arena_alloc(arena, sizeof *entry);
		if (!entry)
			return -ENOMEM;
		protobuf_c_message_init(entry_type, entry);
		entry->key = key;
		attributes->list[attributes->count++] = entry;
	}
	entry->value = copy;
	attributes->bytes += size;
	return (long)size;
}
