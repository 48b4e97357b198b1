/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "core/worker/sandbox.h"

#include <errno.h>
#include <sys/resource.h>

#define DATA_SLACK (UINT64_C(16) << 20) /* the worker's own, and what malloc() rounds up */
#define THREAD_STACK (UINT64_C(1) << 20)
#define FILE_SIZE (UINT64_C(1) << 30)

/* Sanitizers reserve memory of their own by the terabyte. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_DATA 0
#else
#define LIMIT_DATA 1
#endif

/* Lowers a limit; one that is lower already stays. */
static int lower(int resource, uint64_t value, struct error *error)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return error_set(error, -errno, "cannot read a resource limit: %s", strerror(errno));
	limit.rlim_max = MIN((rlim_t)value, limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return error_set(error, -errno, "cannot set a resource limit: %s", strerror(errno));
	return 0;
}

int sandbox_limits(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	const Gavea__Worker__V1__Rights *rights = spec->rights;
	uint32_t files = rights->open_files ? rights->open_files : 256;
	uint64_t memory = rights->memory ? rights->memory : UINT64_C(64) << 20;
	uint64_t data = MIN(memory, UINT64_C(1) << 50) * 2 + DATA_SLACK + rights->concurrency * THREAD_STACK;
	char text[32];
	int r = lower(RLIMIT_CORE, 0, error);

	if (r == 0)
		r = lower(RLIMIT_NOFILE, files, error);
	/* The host watches resident memory. This is what holds when it grows faster than the host looks. */
	if (r == 0 && LIMIT_DATA)
		r = lower(RLIMIT_DATA, data, error);
	/* Beyond its state directory a plugin without write paths has nothing to write to. */
	if (r == 0 && rights->n_write_paths == 0)
		r = lower(RLIMIT_FSIZE, FILE_SIZE, error);
	if (r == 0)
		sandbox_say(report, "limits: %u files, %s of memory", files, format_size(text, memory));
	return r;
}
