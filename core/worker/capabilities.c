/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "core/worker/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>

static int granted_mask(const Gavea__Worker__V1__Rights *rights, uint64_t *ret_mask, struct error *error)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < rights->n_capabilities; i++) {
		const char *name = startswith(rights->capabilities[i], "CAP_");
		int number = name ? capng_name_to_capability(name) : -1;

		if (number < 0 || number > 63)
			return error_set(
				error, -EINVAL, "capability %s is not known here", rights->capabilities[i]);
		mask |= UINT64_C(1) << number;
	}
	*ret_mask = mask;
	return 0;
}

/* Keeps in a set what is granted of it; returns that. */
static uint64_t reduce(capng_type_t type, uint64_t granted)
{
	uint64_t kept = 0;

	for (unsigned i = 0; i <= 63; i++) {
		if (!capng_have_capability(type, i))
			continue;
		if (granted & UINT64_C(1) << i)
			kept |= UINT64_C(1) << i;
		else
			capng_update(CAPNG_DROP, type, i);
	}
	return kept;
}

/* The bounding set can be lowered only with CAP_SETPCAP; without it nothing can be gained anyway, thanks to
 * no_new_privs. */
static int apply(uint64_t granted, uint64_t *ret_kept, bool *ret_bounded)
{
	uint64_t kept;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process() < 0)
		return -EIO;
	for (unsigned i = 0; i <= 63; i++)
		if (!(granted & UINT64_C(1) << i))
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, i, 0, 0);
	*ret_bounded = true;
	for (unsigned i = 0; i <= 63; i++)
		if (!(granted & UINT64_C(1) << i) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			*ret_bounded = false;
	kept = reduce(CAPNG_PERMITTED, granted);
	reduce(CAPNG_EFFECTIVE, granted);
	reduce(CAPNG_INHERITABLE, granted);
	for (unsigned i = 0; i <= 63; i++)
		if (kept & UINT64_C(1) << i)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, i);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	*ret_kept = kept;
	return 0;
}

int sandbox_capabilities(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint64_t granted = 0, kept = 0;
	bool bounded = false;
	int r = granted_mask(spec->rights, &granted, error);

	if (r < 0)
		return r;
	r = apply(granted, &kept, &bounded);
	if (r < 0)
		return error_set(error, r, "cannot drop capabilities: %s", strerror(-r));
	for (unsigned i = 0; i <= 63; i++)
		if (kept & UINT64_C(1) << i)
			buf_printf(&text, " CAP_%s", capng_capability_to_name(i));
	for (char *c = text.data; c && *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	sandbox_say(report, "capabilities:%s%s", text.size ? buf_str(&text) : " none",
		bounded ? "" : " (the bounding set could not be lowered; no_new_privs holds)");
	/* What is needed and not there is for the operator to know before the plugin fails for it. */
	if (kept != granted)
		sandbox_say(report, "capabilities: some that were granted are not there to be kept");
	return 0;
}
