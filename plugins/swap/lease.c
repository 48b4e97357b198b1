/* SPDX-License-Identifier: Apache-2.0 */
#include "lease.h"
#include "lease_provider.h"

#include <errno.h>
#include <stddef.h>

static int none_judge(const struct lease_settings *settings, struct error *error)
{
	(void)settings;
	(void)error;
	return 0;
}

static int none_take(const struct lease_settings *settings, const char *holder, int64_t deadline,
	struct lease *ret_lease, struct error *error)
{
	(void)settings;
	(void)holder;
	(void)deadline;
	(void)error;
	*ret_lease = (struct lease){.ttl = INT64_MAX};
	return 0;
}

static int none_give(
	const struct lease_settings *settings, const char *holder, int64_t deadline, struct error *error)
{
	(void)holder;
	(void)deadline;
	return none_judge(settings, error);
}

static const struct lease_provider none = {"none", none_judge, none_take, none_give};

static const struct lease_provider *find(const struct lease_settings *settings, struct error *error)
{
	const struct lease_provider *const providers[] = {&none, &lease_file, &lease_fleetlock};

	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (streq(settings->provider, providers[i]->name))
			return providers[i];
	error_set(error, -EINVAL, "lease \"%s\" is none of none, file, fleetlock", settings->provider);
	return NULL;
}

int lease_judge(const struct lease_settings *settings, struct error *error)
{
	const struct lease_provider *provider = find(settings, error);

	return provider ? provider->judge(settings, error) : -EINVAL;
}

int lease_take(const struct lease_settings *settings, const char *holder, int64_t deadline,
	struct lease *ret_lease, struct error *error)
{
	const struct lease_provider *provider = find(settings, error);

	return provider ? provider->take(settings, holder, deadline, ret_lease, error) : -EINVAL;
}

int lease_give(
	const struct lease_settings *settings, const char *holder, int64_t deadline, struct error *error)
{
	const struct lease_provider *provider = find(settings, error);

	return provider ? provider->give(settings, holder, deadline, error) : -EINVAL;
}
