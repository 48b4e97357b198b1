/* SPDX-License-Identifier: Apache-2.0 */
/* What the traffic drivers share. */
#ifndef SWAP_TRAFFIC_INTERNAL_H
#define SWAP_TRAFFIC_INTERNAL_H

#include "traffic.h"

#include <errno.h>

int traffic_haproxy_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);
int traffic_haproxy_weights_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);
int traffic_nginx_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);
int traffic_symlink_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);
int traffic_exec_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);

/* A view in which nothing is known. */
void traffic_view_init(struct traffic_view *view);

/* -EINVAL: what is the setting for people, with an example. */
int traffic_missing(const char *kind, const char *setting, const char *what, struct error *error);

#endif
