/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"
#include "tool.h"

#include "base/fd.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIN "/usr/lib/postgresql/%s/bin"

struct cluster {
	struct scratch *scratch;
	char bin[128];
	char data[4300];
	const char *database;
};

/* Programs of this cluster's version. */
static void prepare(struct cluster *cluster, struct tool *tool, char path[static 200], const char *name)
{
	snprintf(path, 200, "%s/%s", cluster->bin, name);
	tool_init(tool, cluster->scratch->context, path);
	tool_set(tool, "PGHOST=%s", cluster->scratch->run);
	tool_set(tool, "PGUSER=postgres");
	tool_set(tool, "PGPASSFILE=/dev/null");
	tool_set(tool, "PGCONNECT_TIMEOUT=30");
	/* For the restore_command that pgbackrest wrote into the data directory. */
	if (cluster->scratch->context->settings->config)
		tool_set(tool, "PGBACKREST_CONFIG=%s", cluster->scratch->context->settings->config);
	tool_set(tool, "PGBACKREST_LOG_LEVEL_FILE=off");
	tool_set(tool, "PGBACKREST_LOCK_PATH=%s", cluster->scratch->run);
}

static int run(struct tool *tool, const char *what, struct error *error)
{
	int r = tool_run(tool);

	if (r < 0)
		return error_set(error, r, "%s: %s", what, error_text(&tool->error, r));
	return tool->result.code ? error_set(error, -EBADMSG, "%s: %s", what, tool_complaint(tool)) : 0;
}

static int newest_version(char version[static 16])
{
	glob_t found = {0};
	int64_t best = 0, number;

	if (glob("/usr/lib/postgresql/*/bin/initdb", GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char text[16] = "";

			if (sscanf(found.gl_pathv[i], "/usr/lib/postgresql/%15[0-9]/", text) == 1 &&
				parse_int64(text, &number) == 0)
				best = MAX(best, number);
		}
	globfree(&found);
	snprintf(version, 16, "%u", (unsigned)MIN(best, INT64_C(9999)));
	return best ? 0 : -ENOENT;
}

/* Whether the restored folder is a data directory; version gets which. */
static bool is_data_directory(const char *folder, char version[static 16])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[4300];

	snprintf(path, sizeof(path), "%s/PG_VERSION", folder);
	if (file_read(AT_FDCWD, path, 15, &text) < 0)
		return false;
	snprintf(version, 16, "%.*s", (int)strspn(buf_str(&text), "0123456789."), buf_str(&text));
	return *version;
}

static int make_new(struct cluster *cluster, struct error *error)
{
	_cleanup_tool_ struct tool tool = {0};
	char path[200];

	prepare(cluster, &tool, path, "initdb");
	tool_add(&tool, "-D");
	tool_add(&tool, cluster->data);
	tool_add(&tool, "-U");
	tool_add(&tool, "postgres");
	tool_add(&tool, "-A");
	tool_add(&tool, "peer");
	tool_add(&tool, "-N");
	tool_add(&tool, "-E");
	tool_add(&tool, "UTF8");
	return run(&tool, "cannot make a temporary PostgreSQL", error);
}

