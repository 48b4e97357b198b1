/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: answers the command line (proto/control.proto). Whoever may open the socket may ask
 * anything; its mode and group decide who that is. A client that does not read its answers is dropped.
 */
#ifndef MANAGER_CONTROL_H
#define MANAGER_CONTROL_H

#include "core/manager/spool_report.h"
#include "core/manager/unit.h"

struct control;

/* What the socket asks of the manager. */
struct control_source {
	void (*agent)(Gavea__Control__V1__AgentStatus *ret_status, struct spool_description *ret_spool,
		void *userdata);
	struct unit *const *(*units)(size_t *ret_count, void *userdata);
	struct recorder *recorder;
	/* Starts a reload; control_reloaded() is called when it is done. -EBUSY: one is under way (which
	 * counts). */
	int (*reload)(void *userdata);
	void *userdata;
};

/* Listens on PATH, mode 0660. 0 or -errno. */
int control_new(sd_event *event, const char *path, const struct control_source *source,
	struct control **ret_control, struct error *error);
void control_free(struct control *control);
DEFINE_CLEANUP(struct control *, control_free);

/* Tells those who follow. */
void control_check_changed(struct control *control, struct check *check);
void control_output_changed(struct control *control, struct output *output);

/* Answers those who asked for a reload. No errors: it succeeded. */
void control_reloaded(struct control *control, char **errors, size_t count);

/* A check or output is about to be freed. */
void control_forget(struct control *control, const char *check);

#endif
