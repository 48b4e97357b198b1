/* SPDX-License-Identifier: Apache-2.0 */
#include "assertion.h"
#include "cluster.h"
#include "tool.h"

#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX (64u << 20)
#define WORDS_MAX 32

static bool leads_out(const char *path)
{
	return startswith(path, "../") || strstr(path, "/../") || streq(path, "..");
}

static int judge_exists(struct scratch *scratch, const char *path, struct error *error)
{
	char full[8500];
	struct stat st;

	if (leads_out(path))
		return error_set(error, -EINVAL, "exists %s: leads out of the backup", path);
	snprintf(full, sizeof(full), "%s/%s", scratch->data, path);
	if (lstat(full, &st) == 0)
		return 0;
	return error_set(error, errno == ENOENT || errno == ENOTDIR ? -EBADMSG : -errno,
		"%s is not there after the restore%s%s", path, errno == ENOENT ? "" : ": ",
		errno == ENOENT ? "" : strerror(errno));
}

/* ---- A manifest as sha256sum(1) writes it ---- */

static int hash_file(struct scratch *scratch, const char *path, char hex[static 65])
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *buffer = malloc(1 << 18);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	ssize_t n = fd < 0 ? -errno : 1;
	struct stat st;

	if (n > 0 && (!buffer || !context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1))
		n = -ENOMEM;
	if (n > 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		n = -EINVAL;
	while (n > 0) {
		n = scratch_stop(scratch) ? -ECANCELED : fd_read_full(fd, buffer, 1 << 18);
		if (n > 0 && EVP_DigestUpdate(context, buffer, (size_t)n) != 1)
			n = -ENOMEM;
	}
	if (n == 0 && EVP_DigestFinal_ex(context, digest, NULL) != 1)
		n = -ENOMEM;
	for (int i = 0; n == 0 && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	EVP_MD_CTX_free(context);
	return (int)n;
}

const char *manifest_read_line(const char *line)
{
	size_t n = strspn(line, "0123456789abcdefABCDEF");

	if (n != 64 || line[64] != ' ' || (line[65] != ' ' && line[65] != '*') || !line[66] ||
		leads_out(line + 66))
		return NULL;
	return line + 66;
}

static int judge_line(struct scratch *scratch, const char *line, struct error *error)
{
	const char *path = manifest_read_line(line);
	char full[8500], hex[65];
	int r;

	if (!path)
		return error_set(error, -EINVAL, "sha256: \"%.100s\" is not a line of sha256sum", line);
	snprintf(full, sizeof(full), "%s/%s", scratch->data, path);
	r = hash_file(scratch, full, hex);
	if (r == -ENOENT || r == -ENOTDIR)
		return error_set(error, -EBADMSG, "%s of the manifest is not there after the restore", path);
	if (r < 0)
		return error_set(error, r, "sha256: cannot read %s: %s", path, strerror(-r));
	return strncasecmp(hex, line, 64) == 0
		? 0
		: error_set(error, -EBADMSG, "%s is not what the manifest says", path);
}

static int judge_manifest(struct scratch *scratch, const char *manifest, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char full[8500], *rest = NULL;
	size_t count = 0;
	int r;

	if (manifest[0] != '/' && leads_out(manifest))
		return error_set(error, -EINVAL, "sha256 %s: leads out of the backup", manifest);
	snprintf(full, sizeof(full), "%s%s%s", manifest[0] == '/' ? "" : scratch->data,
		manifest[0] == '/' ? "" : "/", manifest);
	r = file_read(AT_FDCWD, full, MANIFEST_MAX, &text);
	if (r < 0)
		return error_set(error, r == -ENOENT && manifest[0] != '/' ? -EBADMSG : r,
			"sha256: cannot read the manifest %s: %s", manifest, strerror(-r));
	for (char *line = text.size ? strtok_r(text.data, "\n", &rest) : NULL; r == 0 && line;
		line = strtok_r(NULL, "\n", &rest), count++)
		r = judge_line(scratch, line, error);
	if (r == 0 && count == 0)
		r = error_set(error, -EBADMSG, "the manifest %s is empty", manifest);
	return r;
}

static int judge_program(struct scratch *scratch, const char *command, struct error *error)
{
	_cleanup_free_ char *text = strdup(command);
	_cleanup_tool_ struct tool tool = {0};
	char *rest = NULL;
	int r, count = 0;

	if (!text)
		return error_set(error, -ENOMEM, "out of memory");
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (count++ == 0)
			tool_init(&tool, scratch->context, word);
		else
			tool_add(&tool, word);
	}
	if (count == 0)
		return error_set(error, -EINVAL, "run: names no program");
	tool.directory = scratch->data;
	tool.stop = scratch_stop;
	tool.userdata = scratch;
	r = tool_run(&tool);
	if (r < 0)
		return error_set(error, r, "run %s: %s", command, error_text(&tool.error, r));
	if (tool.result.code == 0)
		return 0;
	return error_set(error, -EBADMSG, "%s exited with status %d: %s", command, tool.result.code,
		tool_complaint(&tool));
}

int assertion_judge(struct scratch *scratch, const char *assertion, struct error *error)
{
	const char *rest;

	if ((rest = startswith(assertion, "exists ")))
		return judge_exists(scratch, rest, error);
	if ((rest = startswith(assertion, "sha256 ")))
		return judge_manifest(scratch, rest, error);
	if ((rest = startswith(assertion, "query ")))
		return cluster_query(scratch, rest, error);
	if ((rest = startswith(assertion, "run ")))
		return judge_program(scratch, rest, error);
	return error_set(error, -EINVAL, "\"%s\" is no assertion", assertion);
}
