/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavea plugin interface, ABI 1.1
 *
 * A plugin is a shared object NAME.so that exports one function, gavea_plugin(), which returns a description of
 * the plugin: its name, the options that it takes, the rights that it needs and its callbacks. This header is all
 * that a plugin needs; it uses nothing but standard C. docs/plugin-guide.md tells the same as a story.
 *
 * The rules that hold for every plugin:
 *
 *  - A plugin runs in a worker process of its own. A crash, a hang or a leak costs that worker, nothing else.
 *  - Callbacks of one check never run at the same time. Callbacks of different checks may, on different threads,
 *    up to needs.concurrency of them.
 *  - All state hangs from the pointer that open() stored. A plugin has no writable file-scope data.
 *  - A worker that has nothing to do for a while is let go and started again later. What must last longer than
 *    that goes into the key-value state (gavea_state_set).
 *  - Strings that a plugin passes in are copied before the call returns. Strings that the host returns stay owned
 *    by the host and are valid until the callback returns, unless it is said otherwise. All text is UTF-8.
 *  - Functions return 0 or a positive number for success and a negative errno (-EINVAL, …) for failure.
 *  - No call blocks, except where it is said. Durations and times are nanoseconds in int64_t.
 *
 * Compatibility: structures and tables only ever grow at their ends. A host loads plugins of its own and of the
 * previous major version. Each table bears its size, so that either side sees what the other one has.
 */
#ifndef GAVEA_PLUGIN_H
#define GAVEA_PLUGIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GAVEA_PLUGIN_MAGIC 0x61766167u /* "gava" in memory on little-endian machines */
#define GAVEA_ABI_MAJOR 1u
#define GAVEA_ABI_MINOR 1u

#if defined(__GNUC__)
#define GAVEA_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define GAVEA_EXPORT __attribute__((visibility("default")))
#else
#define GAVEA_PRINTF(at, first)
#define GAVEA_EXPORT
#endif

/* ---- Words -------------------------------------------------------------------------------------------------- */

/* What one run of a check, or one item in it, says. The numbers are the exit codes of Nagios plugins. The order of
 * severity is ok < warning < unknown < critical. */
enum gavea_status {
	GAVEA_OK = 0,
	GAVEA_WARNING = 1,
	GAVEA_CRITICAL = 2,
	GAVEA_UNKNOWN = 3,
};

/* Priorities of log lines, those of syslog. */
enum gavea_log_level {
	GAVEA_LOG_ERROR = 3,
	GAVEA_LOG_WARNING = 4,
	GAVEA_LOG_NOTICE = 5,
	GAVEA_LOG_INFO = 6,
	GAVEA_LOG_DEBUG = 7,
};

enum gavea_sample_type {
	GAVEA_GAUGE = 1,
	GAVEA_COUNTER = 2,
	GAVEA_HISTOGRAM = 3,
};

/* A name and its value: labels of series, attributes of items and events, arguments of commands. */
struct gavea_pair {
	const char *name;
	const char *value;
};

/* ---- Description of a plugin -------------------------------------------------------------------------------- */

enum gavea_option_type {
	GAVEA_OPTION_STRING = 1,
	GAVEA_OPTION_BOOL = 2,     /* true, false */
	GAVEA_OPTION_INT = 3,      /* 64-bit, decimal */
	GAVEA_OPTION_FLOAT = 4,    /* finite */
	GAVEA_OPTION_DURATION = 5, /* "250ms" "10s" "5min" "12h" "30d"; read as nanoseconds */
	GAVEA_OPTION_SIZE = 6,     /* "512B" "64KiB" "10MiB" "2GiB"; read as bytes */
	GAVEA_OPTION_PERCENT = 7,  /* "12.5%"; read as a float, 12.5 */
	GAVEA_OPTION_CHOICE = 8,   /* one of the words that range lists, "a|b|c"; read as a string */
	GAVEA_OPTION_STRINGS = 9,  /* a list of strings */
	GAVEA_OPTION_SECRET = 10,  /* a string that is never shown; read with gavea_option_secret() only */
};

