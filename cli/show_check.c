/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show_check.h"
#include "base/clock.h"
#include "cli/say.h"
#include "cli/status_text.h"

/* Keeps the first part and adds the further ones to it. */
static int take_check(const answer_t *answer, void *userdata)
{
	check_status_t **status = userdata;
	answer_t *own = (answer_t *)answer;

	if (own->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_CHECK)
		return 0;
	if (*status)
		return check_status_merge(*status, own->check);
	*status = TAKE_PTR(own->check);
	own->body_case = GAVEA__CONTROL__V1__ANSWER__BODY__NOT_SET;
	return 0;
}

static void free_check(check_status_t **status)
{
	gavea__control__v1__check_status__free_unpacked(*status, NULL);
}

int ask_check(struct cli *cli, const request_t *request, check_status_t **ret_status, struct error *error)
{
	_cleanup_(free_check) check_status_t *status = NULL;
	int r = client_ask_all(cli->socket, request, take_check, &status, error);

	if (r == 0)
		*ret_status = TAKE_PTR(status);
	return r;
}

int show_check(struct cli *cli, const request_t *request)
{
	_cleanup_(free_check) check_status_t *status = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct terminal terminal = terminal_get();
	struct json json;
	int r = ask_check(cli, request, &status, &error);

	if (r < 0)
		return complain_error(CLI_UNKNOWN, &error, r);
	if (!status)
		return complain(CLI_UNKNOWN,
			"gavead gave no answer about that check; are gavea and gavead of the same version?");
	if (cli->json) {
		json_init(&json, &out);
		status_json_check(&json, status);
		buf_add_char(&out, '\n');
	} else {
		status_text_check(status, &terminal, clock_unix_ms(), &out);
	}
	return say(&out) ? CLI_UNKNOWN : (int)check_status_state(status);
}
