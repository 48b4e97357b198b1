/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that everything uses: cleanup attributes, ownership transfer, sizes. */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Yields the pointer and leaves NULL behind: ownership goes to the caller. */
#define TAKE_PTR(pointer) \
	({ \
		__typeof__(pointer) *take_ = &(pointer); \
		__typeof__(pointer) taken_ = *take_; \
		*take_ = NULL; \
		taken_; \
	})

/* Yields the descriptor and leaves -EBADF behind. */
#define TAKE_FD(fd) \
	({ \
		int *take_ = &(fd); \
		int taken_ = *take_; \
		*take_ = -EBADF; \
		taken_; \
	})

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(at, first) __attribute__((format(printf, at, first)))
#define _unused_ __attribute__((unused))
#define _nodiscard_ __attribute__((warn_unused_result))

/* Defines `static void NAMEp(type **p)` for _cleanup_(NAMEp). */
#define DEFINE_CLEANUP(type, name) \
	static inline void name##p(__typeof__(type) *pointer) \
	{ \
		if (*pointer) \
			name(*pointer); \
	} \
	struct cleanup_##name##_semicolon

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}
#define _cleanup_free_ _cleanup_(freep)

static inline int streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The text after prefix, or NULL when text does not begin with it. */
static inline const char *startswith(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static inline int str_empty(const char *text)
{
	return !text || !*text;
}

/* Grows an array for one more element, doubling its room. Returns 0 or -ENOMEM; on failure nothing has
 * changed. */
#define GROW(array, count, room) \
	((count) < (room) ? 0 : grow_array((void **)&(array), &(room), sizeof(*(array))))

int grow_array(void **array, size_t *room, size_t size);

#endif
