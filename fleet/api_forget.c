/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "fleet/api.h"
#include "fleet/identity/identity.h"

#include <errno.h>

struct pending {
	struct writer_forget forget;
	struct httpd_request *request;
};

/* On the writer's thread. */
static void done(struct writer_forget *forget, int r, const char *text)
{
	struct pending *pending = forget->userdata;

	if (r == 0)
		httpd_answer(pending->request, 204, NULL, "", 0);
	else
		httpd_answer_error(pending->request, r == -ENOENT ? 404 : 503, "%s", text);
	free(pending);
}

/* In the audit log before it is done: what can't be noted is not done. */
static int note(
	struct server *server, struct httpd_request *request, const char *agent_id, struct error *error)
{
	_cleanup_(principal_done) struct principal who = {};
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct actor actor = {.address = httpd_peer(request), .now_ms = clock_unix_ms()};

	/* It was let in: a server that asks for no token knows nobody. */
	if (access_judge(&server->access, request, SCOPE_OPERATE, &who) < 0)
		who.kind = PRINCIPAL_ANYBODY;
	principal_format(&who, &name);
	actor.name = buf_str(&name);
	return ledger_note(server->identity->ledger, &actor, "host-forgotten", agent_id, "", 0, error);
}

void api_forget(struct server *server, struct httpd_request *request, const char *name)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct pending *pending = calloc(1, sizeof *pending);

	if (!pending) {
		httpd_answer_error(request, 503, "out of memory");
		return;
	}
	if (!api_find_host(server, request, name, pending->forget.agent_id)) {
		free(pending);
		return;
	}
	if (note(server, request, pending->forget.agent_id, &error) < 0) {
		httpd_answer_error(request, 503, "%s", error_text(&error, -EIO));
		free(pending);
		return;
	}
	pending->request = request;
	pending->forget.done = done;
	pending->forget.userdata = pending;
	httpd_suspend(request);
	if (writer_forget(server->writer, &pending->forget) < 0) {
		httpd_answer_error(request, 503, "the server is stopping");
		free(pending);
	}
}