/* The socket lies in a folder of mode 0700, and who can reach it may do all. */
static int write_access(struct scratch *scratch, struct error *error)
{
	char path[4300];
	_cleanup_fd_ int fd = -EBADF;
	int r;

	snprintf(path, sizeof(path), "%s/hba", scratch->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	r = fd < 0 ? -errno : fd_write_full(fd, "local all all trust\n", 20);
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	return r < 0 ? error_set(error, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int start(struct cluster *cluster, struct error *error)
{
	struct scratch *scratch = cluster->scratch;
	_cleanup_free_ char *options = NULL;
	_cleanup_tool_ struct tool tool = {0};
	char path[200], link[4300], log[4300];
	int r = write_access(scratch, error);

	if (r < 0)
		return r;
	prepare(cluster, &tool, path, "pg_ctl");
	snprintf(link, sizeof(link), "%s/pg_ctl", scratch->path);
	if (symlink(path, link) < 0 && errno != EEXIST)
		return error_set(error, -errno, "cannot write %s: %s", link, strerror(errno));
	snprintf(log, sizeof(log), "%s/log", scratch->run);
	/* A configuration file of the original may lie elsewhere, or name what is not here: /dev/null takes its place. */
	if (asprintf(&options,
		    "-c config_file=/dev/null -c data_directory=%s -c hba_file=%s/hba -c "
		    "ident_file=/dev/null "
		    "-c listen_addresses= -c unix_socket_directories=%s -c hot_standby=off -c fsync=off -c "
		    "archive_mode=off "
		    "-c max_connections=20 -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap -c "
		    "jit=off "
		    "-c shared_preload_libraries= -c ssl=off -c huge_pages=off -c autovacuum=off",
		    cluster->data, scratch->path, scratch->run) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	tool_add(&tool, "-D");
	tool_add(&tool, cluster->data);
	tool_add(&tool, "-l");
	tool_add(&tool, log);
	tool_add(&tool, "-t");
	tool_add(&tool, "86400"); /* our own deadline comes first */
	tool_add(&tool, "-w");
	tool_add(&tool, "-o");
	tool_add(&tool, options);
	tool_add(&tool, "start");
	r = run(&tool, "PostgreSQL does not come up from what was restored", error);
	if (r == -EBADMSG) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		char *found;

		if (file_read(AT_FDCWD, log, 1 << 20, &text) == 0 &&
			(found = strcasestr(buf_str(&text), "could not")
					? strcasestr(buf_str(&text), "could not")
					: strstr(buf_str(&text), "FATAL")))
			return error_set(error, r, "PostgreSQL does not come up from what was restored: %.*s",
				(int)MIN(strcspn(found, "\n"), (size_t)300), found);
	}
	return r;
}

static void stop(struct cluster *cluster)
{
	_cleanup_tool_ struct tool tool = {0};
	char path[200];

	prepare(cluster, &tool, path, "pg_ctl");
	tool.tidies = true;
	tool_add(&tool, "-D");
	tool_add(&tool, cluster->data);
	tool_add(&tool, "-w");
	tool_add(&tool, "-m");
	tool_add(&tool, "immediate");
	tool_add(&tool, "stop");
	if (tool_run(&tool) < 0 || tool.result.code != 0)
		gavea_log(cluster->scratch->context->check, GAVEA_LOG_WARNING,
			"cannot stop the temporary PostgreSQL: %s", tool_complaint(&tool));
}

/* Dumps name owners that are not here: what fails for want of them does not count, the query does. */
static int load(struct cluster *cluster, const char *dump, bool custom, struct error *error)
{
	_cleanup_tool_ struct tool tool = {0};
	char path[200];

	prepare(cluster, &tool, path, custom ? "pg_restore" : "psql");
	if (custom) {
		tool_add(&tool, "--no-owner");
		tool_add(&tool, "--no-privileges");
		tool_add(&tool, "--exit-on-error");
		tool_add(&tool, "-d");
		tool_add(&tool, "postgres");
		tool_add(&tool, dump);
	} else {
		tool_add(&tool, "-X");
		tool_add(&tool, "-q");
		tool_add(&tool, "-o");
		tool_add(&tool, "/dev/null");
		tool_add(&tool, "-d");
		tool_add(&tool, "postgres");
		tool_add(&tool, "-f");
		tool_add(&tool, dump);
	}
	return run(&tool, "cannot load the dump", error);
}

/* pg_ctl says that a server is up which still replays its log: only a connection tells. */
static int wait_ready(struct cluster *cluster, struct error *error)
{
	for (;;) {
		_cleanup_tool_ struct tool tool = {0};
		char path[200];
		int r;

		prepare(cluster, &tool, path, "psql");
		tool_add(&tool, "-XqAt");
		tool_add(&tool, "-d");
		tool_add(&tool, "postgres");
		tool_add(&tool, "-c");
		tool_add(&tool, "select 1");
		r = run(&tool, "PostgreSQL does not let us in after the restore", error);
		if (r != -EBADMSG || !strstr(buf_str(&tool.result.errors), "the database system is"))
			return r;
		if (scratch_stop(cluster->scratch))
			return error_set(error, -ETIME, "the restored PostgreSQL was not ready in time");
		(void)usleep(200000);
	}
}

static int ask(struct cluster *cluster, const char *sql, struct error *error)
{
	_cleanup_tool_ struct tool tool = {0};
	char path[200], *answer;
	double number;
	int r;

	prepare(cluster, &tool, path, "psql");
	tool_add(&tool, "-X");
	tool_add(&tool, "-qAt");
	tool_add(&tool, "-v");
	tool_add(&tool, "ON_ERROR_STOP=1");
	tool_add(&tool, "-d");
	tool_add(&tool, "postgres");
	tool_add(&tool, "-c");
	tool_add(&tool, sql);
	r = run(&tool, "the query failed", error);
	if (r < 0)
		return r;
	answer = tool.result.output.size ? tool.result.output.data : (char[]){""};
	answer[strcspn(answer, "|\n")] = '\0';
	if (streq(answer, "t") || (parse_double(answer, &number) == 0 && number != 0))
		return 0;
	return error_set(error, -EBADMSG, "the query's answer is \"%.100s\", not true: %.200s", answer, sql);
}

int cluster_query(struct scratch *scratch, const char *sql, struct error *error)
{
	struct cluster cluster = {.scratch = scratch};
	char version[16], dump[4300];
	bool is_new = false, custom = false;
	int r;

	if (geteuid() == 0 && !scratch->context->settings->has_user)
		return error_set(
			error, -EPERM, "PostgreSQL does not run as root: name another one with user");
	snprintf(cluster.data, sizeof(cluster.data), "%s", scratch->data);
	if (!is_data_directory(scratch->data, version)) {
		is_new = true;
		snprintf(dump, sizeof(dump), "%s/dump.pgdump", scratch->data);
		custom = access(dump, F_OK) == 0;
		if (!custom)
			snprintf(dump, sizeof(dump), "%s/dump.sql", scratch->data);
		snprintf(cluster.data, sizeof(cluster.data), "%s/cluster", scratch->run);
		if (newest_version(version) < 0)
			return error_set(error, -ENOENT,
				"there is no PostgreSQL server: install the package postgresql");
	}
	snprintf(cluster.bin, sizeof(cluster.bin), BIN, version);
	if (access(cluster.bin, X_OK) < 0)
		return error_set(error, -ENOENT, "there is no PostgreSQL %s here: install postgresql-%s",
			version, version);
	r = is_new ? make_new(&cluster, error) : 0;
	if (r == 0)
		r = start(&cluster, error);
	if (r == 0)
		r = wait_ready(&cluster, error);
	if (r == 0 && is_new)
		r = load(&cluster, dump, custom, error);
	if (r == 0)
		r = ask(&cluster, sql, error);
	stop(&cluster);
	return r;
}
