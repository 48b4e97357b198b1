/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/rpc/nfs and nfsd: what NFS as a client and as a server does, where it is in use. */
#include "rows.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>

#define CLIENT(name) "node_nfs_" name
#define SERVER(name) "node_nfsd_" name

static const struct row_column client_columns[] = {
	{"net", 1, {CLIENT("packets_total"), GAVEA_COUNTER, NULL, "Packets sent and received"}, "protocol",
		"udp"},
	{"net", 2, {CLIENT("packets_total"), GAVEA_COUNTER, NULL, "Packets sent and received"}, "protocol",
		"tcp"},
	{"net", 3, {CLIENT("connections_total"), GAVEA_COUNTER, NULL, "TCP connections made"}, NULL, NULL},
	{"rpc", 0, {CLIENT("rpcs_total"), GAVEA_COUNTER, NULL, "Calls made"}, NULL, NULL},
	{"rpc", 1, {CLIENT("rpc_retransmissions_total"), GAVEA_COUNTER, NULL, "Calls made once more"}, NULL,
		NULL},
	{"rpc", 2,
		{CLIENT("rpc_authentication_refreshes_total"), GAVEA_COUNTER, NULL, "Credentials refreshed"},
		NULL, NULL},
};

static const struct row_column server_columns[] = {
	{"rc", 0, {SERVER("reply_cache_hits_total"), GAVEA_COUNTER, NULL, "Replies that were kept"}, NULL,
		NULL},
	{"rc", 1, {SERVER("reply_cache_misses_total"), GAVEA_COUNTER, NULL, "Replies that had to be made"},
		NULL, NULL},
	{"rc", 2, {SERVER("reply_cache_nocache_total"), GAVEA_COUNTER, NULL, "Replies that are never kept"},
		NULL, NULL},
	{"fh", 0, {SERVER("file_handles_stale_total"), GAVEA_COUNTER, NULL, "Stale file handles"}, NULL,
		NULL},
	{"io", 0, {SERVER("disk_bytes_read_total"), GAVEA_COUNTER, "bytes", "Bytes read"}, NULL, NULL},
	{"io", 1, {SERVER("disk_bytes_written_total"), GAVEA_COUNTER, "bytes", "Bytes written"}, NULL, NULL},
	{"th", 0, {SERVER("server_threads"), GAVEA_GAUGE, NULL, "Threads of the server"}, NULL, NULL},
	{"ra", 0, {SERVER("read_ahead_cache_size_blocks"), GAVEA_GAUGE, NULL, "Size of the cache"}, NULL,
		NULL},
	{"ra", 11, {SERVER("read_ahead_cache_not_found_total"), GAVEA_COUNTER, NULL, "Searches in vain"},
		NULL, NULL},
	{"net", 1, {SERVER("packets_total"), GAVEA_COUNTER, NULL, "Packets sent and received"}, "proto",
		"udp"},
	{"net", 2, {SERVER("packets_total"), GAVEA_COUNTER, NULL, "Packets sent and received"}, "proto",
		"tcp"},
	{"net", 3, {SERVER("connections_total"), GAVEA_COUNTER, NULL, "TCP connections taken"}, NULL, NULL},
	{"rpc", 0, {SERVER("server_rpcs_total"), GAVEA_COUNTER, NULL, "Calls taken"}, NULL, NULL},
	{"rpc", 2, {SERVER("rpc_errors_total"), GAVEA_COUNTER, NULL, "Calls that failed"}, "error", "fmt"},
	{"rpc", 3, {SERVER("rpc_errors_total"), GAVEA_COUNTER, NULL, "Calls that failed"}, "error", "auth"},
	{"rpc", 4, {SERVER("rpc_errors_total"), GAVEA_COUNTER, NULL, "Calls that failed"}, "error", "cInt"},
};

static const struct metric client_metric = {
	CLIENT("requests_total"), GAVEA_COUNTER, NULL, "Requests, by procedure"};
static const struct metric server_metric = {
	SERVER("requests_total"), GAVEA_COUNTER, NULL, "Requests, by procedure"};

/* The procedures of each version, in the order of their columns. */
static const char *const methods2[] = {"Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read",
	"WrCache", "Write", "Create", "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir",
	"FsStat"};
static const char *const methods3[] = {"Null", "GetAttr", "SetAttr", "Lookup", "Access", "ReadLink", "Read",
	"Write", "Create", "MkDir", "SymLink", "MkNod", "Remove", "RmDir", "Rename", "Link", "ReadDir",
	"ReadDirPlus", "FsStat", "FsInfo", "PathConf", "Commit"};
