/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
#ifndef HOST_MOUNTINFO_H
#define HOST_MOUNTINFO_H

#include <stdbool.h>

/* What a line says; the strings are owned, with the kernel's octal escapes undone. */
struct mount {
	char *device;
	char *mount_point;
	char *type;
	bool writable; /* the mount itself, whatever its file system says */
	bool failed; /* the file system took no more writes after an error ("emergency_ro"); statfs(2) does not say so */
};

/* Parses one line. 0, -EBADMSG when it isn't one, -ENOMEM. */
int mount_parse(const char *line, struct mount *ret_mount);
void mount_done(struct mount *mount);

#endif
