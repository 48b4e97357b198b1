/* SPDX-License-Identifier: Apache-2.0 */
/* What was dropped: counted and told. */
#include "base/clock.h"
#include "core/manager/spool_internal.h"
#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

#include <errno.h>

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
	spool->untold[cause].counts[class]++;
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

void spool_tell_later(struct spool *spool, const struct loss *loss)
{
	struct loss *untold = &spool->untold[loss->cause];

	for (int class = 0; class < DROP_CLASSES; class ++)
		untold->counts[class] += loss->counts[class];
	if (untold->first_seq == 0 || loss->first_seq < untold->first_seq)
		untold->first_seq = loss->first_seq;
	untold->last_seq = MAX(untold->last_seq, loss->last_seq);
}
