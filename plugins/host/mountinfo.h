/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
#ifndef HOST_MOUNTINFO_H
#define HOST_MOUNTINFO_H

/* What a line says; the strings are owned, with the kernel's octal escapes undone. */
struct mount {
	char *device;
	char *mount_point;
	char *type;
};

/* Parses one line. 0, -EBADMSG when it isn't one, -ENOMEM. */
int mount_parse(const char *line, struct mount *ret_mount);
void mount_done(struct mount *mount);

#endif