enum gavea_option_flag {
	GAVEA_OPTION_REQUIRED = 1u << 0, /* there is no default; a check without it is refused */
};

/*
 * One option. The table serves everything: it validates configuration, fills in defaults, and is what `gavea help`
 * and the manual print. These keys belong to the host and are refused in a table: name, checks, enabled, every,
 * timeout, attempts, labels, limits, thresholds.
 */
struct gavea_option {
	const char *key;           /* [a-z][a-z0-9_]*, at most 63 bytes */
	uint32_t type;             /* enum gavea_option_type */
	uint32_t flags;            /* enum gavea_option_flag */
	const char *default_value; /* as it would stand in the configuration; lists comma-separated; NULL: unset */
	const char *range;         /* "MIN..MAX" in the option's own form, either end may be left out; a choice's
	                              words; NULL: any value */
	const char *doc;           /* one line, no full stop at the end */
};

enum gavea_network {
	GAVEA_NETWORK_NONE = 0, /* sockets of family AF_UNIX only */
	GAVEA_NETWORK_CLIENT = 1,
	GAVEA_NETWORK_SERVER = 2, /* may listen as well */
};

/*
 * The rights that a plugin needs: it gets these and no others. Configuration can take rights away, never add any. A
 * right left at zero is not granted.
 */
struct gavea_needs {
	uint32_t size;                   /* sizeof(struct gavea_needs) */
	uint32_t network;                /* enum gavea_network */
	uint32_t exec;                   /* 1: may run programs */
	uint32_t concurrency;            /* checks at the same time, 1 to 64; 0 means 1 */
	uint64_t memory;                 /* bytes of resident memory; 0 means 64 MiB */
	uint32_t stays;                  /* 1: the worker is not let go while idle (outputs, followers) */
	uint32_t open_files;             /* file descriptors; 0 means 256 */
	const char *const *capabilities; /* "CAP_NET_RAW", …, NULL at the end; NULL: none */
	const char *const *read_paths;   /* files and folders that may be read beyond /usr, /etc, /proc and /sys, which
	                                    every plugin may; NULL at the end. "${KEY}" stands for the option KEY */
	const char *const *write_paths;  /* likewise, for writing; the plugin's state directory is always one */
};

struct gavea_check;
struct gavea_batch;
struct gavea_command;

/*
 * The description. magic, abi_major, abi_minor and size are judged before anything after them is read. The table and
 * all that it points to must be constant for the life of the process.
 */
struct gavea_plugin {
	uint32_t magic;     /* GAVEA_PLUGIN_MAGIC */
	uint32_t abi_major; /* GAVEA_ABI_MAJOR */
	uint32_t abi_minor; /* GAVEA_ABI_MINOR */
	uint32_t size;      /* sizeof(struct gavea_plugin) */

	const char *name;    /* the file's name without ".so": [a-z][a-z0-9-]*, at most 31 bytes */
	const char *version; /* of the plugin */
	const char *summary; /* one line: what it does */

	const struct gavea_option *options; /* option_count of them, each option_size bytes apart; may be NULL */
	uint32_t option_count;
	uint32_t option_size; /* sizeof(struct gavea_option) */
	const struct gavea_needs *needs; /* NULL: no rights but the least */

	/*
	 * Makes the state of one check from its options and stores it in *ret_state (which may stay NULL). On failure
	 * it frees what it made, says why with gavea_fail(), and returns a negative errno; the check is then unknown
	 * with that reason, and open() is tried again before the next run. May be NULL. May block.
	 */
	int (*open)(struct gavea_check *check, void **ret_state);

