/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"

#include <fcntl.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

/* machine_id is HMAC-SHA256 of the machine's id under this one, as machine-id(5) asks of those who show it to
 * others. */
#define GAVEA_APPLICATION_ID SD_ID128_MAKE(5c, 1e, 7a, 40, 93, 2f, 4b, 6d, 8a, 11, d2, 06, 77, 3b, ce, 95)

static int is_id(const char *text)
{
	return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static int make_agent_id(int folder, char id[static 33])
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	random_id(id);
	buf_printf(&text, "%s\n", id);
	return file_write_atomic(folder, "agent-id", text.data, text.size, 0644);
}

static int load_agent_id(int folder, char id[static 33])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(folder, "agent-id", 64, &text);

	if (r == 0) {
		while (text.size && text.data[text.size - 1] == '\n')
			text.data[--text.size] = 0;
		if (is_id(buf_str(&text))) {
			memcpy(id, text.data, 33);
			return 0;
		}
		log_error("agent-id in the state directory is damaged; making a new one");
	} else if (r == -EFBIG) {
		log_error("agent-id in the state directory is damaged; making a new one");
	} else if (r != -ENOENT) {
		return r;
	}
	return make_agent_id(folder, id);
}

/* Which machine the id was made for. */
static int keep_machine(int folder, const char *machine_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "%s\n", machine_id);
	return file_write_atomic(folder, "agent-machine", text.data, text.size, 0644);
}

/* Whether the folder was copied from another machine. */
static int is_copy(int folder, const char *machine_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (file_read(folder, "agent-machine", 64, &text) < 0)
		return 0;
	while (text.size && text.data[text.size - 1] == '\n')
		text.data[--text.size] = 0;
	return is_id(buf_str(&text)) && !streq(buf_str(&text), machine_id);
}

/* The new id is on the disk before the machine is: after a crash in between it is only changed once more. */
static int bind_to_machine(int folder, struct identity *identity)
{
	char copied[33];
	int r;

	if (!identity->machine_id[0])
		return 0;
	if (is_copy(folder, identity->machine_id)) {
		memcpy(copied, identity->agent_id, sizeof copied);
		r = make_agent_id(folder, identity->agent_id);
		if (r < 0)
			return r;
		log_warning("the state directory is a copy of that of agent %s on another machine; this is "
			    "agent %s "
			    "from now on",
			copied, identity->agent_id);
	}
	return keep_machine(folder, identity->machine_id);
}

int identity_load(const char *state_directory, struct identity *ret_identity)
{
	struct identity identity = {.agent_id = ""};
	_cleanup_fd_ int folder = -EBADF;
	sd_id128_t id;
	int r = make_directories(state_directory, 0750);

	if (sd_id128_get_machine_app_specific(GAVEA_APPLICATION_ID, &id) >= 0)
		sd_id128_to_string(id, identity.machine_id);
	if (r == 0) {
		folder = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = folder < 0 ? -errno : load_agent_id(folder, identity.agent_id);
		if (r == 0)
			r = bind_to_machine(folder, &identity);
	}
	if (r < 0) {
		log_error("cannot keep the agent's id in %s: %s; using a new one for this run",
			state_directory, strerror(-r));
		random_id(identity.agent_id);
	}
	if (sd_id128_get_boot(&id) >= 0)
		sd_id128_to_string(id, identity.boot_id);
	*ret_identity = identity;
	return 0;
}
