/* SPDX-License-Identifier: Apache-2.0 */
/* Who a report comes from. */
#include "base/clock.h"
#include "fleet/server.h"

#include <errno.h>

bool server_judge_sender(
	struct server *server, struct httpd_request *request, const Gavea__V1__Report *report)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_(principal_done) struct principal sender = {};
	const struct claim claim = {report->agent_id, report->agent->machine_id, report->spool_id,
		report->agent->boot_id, httpd_peer(request)};
	struct verdict verdict;
	int r;

	if (!server->identity->authority)
		return true;
	/* Again: it may have been revoked while the body was on its way. */
	r = access_judge(&server->access, request, SCOPE_REPORT, &sender);
	if (r < 0)
		verdict = (struct verdict){.status = -r, .code = "refused"};
	else
		verdict = identity_judge_report(server->identity,
			sender.kind == PRINCIPAL_AGENT ? &sender.credential : NULL, &claim, clock_unix_ms(),
			&error);
	if (verdict.cloned)
		writer_note(server->writer, report->agent_id, report->agent->name, "cloned-agent",
			GAVEA_WARNING,
			"a copy of this agent reports from %s; it was refused and has to get an identity of "
			"its "
			"own",
			httpd_peer(request));
	if (!verdict.code)
		return true;
	server->metrics.reports[METRICS_UNAUTHORISED]++;
	httpd_answer_code(request, verdict.status, verdict.code, "%s", error_text(&error, -EACCES));
	return false;
}