	/*
	 * Runs the check once and says what it found with gavea_result(), gavea_item() and gavea_sample(). It may
	 * block; the deadline is enforced from outside. When gavea_cancelled() turns true it should return soon; what
	 * it says then is discarded. A negative return makes the result unknown, with gavea_fail()'s text as its
	 * summary. A probe has run(), and an actor may; that of an output is never scheduled.
	 */
	int (*run)(struct gavea_check *check, void *state);

	/*
	 * Outputs only: delivers a batch of records and reports how far it got with gavea_batch_acknowledge(). May
	 * block. On a negative return the rest is offered again later, with growing pauses (or after what
	 * gavea_batch_retry_after() asked for).
	 */
	int (*deliver)(struct gavea_check *check, void *state, struct gavea_batch *batch);

	/*
	 * Actors only: carries out a request that came from the command line or from the fleet server. Never called
	 * for a name that the plugin did not list in commands. May block.
	 */
	int (*command)(struct gavea_check *check, void *state, struct gavea_command *command);

	/* Frees the state of one check. May be NULL. Not called when the worker is killed. */
	void (*close)(struct gavea_check *check, void *state);

	/* Names of the commands that command() takes, NULL at the end. NULL: none. */
	const char *const *commands;
};

/* The one function that a plugin exports. */
GAVEA_EXPORT const struct gavea_plugin *gavea_plugin(void);

/* ---- The host ----------------------------------------------------------------------------------------------- */

struct gavea_secret;
struct gavea_item;
struct gavea_span;
struct gavea_operation;
struct gavea_evidence; /* since 1.1 */

/* What a record in a batch is. Kinds that a plugin does not know must be passed over. */
enum gavea_record_kind {
	GAVEA_RECORD_SERIES = 3, /* declares a series; the numbers are those of the fields in report.proto's Record */
	GAVEA_RECORD_CHECK = 4,
	GAVEA_RECORD_SAMPLES = 5,
	GAVEA_RECORD_RESULT = 6,
	GAVEA_RECORD_EVENT = 7,
	GAVEA_RECORD_LOSS = 8,
	GAVEA_RECORD_CHECK_GONE = 9,
	GAVEA_RECORD_SPAN = 10,
};

/*
 * The functions of the host, as a table that grows at its end. Plugins use the gavea_…() wrappers below, which say
 * what each one does.
 */
struct gavea_host {
	uint32_t size;
	uint32_t abi_major;
	uint32_t abi_minor;
	uint32_t reserved;

	void (*log)(struct gavea_check *, int level, const char *format, va_list args);
	void (*fail)(struct gavea_check *, const char *format, va_list args);
	const char *(*check_name)(struct gavea_check *);

	const char *(*option_string)(struct gavea_check *, const char *key);
	int64_t (*option_int)(struct gavea_check *, const char *key);
	double (*option_float)(struct gavea_check *, const char *key);
	const char *const *(*option_strings)(struct gavea_check *, const char *key, size_t *ret_count);
	const struct gavea_secret *(*option_secret)(struct gavea_check *, const char *key);
	const void *(*secret_bytes)(const struct gavea_secret *, size_t *ret_size);

	void (*result)(struct gavea_check *, int status, const char *format, va_list args);
	struct gavea_item *(*item)(struct gavea_check *, const char *name, int status, const char *format, va_list);
	void (*item_attribute)(struct gavea_item *, const char *name, const char *value);

	int (*series)(struct gavea_check *, const char *name, int type, const char *unit, const char *help,
		const struct gavea_pair *labels, size_t label_count);
	void (*sample)(struct gavea_check *, int series, double value);
	void (*samples)(struct gavea_check *, const int *series, const double *values, size_t count);
	void (*sample_histogram)(struct gavea_check *, int series, double sum, uint64_t zero_count, int32_t first,
		const uint64_t *buckets, size_t bucket_count);

	void (*event)(struct gavea_check *, const char *kind, int status, const char *summary,
		const struct gavea_pair *attributes, size_t attribute_count);
	struct gavea_span *(*span_begin)(struct gavea_check *, const struct gavea_span *parent, const char *name);
	void (*span_attribute)(struct gavea_span *, const char *name, const char *value);
	void (*span_end)(struct gavea_span *, int error);

