/* SPDX-License-Identifier: Apache-2.0 */
/* The model's making and end, and who is told of changes. */
#include "fleet/internal.h"
#include "fleet/update.h"

#include <errno.h>

int model_new(const char *const *plot_names, size_t count, struct model **ret_model)
{
	struct model *model = calloc(1, sizeof *model);
	pthread_rwlockattr_t attributes;
	int r;

	if (!model)
		return -ENOMEM;
	/* Readers come in crowds; the writer carries everybody's reports. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&model->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	pthread_mutex_init(&model->subscriptions_mutex, NULL);
	r = plots_init(&model->plots, plot_names, count);
	if (r < 0) {
		model_free(model);
		return r;
	}
	*ret_model = model;
	return 0;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->host_count; i++)
		host_free(model->hosts[i]);
	free(model->hosts);
	strmap_done(&model->by_id, NULL);
	strmap_done(&model->texts, NULL); /* empty: no series is left */
	plots_done(&model->plots);
	while (model->subscriptions) {
		struct model_subscription *subscription = model->subscriptions;

		model->subscriptions = subscription->next;
		free(subscription);
	}
	pthread_mutex_destroy(&model->subscriptions_mutex);
	pthread_rwlock_destroy(&model->lock);
	free(model);
}

struct model_subscription *model_subscribe(
	struct model *model, void (*changed)(void *userdata), void *userdata)
{
	struct model_subscription *subscription = calloc(1, sizeof *subscription);

	if (!subscription)
		return NULL;
	subscription->changed = changed;
	subscription->userdata = userdata;
	pthread_mutex_lock(&model->subscriptions_mutex);
	subscription->next = model->subscriptions;
	model->subscriptions = subscription;
	pthread_mutex_unlock(&model->subscriptions_mutex);
	return subscription;
}

void model_unsubscribe(struct model *model, struct model_subscription *subscription)
{
	struct model_subscription **at = &model->subscriptions;

	if (!subscription)
		return;
	pthread_mutex_lock(&model->subscriptions_mutex);
	while (*at != subscription)
		at = &(*at)->next;
	*at = subscription->next;
	pthread_mutex_unlock(&model->subscriptions_mutex);
	free(subscription);
}

void model_notify(struct model *model)
{
	uint64_t generation = model_generation(model);

	if (generation == model->notified)
		return;
	model->notified = generation;
	pthread_mutex_lock(&model->subscriptions_mutex);
	for (const struct model_subscription *s = model->subscriptions; s; s = s->next)
		s->changed(s->userdata);
	pthread_mutex_unlock(&model->subscriptions_mutex);
}
