/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/api.h"

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

void api_forget(struct server *server, struct httpd_request *request, const char *name)
{
	struct pending *pending = calloc(1, sizeof *pending);

	if (!pending) {
		httpd_answer_error(request, 503, "out of memory");
		return;
	}
	if (!api_find_host(server, request, name, pending->forget.agent_id)) {
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
