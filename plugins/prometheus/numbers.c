/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

#include "base/util.h"

#include <errno.h>

#define ROOM_MIN 256u

void numbers_done(struct numbers *numbers)
{
	free(numbers->things);
	*numbers = (struct numbers){.things = NULL};
}

void numbers_reset(struct numbers *numbers)
{
	if (numbers->room > 0)
		memset(numbers->things, 0, numbers->room * sizeof(void *));
}

void *numbers_get(const struct numbers *numbers, uint32_t number)
{
	return number > 0 && number <= numbers->room ? numbers->things[number - 1] : NULL;
}

static int grow(struct numbers *numbers, uint32_t number)
{
	size_t room = MAX(numbers->room, ROOM_MIN);
	void **things;

	while (room < number)
		room *= 2;
	things = reallocarray(numbers->things, room, sizeof(void *));
	if (!things)
		return -ENOMEM;
	memset(things + numbers->room, 0, (room - numbers->room) * sizeof(void *));
	numbers->things = things;
	numbers->room = room;
	return 0;
}

int numbers_set(struct numbers *numbers, uint32_t number, void *thing)
{
	int r = number == 0 || number > NUMBERS_MAX ? -EBADMSG : 0;

	if (r == 0 && number > numbers->room)
		r = grow(numbers, number);
	if (r == 0)
		numbers->things[number - 1] = thing;
	return r;
}

void numbers_forget(struct numbers *numbers, bool (*ends)(const void *thing))
{
	for (size_t i = 0; i < numbers->room; i++)
		if (numbers->things[i] && ends(numbers->things[i]))
			numbers->things[i] = NULL;
}
