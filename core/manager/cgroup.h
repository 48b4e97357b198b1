/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups of their own for workers, below one that systemd delegated to us (Delegate=). Only the unified
 * hierarchy; where it is not there, workers live with rlimits and the manager's watch on their memory.
 * https://systemd.io/CGROUP_DELEGATION/
 */
#ifndef MANAGER_CGROUP_H
#define MANAGER_CGROUP_H

#include "base/error.h"

#include <stdint.h>

struct cgroup {
	int folder; /* ours; -EBADF: none */
};

#define CGROUP_INIT \
	{ \
		-EBADF \
	}

/* Moves this process into a child, "manager", so that controllers may be given to siblings, and turns them
 * on. root is
 * "/sys/fs/cgroup". 0 or -errno with error. */
int cgroup_open(const char *root, struct cgroup *ret_cgroup, struct error *error);
void cgroup_close(struct cgroup *cgroup);

/* A child for this worker with that memory.max; made once, used again. Returns its folder's descriptor, which
 * the caller closes, or -errno. */
int cgroup_worker(struct cgroup *cgroup, const char *plugin, uint64_t memory);

/* Ends what a worker has left behind in its cgroup: programs that it ran. folder is that of cgroup_worker(), or negative:
 * nothing is done. Kernels before 5.14 can't. */
void cgroup_kill(int folder);

#endif