	int64_t (*now)(struct gavea_check *);
	int64_t (*deadline)(struct gavea_check *);
	bool (*cancelled)(struct gavea_check *);
	int (*progress)(struct gavea_check *, double done, const char *what);

	const char *(*state_directory)(struct gavea_check *);
	int (*state_get)(struct gavea_check *, const char *key, const void **ret_value, size_t *ret_size);
	int (*state_set)(struct gavea_check *, const char *key, const void *value, size_t size);
	int (*state_commit)(struct gavea_check *);

	int (*operation_begin)(struct gavea_check *, const char *name, struct gavea_operation **ret_operation);
	int (*operation_step)(struct gavea_operation *, const char *step, const void *detail, size_t size);
	int (*operation_done)(struct gavea_operation *, const char *step);
	int (*operation_end)(struct gavea_operation *);
	struct gavea_operation *(*operation_next)(struct gavea_check *, const struct gavea_operation *after);
	const char *(*operation_name)(const struct gavea_operation *);
	const char *(*operation_last)(const struct gavea_operation *, bool *ret_done, const void **ret_detail,
		size_t *ret_size);

	const char *(*batch_info)(struct gavea_batch *, const char *key);
	uint64_t (*batch_stream)(struct gavea_batch *);
	int (*batch_next)(struct gavea_batch *, uint64_t *ret_seq, int *ret_kind, const void **ret_bytes,
		size_t *ret_size);
	int (*batch_declarations)(struct gavea_batch *);
	void (*batch_acknowledge)(struct gavea_batch *, uint64_t seq);
	void (*batch_retry_after)(struct gavea_batch *, int64_t delay);

	const char *(*command_name)(struct gavea_command *);
	const char *(*command_argument)(struct gavea_command *, const char *name);
	void (*command_reply)(struct gavea_command *, const char *format, va_list args);

	/* Since 1.1. */
	int (*watch)(struct gavea_check *, const char *checks, const char *samples);
	const struct gavea_evidence *(*evidence_next)(
		struct gavea_check *, int watch, const struct gavea_evidence *after);
	const char *(*evidence_check)(const struct gavea_evidence *);
	int (*evidence_status)(const struct gavea_evidence *, const char **ret_summary);
	int64_t (*evidence_age)(const struct gavea_evidence *, int64_t *ret_interval);
	int (*evidence_sample)(
		const struct gavea_evidence *, size_t index, const char **ret_series, double *ret_value);
	struct gavea_span *(*span_at)(struct gavea_check *, const uint8_t *trace, const uint8_t *id,
		const uint8_t *parent, const char *name, int64_t start);
};

/* One check, as the host hands it to every callback. Only host may be touched. */
struct gavea_check {
	const struct gavea_host *host;
};

/* ---- Saying things ------------------------------------------------------------------------------------------ */

/* Writes a line to the agent's log, marked with the check's name. Never put a secret into it. */
static inline void GAVEA_PRINTF(3, 4) gavea_log(struct gavea_check *check, int level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	check->host->log(check, level, format, args);
	va_end(args);
}

/* Keeps the reason for a failure: the callback should return a negative errno right after. Returns error. */
static inline int GAVEA_PRINTF(3, 4) gavea_fail(struct gavea_check *check, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(check->host->fail)(check, format, args); /* in parentheses: test frameworks have macros named fail() */
	va_end(args);
	return error;
}

/* The check's full name, "plugin/name". Valid until close() returns. */
static inline const char *gavea_check_name(struct gavea_check *check)
{
	return check->host->check_name(check);
}

/* ---- Options, readable from open() on, until close() returns ------------------------------------------------- */

/* The value of a string or a choice; NULL when unset. */
static inline const char *gavea_option_string(struct gavea_check *check, const char *key)
{
	return check->host->option_string(check, key);
}

