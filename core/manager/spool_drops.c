/* SPDX-License-Identifier: Apache-2.0 */
/* What was dropped: counted, told, and kept over restarts. */
#include "base/clock.h"
#include "base/log.h"
#include "core/manager/sealed.h"
#include "core/manager/spool_internal.h"
#include "proto/control.pb-c.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <stdio.h>

#define STATE_FILE "spool-state"
#define STATE_MAX_BYTES ((size_t)64 << 10)
#define TELL_ROOM ((size_t)4 << 20) /* of what waits: beyond it more news only hurt */

static const char *const classes[DROP_CLASSES] = {"samples", "results", "events"};
static const char *const causes[DROP_CAUSES] = {"bound", "age", "memory", "disk", "size", "damage"};

/* As Loss records say it. */
static const char *const reasons[DROP_CAUSES] = {"spool full", "too old", "memory full",
	"neither disk nor memory took it", "larger than a record may be", "damaged"};

const char *drop_class_name(enum drop_class class)
{
	return classes[class];
}

const char *drop_cause_name(enum drop_cause cause)
{
	return causes[cause];
}

int drop_class_of(int kind)
{
	switch (kind) {
	case GAVEA_RECORD_SAMPLES:
		return DROP_SAMPLES;
	case GAVEA_RECORD_RESULT:
		return DROP_RESULTS;
	case GAVEA_RECORD_EVENT:
	case GAVEA_RECORD_SPAN:
	case GAVEA_RECORD_CHECK_GONE:
		return DROP_EVENTS;
	default:
		return -1;
	}
}

void spool_count_loss(struct spool *spool, const struct loss *loss)
{
	for (int class = 0; class < DROP_CLASSES; class ++)
		spool->dropped[class][loss->cause] += loss->counts[class];
	spool->unsaved = true;
}

void spool_count_lost(struct spool *spool, int kind, enum drop_cause cause)
{
	int class = drop_class_of(kind);

	if (class < 0)
		return;
	spool->dropped[class][cause]++;
	spool->untold[class][cause]++;
	spool->unsaved = true;
}

/* ---- Loss records ---- */

size_t loss_encode(const struct loss *loss, uint8_t bytes[static LOSS_MAX_BYTES])
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Loss message = GAVEA__V1__LOSS__INIT;

	message.first_seq = loss->first_seq;
	message.last_seq = loss->last_seq;
	message.samples = loss->counts[DROP_SAMPLES];
	message.results = loss->counts[DROP_RESULTS];
	message.events = loss->counts[DROP_EVENTS];
	message.reason = (char *)reasons[loss->cause];
	record.time_ms = loss->time_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_LOSS;
	record.loss = &message;
	return gavea__v1__record__pack(&record, bytes);
}

static int cause_from_reason(const char *reason)
{
	for (int cause = 0; cause < DROP_CAUSES; cause++)
		if (streq(reasons[cause], reason))
			return cause;
	return -1;
}

int loss_decode(const uint8_t *payload, size_t length, struct loss *ret_loss)
{
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);
	int r = -EBADMSG;

	if (record && record->body_case == GAVEA__V1__RECORD__BODY_LOSS) {
		const Gavea__V1__Loss *loss = record->loss;
		int cause = cause_from_reason(loss->reason);

		if (cause >= 0) {
			*ret_loss = (struct loss){
				.first_seq = loss->first_seq,
				.last_seq = loss->last_seq,
				.counts = {loss->samples, loss->results, loss->events},
				.cause = (enum drop_cause)cause,
				.time_ms = record->time_ms,
			};
			r = 0;
		}
	}
	if (record)
		gavea__v1__record__free_unpacked(record, NULL);
	return r;
}

void spool_tell_untold(struct spool *spool)
{
	for (int cause = 0; cause < DROP_CAUSES; cause++) {
		struct loss loss = {.cause = (enum drop_cause)cause, .time_ms = spool->unix_ms()};
		uint8_t bytes[LOSS_MAX_BYTES];
		uint64_t any = 0;

		for (int class = 0; class < DROP_CLASSES; class ++) {
			loss.counts[class] = spool->untold[class][cause];
			any |= loss.counts[class];
		}
		if (!any || spool->pending.size > TELL_ROOM ||
			spool_append(spool, bytes, loss_encode(&loss, bytes)) < 0)
			continue;
		for (int class = 0; class < DROP_CLASSES; class ++)
			spool->untold[class][cause] = 0;
	}
}

/* ---- Over restarts ---- */

static int find(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (streq(names[i], name))
			return i;
	return -1;
}

static void take_drops(struct spool *spool, const Gavea__Control__V1__SavedSpool *state)
{
	for (size_t i = 0; i < state->n_drops; i++) {
		int class = find(classes, DROP_CLASSES, state->drops[i]->class_);
		int cause = find(causes, DROP_CAUSES, state->drops[i]->cause);

		if (class >= 0 && cause >= 0)
			spool->dropped[class][cause] = state->drops[i]->records;
	}
	if (state->dropped_since_ms > 0)
		spool->dropped_since_ms = state->dropped_since_ms;
}

static int state_path(const struct spool *spool, char **ret_path)
{
	return asprintf(ret_path, "%s/" STATE_FILE, spool->folder_path) < 0 ? -ENOMEM : 0;
}

void spool_state_load(struct spool *spool)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	Gavea__Control__V1__SavedSpool *state = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	spool->dropped_since_ms = spool->unix_ms();
	spool->unsaved = true;
	if (state_path(spool, &path) < 0) {
		path = NULL;
		return;
	}
	r = sealed_read(path, STATE_MAX_BYTES, &bytes);
	if (r == 0)
		state = gavea__control__v1__saved_spool__unpack(
			NULL, bytes.size, (const uint8_t *)bytes.data);
	if (!state) {
		if (r != -ENOENT)
			log_warning("spool: %s is damaged; drops are counted anew", path);
		return;
	}
	take_drops(spool, state);
	spool->unsaved = !streq(state->machine_id, spool->machine_id);
	if (spool->unsaved && *state->machine_id && *spool->machine_id)
		spool->findings |= SPOOL_CLONED;
	gavea__control__v1__saved_spool__free_unpacked(state, NULL);
}

void spool_state_save(struct spool *spool)
{
	Gavea__Control__V1__SavedSpool state = GAVEA__CONTROL__V1__SAVED_SPOOL__INIT;
	Gavea__Control__V1__SpoolDrop drops[DROP_CLASSES * DROP_CAUSES], *pointers[ARRAY_SIZE(drops)];
	_cleanup_free_ char *path = NULL;

	if (!spool->unsaved || spool->folder < 0 || spool->disk_error[0])
		return;
	if (state_path(spool, &path) < 0) {
		path = NULL;
		return;
	}
	for (int class = 0; class < DROP_CLASSES; class ++)
		for (int cause = 0; cause < DROP_CAUSES; cause++) {
			Gavea__Control__V1__SpoolDrop *drop = &drops[state.n_drops];

			if (spool->dropped[class][cause] == 0)
				continue;
			gavea__control__v1__spool_drop__init(drop);
			drop->class_ = (char *)classes[class];
			drop->cause = (char *)causes[cause];
			drop->records = spool->dropped[class][cause];
			pointers[state.n_drops++] = drop;
		}
	state.machine_id = spool->machine_id;
	state.drops = pointers;
	state.dropped_since_ms = spool->dropped_since_ms;
	if (sealed_write(path, &state.base) == 0)
		spool->unsaved = false;
}
