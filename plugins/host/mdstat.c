/* SPDX-License-Identifier: Apache-2.0 */
#include "mdstat.h"

#include "scan.h"

#include "base/util.h"

#include <errno.h>

/* The first place of word in a line, or NULL. */
static const char *in_line(const char *line, const char *word)
{
	return memmem(line, strcspn(line, "\n"), word, strlen(word));
}

static double count_in_line(const char *line, const char *word)
{
	double count = 0;

	while ((line = in_line(line, word))) {
		line += strlen(word);
		count++;
	}
	return count;
}

/* Behind the size: "[3/2] [UU_]" are the disks required and active. */
static int disks_parse(const char *line, struct md_array *array)
{
	for (const char *p = line; (p = in_line(p, "[")); p++) {
		uint64_t required, active;
		const char *q = scan_u64(p + 1, &required);

		if (!q || *q != '/' || !(q = scan_u64(q + 1, &active)) || *q != ']')
			continue;
		array->required = (double)required;
		array->active = (double)active;
		array->degraded = active < required;
		return 0;
	}
	return -EBADMSG;
}

/* "recovery =  8.5% (16775552/195310144)", "resync=PENDING" */
static int sync_parse(const char *line, struct md_array *array)
{
	const char *p;
	uint64_t synced;

	if (in_line(line, "recovery"))
		array->state = MD_RECOVERING;
	else if (in_line(line, "check"))
		array->state = MD_CHECK;
	else if (in_line(line, "resync"))
		array->state = MD_RESYNC;
	else
		return 0;
	array->synced = 0;
	if (in_line(line, "PENDING") || in_line(line, "DELAYED") || in_line(line, "REMOTE"))
		return 0;
	p = in_line(line, "(");
	if (!p || !scan_u64(p + 1, &synced))
		return -EBADMSG;
	array->synced = (double)synced;
	return 0;
}

/* The line below the name: "195310144 blocks super 1.2 level 5 …". */
static int size_parse(const char *line, const char *head, struct md_array *array)
{
	uint64_t blocks;

	if (!scan_u64(line, &blocks))
		return -EBADMSG;
	array->blocks = array->synced = (double)blocks;
	if (array->state == MD_INACTIVE)
		return 0;
	if (in_line(head, " raid0 ") || in_line(head, " linear ")) {
		array->active = array->required = count_in_line(head, "[");
		return 0;
	}
	return disks_parse(line, array);
}

int md_next(const char **line, struct md_array *ret_array)
{
	const char *head = *line;
	size_t size;
	int r;

	while (head && (!startswith(head, "md") || !in_line(head, " : ")))
		head = scan_line(head);
	*line = head;
	if (!head)
		return 0;
	*ret_array = (struct md_array){.name = scan_word(head, &size)};
	ret_array->name_size = size;
	ret_array->failed = count_in_line(head, "(F)");
	ret_array->spare = count_in_line(head, "(S)");
	ret_array->state = in_line(head, " inactive ") ? MD_INACTIVE : MD_ACTIVE;
	*line = scan_line(head);
	r = *line ? size_parse(*line, head, ret_array) : -EBADMSG;
	for (*line = *line ? scan_line(*line) : NULL; r == 0 && *line && (**line == ' ' || **line == '\t');
		*line = scan_line(*line))
		r = sync_parse(*line, ret_array);
	return r < 0 ? r : 1;
}