/* The value of an int, a bool (0 or 1), a duration (nanoseconds) or a size (bytes); 0 when unset. */
static inline int64_t gavea_option_int(struct gavea_check *check, const char *key)
{
	return check->host->option_int(check, key);
}

static inline bool gavea_option_bool(struct gavea_check *check, const char *key)
{
	return check->host->option_int(check, key) != 0;
}

/* The value of a float or a percentage; 0 when unset. */
static inline double gavea_option_float(struct gavea_check *check, const char *key)
{
	return check->host->option_float(check, key);
}

/* The strings of a list, *ret_count of them; NULL and 0 when unset. */
static inline const char *const *gavea_option_strings(struct gavea_check *check, const char *key, size_t *ret_count)
{
	return check->host->option_strings(check, key, ret_count);
}

/* A handle for a secret; NULL when unset. The host zeroes the memory after close(). */
static inline const struct gavea_secret *gavea_option_secret(struct gavea_check *check, const char *key)
{
	return check->host->option_secret(check, key);
}

/* The secret itself, *ret_size bytes (ret_size may be NULL) and a NUL byte behind them. Use it at once; a copy that
 * the plugin makes is the plugin's to zero. */
static inline const char *gavea_secret_bytes(
	struct gavea_check *check, const struct gavea_secret *secret, size_t *ret_size)
{
	return (const char *)check->host->secret_bytes(secret, ret_size);
}

/* ---- The result of a run ------------------------------------------------------------------------------------- */

/* Sets status and summary (one line) of this run. The last call counts. The check's status is the worst of this one
 * and of all its items. A run that calls neither this nor gavea_item() is unknown. */
static inline void GAVEA_PRINTF(3, 4)
	gavea_result(struct gavea_check *check, enum gavea_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	check->host->result(check, (int)status, format, args);
	va_end(args);
}

/* Adds an item: one endpoint, file or table inside this check. The handle is valid until run() returns. NULL when the
 * run has reached its limit of items (the run says so in its result). */
static inline struct gavea_item *GAVEA_PRINTF(4, 5) gavea_item(
	struct gavea_check *check, const char *name, enum gavea_status status, const char *format, ...)
{
	va_list args;
	struct gavea_item *item;
	va_start(args, format);
	item = check->host->item(check, name, (int)status, format, args);
	va_end(args);
	return item;
}

/* Adds an attribute to an item; item may be NULL. */
static inline void gavea_item_attribute(
	struct gavea_check *check, struct gavea_item *item, const char *name, const char *value)
{
	check->host->item_attribute(item, name, value);
}

/*
 * Declares a series of this check and returns its number (positive), the same for the same name and labels for as long
 * as the worker lives: declare in open(), or on first sight, and keep the number. Names and units follow Prometheus
 * (https://prometheus.io/docs/practices/naming/): base units, counters end in "_total". help may be NULL.
 * -EINVAL: not a valid name or label; -ENOSPC: the limit of series is reached.
 */
static inline int gavea_series(struct gavea_check *check, const char *name, enum gavea_sample_type type,
	const char *unit, const char *help, const struct gavea_pair *labels, size_t label_count)
{
	return check->host->series(check, name, (int)type, unit, help, labels, label_count);
}

/* Adds a sample to this run, at the time at which the run began. A series that is not positive is passed over. */
static inline void gavea_sample(struct gavea_check *check, int series, double value)
{
	check->host->sample(check, series, value);
}

/* The same for many at once. */
static inline void gavea_samples(struct gavea_check *check, const int *series, const double *values, size_t count)
{
	check->host->samples(check, series, values, count);
}

/*
 * A histogram with exponential buckets of base 2^(1/32) (schema 5 of Prometheus' native histograms): bucket i counts
 * observations in (2^((i-1)/32), 2^(i/32)]. buckets[0] is bucket number first; zero_count counts observations of 0.
 * Counts are cumulative over time, not over buckets.
 */
