/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "base/utf8.h"

static void make_text(struct buf *text)
{
	for (size_t i = 0; i < text->size; i++)
		if (text->data[i] == '\0')
			text->data[i] = ' ';
	utf8_repair(text->data, text->size);
}

static char *trim(char *text)
{
	size_t size;

	text += strspn(text, " \t\r\n");
	size = strlen(text);
	while (size && strchr(" \t\r\n", text[size - 1]))
		text[--size] = '\0';
	return text;
}

/* Cuts the text at its first "|" and keeps what stands behind it. */
static void cut_perfdata(char *text, struct buf *perfdata)
{
	char *bar = strchr(text, '|');

	if (!bar)
		return;
	*bar++ = '\0';
	if (perfdata->size)
		buf_add_char(perfdata, ' ');
	for (char *c = bar; *c; c++)
		if (strchr("\r\n\t", *c))
			*c = ' ';
	buf_add_str(perfdata, bar);
}

int output_split(struct buf *text, struct output *output)
{
	char *line, *rest;

	buf_reset(&output->perfdata);
	buf_add_str(text, ""); /* so that there is a text */
	if (buf_error(text) < 0)
		return buf_error(text);
	make_text(text);
	line = text->data + strspn(text->data, " \t\r\n");
	rest = line + strcspn(line, "\n");
	if (*rest)
		*rest++ = '\0';
	cut_perfdata(line, &output->perfdata);
	cut_perfdata(rest, &output->perfdata);
	output->summary = trim(line);
	output->text = trim(rest);
	return buf_error(&output->perfdata);
}

void output_done(struct output *output)
{
	buf_done(&output->perfdata);
}
