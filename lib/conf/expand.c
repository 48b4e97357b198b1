/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "conf/internal.h"

#include <errno.h>
#include <stdio.h>

/* How much of a reference an error shows. */
#define SHOWN 128

/* A string with everything filled in. */
#define LONGEST ((size_t)16 * CONF_REFERENCE_MAX)

/* Like buf_add(), but leaves no copy of a secret behind in memory that was too small. */
static void add_secret(struct buf *out, const char *bytes, size_t size)
{
	if (out->size + size + 1 > out->room) {
		struct buf bigger = BUF_INIT;

		if (out->size + size > LONGEST)
			out->error = -E2BIG;
		else if (!buf_extend(&bigger, (out->size + size) * 2))
			out->error = -ENOMEM;
		if (out->error)
			return;
		buf_add(&bigger, out->data, out->size);
		if (out->data)
			explicit_bzero(out->data, out->size);
		buf_done(out);
		*out = bigger;
	}
	buf_add(out, bytes, size);
}

static void wipe_buf(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->size);
	buf_done(buf);
}

static int add_file(const char *path, struct buf *out, struct error *error)
{
	_cleanup_(wipe_buf) struct buf content = BUF_INIT;
	char buffer[64];
	int r = conf_slurp(path, CONF_REFERENCE_MAX, &content);

	if (r < 0)
		return error_set(error, -EINVAL, "%s", conf_slurp_text(r, CONF_REFERENCE_MAX, buffer));
	if (content.size && content.data[content.size - 1] == '\n')
		content.size--;
	if (content.size && content.data[content.size - 1] == '\r')
		content.size--;
	add_secret(out, buf_str(&content), content.size);
	return 0;
}

static int add_env(const char *name, struct buf *out, struct error *error)
{
	const char *value = *name && !strchr(name, '=') ? getenv(name) : NULL;

	if (!value)
		return error_set(error, -EINVAL, "this variable is not set");
	add_secret(out, value, strlen(value));
	return 0;
}

static int add_credential(const char *name, struct buf *out, struct error *error)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	_cleanup_free_ char *path = NULL;

	if (!*name || *name == '.' || strchr(name, '/'))
		return error_set(error, -EINVAL, "is no name of a credential");
	if (str_empty(folder))
		return error_set(error, -EINVAL,
			"there are no credentials: CREDENTIALS_DIRECTORY is not set (LoadCredential= in the "
			"unit does that)");
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return error_set(error, -EINVAL, "out of memory");
	}
	return add_file(path, out, error);
}

/* One reference, without "${" and "}". */
static int add_reference(const char *reference, struct buf *out, struct error *error)
{
	const char *name;

	if ((name = startswith(reference, "env:")))
		return add_env(name, out, error);
	if ((name = startswith(reference, "credential:")))
		return add_credential(name, out, error);
	name = startswith(reference, "file:");
	if (!name)
		return error_set(error, -EINVAL,
			"there are ${env:NAME}, ${file:PATH} and ${credential:NAME} only; a literal ${ is "
			"written $${");
	if (*name != '/')
		return error_set(error, -EINVAL, "the path must begin with a slash");
	return add_file(name, out, error);
}

static int judge_content(const char *bytes, size_t size, bool binary, struct error *error)
{
	if (binary)
		return 0;
	if (size && memchr(bytes, 0, size))
		return error_set(error, -EINVAL, "has a NUL byte in it");
	if (!utf8_valid(bytes, size))
		return error_set(error, -EINVAL, "is not valid UTF-8");
	return 0;
}

static int expand_one(
	const char *start, const char **ret_end, bool binary, struct buf *out, struct error *error)
{
	const char *end = strchr(start, '}');
	_cleanup_free_ char *reference = NULL;
	size_t before = out->size;
	int r;

	if (!end)
		return error_set(error, -EINVAL, "a ${ has no } after it; a literal ${ is written $${");
	reference = strndup(start + 2, (size_t)(end - start - 2));
	if (!reference)
		return error_set(error, -EINVAL, "out of memory");
	r = add_reference(reference, out, error);
	if (r == 0)
		r = judge_content(out->data ? out->data + before : "", out->size - before, binary, error);
	if (r < 0) {
		error_prefix(error, "${%.*s}", SHOWN, reference);
		return r;
	}
	*ret_end = end + 1;
	return 0;
}

bool conf_has_reference(const char *text)
{
	return strstr(text, "${") != NULL;
}

int conf_expand(const char *text, bool binary, char **ret_text, size_t *ret_size, struct error *error)
{
	_cleanup_(wipe_buf) struct buf out = BUF_INIT;

	while (*text) {
		const char *next = strstr(text, "${");
		size_t length = next ? (size_t)(next - text) : strlen(text);

		if (!next || (length && text[length - 1] == '$')) {
			/* "$${": one dollar less, and the brace as it is. */
			add_secret(&out, text, length);
			text += length;
			if (next) {
				add_secret(&out, "{", 1);
				text += 2;
			}
			continue;
		}
		add_secret(&out, text, length);
		if (expand_one(next, &text, binary, &out, error) < 0)
			return -EINVAL;
	}
	add_secret(&out, "", 0);
	if (buf_error(&out))
		return error_set(error, -EINVAL, buf_error(&out) == -E2BIG ? "too long" : "out of memory");
	*ret_size = out.size;
	*ret_text = TAKE_PTR(out.data);
	return 0;
}