static inline void gavea_sample_histogram(struct gavea_check *check, int series, double sum, uint64_t zero_count,
	int32_t first, const uint64_t *buckets, size_t bucket_count)
{
	check->host->sample_histogram(check, series, sum, zero_count, first, buckets, bucket_count);
}

/* Reports that something happened, at once and whether or not the run succeeds. kind is a word such as
 * "certificate-renewed"; status tells how much it matters. */
static inline void gavea_event(struct gavea_check *check, const char *kind, enum gavea_status status,
	const char *summary, const struct gavea_pair *attributes, size_t attribute_count)
{
	check->host->event(check, kind, (int)status, summary, attributes, attribute_count);
}

/* Spans tell how long a part of the work took, for traces. A span that is not ended is dropped. parent may be NULL.
 * NULL is returned when there is no room; all span calls take NULL. */
static inline struct gavea_span *gavea_span_begin(
	struct gavea_check *check, const struct gavea_span *parent, const char *name)
{
	return check->host->span_begin(check, parent, name);
}

/* Since 1.1: a span of work that outlasts callbacks. Its identity is the plugin's to keep: trace has 16 bytes, id and
 * parent (NULL: none) eight, none of them all zero (https://www.w3.org/TR/trace-context/). start: nanoseconds since 1970.
 * Begin and end it in one callback, when it is over. NULL also when the host is older. */
static inline struct gavea_span *gavea_span_at(struct gavea_check *check, const uint8_t *trace, const uint8_t *id,
	const uint8_t *parent, const char *name, int64_t start)
{
	if (check->host->size < offsetof(struct gavea_host, span_at) + sizeof check->host->span_at)
		return NULL;
	return check->host->span_at(check, trace, id, parent, name, start);
}

static inline void gavea_span_attribute(
	struct gavea_check *check, struct gavea_span *span, const char *name, const char *value)
{
	check->host->span_attribute(span, name, value);
}

/* error: 0 or a negative errno. */
static inline void gavea_span_end(struct gavea_check *check, struct gavea_span *span, int error)
{
	check->host->span_end(span, error);
}

/* ---- Time and cancellation ----------------------------------------------------------------------------------- */

/* CLOCK_MONOTONIC, in nanoseconds. */
static inline int64_t gavea_now(struct gavea_check *check)
{
	return check->host->now(check);
}

/* When the running callback has to be done, on the same clock; INT64_MAX: no deadline. */
static inline int64_t gavea_deadline(struct gavea_check *check)
{
	return check->host->deadline(check);
}

/* Whether the host wants the running callback to return. Cheap; long work asks at least once a second. */
static inline bool gavea_cancelled(struct gavea_check *check)
{
	return check->host->cancelled(check);
}

/* Tells how far a long run has come: done from 0 to 1 (negative: not known), and a short text. Shown in status. */
static inline int gavea_progress(struct gavea_check *check, double done, const char *what)
{
	return check->host->progress(check, done, what);
}

/* ---- What lasts ------------------------------------------------------------------------------------------------ */

/* A directory of this check's own, made on the first call, mode 0700; NULL when there is none (read-only or full file
 * system, or a one-shot run without state). Blocks on the disk. */
static inline const char *gavea_state_directory(struct gavea_check *check)
{
	return check->host->state_directory(check);
}

/* Reads a value. -ENOENT: there is none. The bytes are valid until the next set or the callback's return. */
static inline int gavea_state_get(
	struct gavea_check *check, const char *key, const void **ret_value, size_t *ret_size)
{
	return check->host->state_get(check, key, ret_value, ret_size);
}

/* Sets a value (NULL removes it) in memory. A key has 1 to 255 bytes; a value at most 64 KiB; all together 1 MiB.
 * -E2BIG beyond. */