static const char *const client_methods4[] = {"Null", "Read", "Write", "Commit", "Open", "OpenConfirm",
	"OpenNoattr", "OpenDowngrade", "Close", "Setattr", "FsInfo", "Renew", "SetClientID",
	"SetClientIDConfirm", "Lock", "Lockt", "Locku", "Access", "Getattr", "Lookup", "LookupRoot", "Remove",
	"Rename", "Link", "Symlink", "Create", "Pathconf", "StatFs", "ReadLink", "ReadDir", "ServerCaps",
	"DelegReturn", "GetACL", "SetACL", "FsLocations", "ReleaseLockowner", "Secinfo", "FsidPresent",
	"ExchangeID", "CreateSession", "DestroySession", "Sequence", "GetLeaseTime", "ReclaimComplete",
	"LayoutGet", "GetDeviceInfo", "LayoutCommit", "LayoutReturn", "SecinfoNoName", "TestStateID",
	"FreeStateID", "GetDeviceList", "BindConnToSession", "DestroyClientID", "Seek", "Allocate",
	"DeAllocate", "LayoutStats", "Clone"};
/* Operations, which are numbered from 3. */
static const char *const server_methods4[] = {NULL, NULL, NULL, "Access", "Close", "Commit", "Create",
	"DelegPurge", "DelegReturn", "GetAttr", "GetFH", "Link", "Lock", "Lockt", "Locku", "Lookup",
	"LookupRoot", "Nverify", "Open", "OpenAttr", "OpenConfirm", "OpenDgrd", "PutFH", NULL, NULL, "Read",
	"ReadDir", "ReadLink", "Remove", "Rename", "Renew", "RestoreFH", "SaveFH", "SecInfo", "SetAttr",
	"Verify", "Write", "RelLockOwner"};

enum {
	METHODS_MAX = 64,
	COLUMNS_MAX = 16,
	VERSIONS = 3,
};

struct version {
	const char *key;
	const char *proto;
	const char *const *methods;
	size_t count;
	size_t first; /* the methods before are not told */
};

static const struct version client_versions[VERSIONS] = {{"proc2", "2", methods2, ARRAY_SIZE(methods2), 0},
	{"proc3", "3", methods3, ARRAY_SIZE(methods3), 0},
	{"proc4", "4", client_methods4, ARRAY_SIZE(client_methods4), 0}};
static const struct version server_versions[VERSIONS] = {{"proc2", "2", methods2, ARRAY_SIZE(methods2), 1},
	{"proc3", "3", methods3, ARRAY_SIZE(methods3), 1},
	{"proc4ops", "4", server_methods4, ARRAY_SIZE(server_methods4), 1}};

/* One of the two sides. */
struct side {
	const struct row_column *columns;
	size_t column_count;
	const struct version *versions;
	const struct metric *metric;
	bool declared; /* once there is a text */
	int series[COLUMNS_MAX];
	int methods[VERSIONS][METHODS_MAX];
};

static int nfs_open(void *state, struct collection *collection)
{
	struct side *side = state;

	(void)collection;
	side->columns = client_columns;
	side->column_count = ARRAY_SIZE(client_columns);
	side->versions = client_versions;
	side->metric = &client_metric;
	return 0;
}

static int nfsd_open(void *state, struct collection *collection)
{
	struct side *side = state;

	(void)collection;
	side->columns = server_columns;
	side->column_count = ARRAY_SIZE(server_columns);
	side->versions = server_versions;
	side->metric = &server_metric;
	return 0;
}

static void version_collect(
	struct side *side, struct collection *collection, size_t index, const double *numbers, size_t count)
{
	const struct version *version = &side->versions[index];

	/* The first number is how many follow. */
	for (size_t i = version->first; i < version->count && i + 1 < count; i++) {
		const struct gavea_pair labels[] = {
			{"method", version->methods[i]}, {"proto", version->proto}};

		if (!version->methods[i])
			continue;
		if (!side->methods[index][i])
			side->methods[index][i] = declare(collection, side->metric, labels, 2);
		collect(collection, side->methods[index][i], numbers[i + 1]);
	}
}

static int side_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct side *side = state;

	(void)file;
	if (!side->declared)
		rows_declare(collection, side->columns, side->column_count, NULL, NULL, side->series);
	side->declared = true;
	if (!rows_collect(collection, side->columns, side->column_count, side->series, text))
		return -EBADMSG;
	for (const char *line = text; line; line = scan_line(line))
		for (size_t i = 0; i < VERSIONS; i++) {
			double numbers[ROW_MAX];
			size_t count = row_numbers(line, side->versions[i].key, numbers);

			if (count)
				version_collect(side, collection, i, numbers, count);
		}
	return 0;
}

const struct collector collector_nfs = {
	"nfs", {"net/rpc/nfs"}, sizeof(struct side), nfs_open, side_collect, NULL, NULL};
const struct collector collector_nfsd = {
	"nfsd", {"net/rpc/nfsd"}, sizeof(struct side), nfsd_open, side_collect, NULL, NULL};