static inline int gavea_state_set(struct gavea_check *check, const char *key, const void *value, size_t size)
{
	return check->host->state_set(check, key, value, size);
}

/* Makes all changes since the last commit durable, together or not at all. Changes that are not committed are dropped
 * when the callback returns. Blocks on the disk. */
static inline int gavea_state_commit(struct gavea_check *check)
{
	return check->host->state_commit(check);
}

/*
 * Operations: changes to the host that must not be forgotten half-way. Each step is written to disk as an intent
 * before its effect, and as done after the effect was observed. After a crash, operations that did not end are found
 * with gavea_operation_next() in open(), and the plugin goes on or goes back. All but next, name and last block on
 * the disk.
 */
static inline int gavea_operation_begin(
	struct gavea_check *check, const char *name, struct gavea_operation **ret_operation)
{
	return check->host->operation_begin(check, name, ret_operation);
}

/* Writes the intent to do a step, with up to 64 KiB of detail. The step may be done once this returned 0. */
static inline int gavea_operation_step(struct gavea_check *check, struct gavea_operation *operation,
	const char *step, const void *detail, size_t size)
{
	return check->host->operation_step(operation, step, detail, size);
}

static inline int gavea_operation_done(
	struct gavea_check *check, struct gavea_operation *operation, const char *step)
{
	return check->host->operation_done(operation, step);
}

/* Ends an operation; the handle is gone, whatever is returned. */
static inline int gavea_operation_end(struct gavea_check *check, struct gavea_operation *operation)
{
	return check->host->operation_end(operation);
}

/* The operations that have not ended: the first for after == NULL, then the next; NULL at the end. */
static inline struct gavea_operation *gavea_operation_next(
	struct gavea_check *check, const struct gavea_operation *after)
{
	return check->host->operation_next(check, after);
}

static inline const char *gavea_operation_name(struct gavea_check *check, const struct gavea_operation *operation)
{
	return check->host->operation_name(operation);
}

/* The last step that was written, whether it was done, and its detail; NULL: none yet. */
static inline const char *gavea_operation_last(struct gavea_check *check, const struct gavea_operation *operation,
	bool *ret_done, const void **ret_detail, size_t *ret_size)
{
	return check->host->operation_last(operation, ret_done, ret_detail, ret_size);
}

/* ---- Batches, in deliver() -------------------------------------------------------------------------------------- */

/* Facts about the agent: "agent_id", "spool_id", "name", "version", "machine_id", "boot_id", "interval_ms" (a record,
 * or at least an empty batch, comes at least as often), and "label.KEY" for each label; "label_keys" lists the keys,
 * comma-separated. NULL: no such fact. */
static inline const char *gavea_batch_info(struct gavea_check *check, struct gavea_batch *batch, const char *key)
{
	return check->host->batch_info(batch, key);
}

/* The stream to which the numbers of series and checks in this batch belong. Numbers of one stream mean nothing in
 * another one. */
static inline uint64_t gavea_batch_stream(struct gavea_check *check, struct gavea_batch *batch)
{
	return check->host->batch_stream(batch);
}

/*
 * The next record: 1, or 0 at the end, or -EBADMSG for a record that is damaged (the batch ends there). *ret_bytes is
 * an encoded gavea.v1.Record without its seq field; it is valid until deliver() returns.
 */
static inline int gavea_batch_next(struct gavea_check *check, struct gavea_batch *batch, uint64_t *ret_seq,
	int *ret_kind, const void **ret_bytes, size_t *ret_size)
{
	return check->host->batch_next(batch, ret_seq, ret_kind, ret_bytes, ret_size);
}

/* Starts over with a pass over the declarations (series and checks) of this stream that come before the batch, for
 * receivers that don't know them; after their end gavea_batch_next() returns 0 once and then goes through the batch
 * again from its first record. Blocks on the disk. */
static inline int gavea_batch_declarations(struct gavea_check *check, struct gavea_batch *batch)
{
	return check->host->batch_declarations(batch);
}

/* Says that all records up to seq are safe where they were delivered, and need not be kept for this output. */
static inline void gavea_batch_acknowledge(struct gavea_check *check, struct gavea_batch *batch, uint64_t seq)
{
	check->host->batch_acknowledge(batch, seq);
}

/* Asks for the next try not before delay (nanoseconds) has passed. */
static inline void gavea_batch_retry_after(struct gavea_check *check, struct gavea_batch *batch, int64_t delay)
{
	check->host->batch_retry_after(batch, delay);
}

/* ---- Commands, in command() -------------------------------------------------------------------------------------- */

static inline const char *gavea_command_name(struct gavea_check *check, struct gavea_command *command)
{
	return check->host->command_name(command);
}

/* An argument by name; NULL: not given. */
static inline const char *gavea_command_argument(
	struct gavea_check *check, struct gavea_command *command, const char *name)
{
	return check->host->command_argument(command, name);
}

/* Adds a line to the answer. */
static inline void GAVEA_PRINTF(3, 4)
	gavea_command_reply(struct gavea_check *check, struct gavea_command *command, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	check->host->command_reply(command, format, args);
	va_end(args);
}

/* ---- Evidence: what other checks of this agent found; since 1.1 -------------------------------------------------- */

/*
 * In open(), of actors (plugins with commands) only: asks for the last results of other checks, to be at hand in each
 * run() and command(). checks is a name or a pattern, "backup/db" or "cert/?*", with * and ? as in file names; samples selects series as Prometheus does,
 * NAME or NAME{LABEL="VALUE"}, NULL: none. Returns the number of the watch. -EINVAL: not such a pattern or selector;
 * -ENOSPC: there are 64; -EOPNOTSUPP: the host is older, or this callback is not open().
 */
static inline int gavea_watch(struct gavea_check *check, const char *checks, const char *samples)
{
	if (check->host->size < offsetof(struct gavea_host, watch) + sizeof check->host->watch)
		return -95; /* -EOPNOTSUPP */
	return check->host->watch(check, checks, samples);
}

/*
 * The checks that a watch matches, by name: the first for after == NULL, then the next; NULL at the end. What it returns is as
 * it was when the job was sent, and is valid until the callback returns. A one-shot run has none. Where there is too much
 * to be sent, one of each watch is unknown for that reason. These take what gavea_watch() and gavea_evidence_next() returned only.
 */
static inline const struct gavea_evidence *gavea_evidence_next(
	struct gavea_check *check, int watch, const struct gavea_evidence *after)
{
	return check->host->evidence_next(check, watch, after);
}

static inline const char *gavea_evidence_check(struct gavea_check *check, const struct gavea_evidence *evidence)
{
	return check->host->evidence_check(evidence);
}

/* The worse of what the last run said and of the check's state; unknown for one that has not run. ret_summary may be
 * NULL. */
static inline enum gavea_status gavea_evidence_status(
	struct gavea_check *check, const struct gavea_evidence *evidence, const char **ret_summary)
{
	return (enum gavea_status)check->host->evidence_status(evidence, ret_summary);
}

/* How long ago its last run ended, in nanoseconds; INT64_MAX: never, or at a time that has not come yet. *ret_interval
 * (may be NULL) is how often it runs. */
static inline int64_t gavea_evidence_age(
	struct gavea_check *check, const struct gavea_evidence *evidence, int64_t *ret_interval)
{
	return check->host->evidence_age(evidence, ret_interval);
}

/* The samples of its last run that the watch selects: 1, or 0 at the end. *ret_series is NAME{LABEL="VALUE",…}. */
static inline int gavea_evidence_sample(struct gavea_check *check, const struct gavea_evidence *evidence,
	size_t index, const char **ret_series, double *ret_value)
{
	return check->host->evidence_sample(evidence, index, ret_series, ret_value);
}

#ifdef __cplusplus
}
#endif

#endif
