/* SPDX-License-Identifier: Apache-2.0 */
/* One app while the plugin is loaded: its settings, drivers, the swap that is under way, and what was seen last. */
#ifndef SWAP_APP_H
#define SWAP_APP_H

#include "counts.h"
#include "machine.h"
#include "settings.h"
#include "stager.h"
#include "tally.h"

#define HISTORY_MAX 50 /* swaps whose logs are kept */

struct app {
	struct gavea_check *check; /* of the callback that runs */
	struct settings settings;
	struct service *service;
	struct traffic *traffic;
	struct counts *counts; /* NULL: none, or it could not be opened yet */
	char counts_error[256];
	char boot_id[37];
	char folder[512]; /* the check's state directory; "": there is none */

	struct gavea_operation *operation; /* NULL: no swap is under way */
	struct swap swap;
	char damage[256]; /* the journal's step can't be read: what is wrong with it */

	struct world world;
	struct decision decision; /* of the last tick */
	char trouble[320]; /* what the last effect failed with; "": nothing */
	struct tally tally;
	struct counts_side past; /* of the old release, from the swap's beginning to this step's */
	struct gate_result gates[GATES_MAX];
	struct point_result points[POINTS_MAX];
	struct stager *stager;
	int64_t looked_boot; /* the last look; 0: none yet */
	char holder[96]; /* who asks for the lease: this host and app */
	int64_t leased_boot; /* until then there is a lease */
	int64_t beaten_boot, kept_boot; /* the last heartbeat, and when the tally was kept */
	bool beats; /* there is a heartbeat, or there may be one of before a restart */
	bool executed; /* the dead man's switch has taken the requests from the new colour */
	int64_t watched_for; /* a watcher was started for the swap that began then */
	bool recovered; /* the first tick after a start has been made */
	int series[8];
};

/* Whether a swap is under way. */
static inline bool app_swaps(const struct app *app)
{
	return app->operation != NULL;
}

/* Where files of this kind are: the check's folder and a name; false: there is no folder. */
bool app_path(struct app *app, const char *name, char *path, size_t size);

/* ---- record.c: what is written down ---- */

/* Writes `next` to the journal as the intent to be there, and only then makes it the app's. */
int app_write(struct app *app, const struct swap *next);
/* The state's aim was observed. */
int app_done(struct app *app);
/* Begins a swap in PRECHECK. */
int app_begin(struct app *app, const struct swap *swap);
/* The swap is over, in DONE or ROLLED_BACK: says so everywhere, remembers it and ends the operation. */
int app_end(struct app *app, uint32_t state);
/* A line for the log of this swap, an event for the fleet. */
void app_say(struct app *app, const char *kind, enum gavea_status status, const char *format, ...)
	_printf_(4, 5);
/* Says how long the state lasted that ends now, as a span. */
void app_span(struct app *app, const struct swap *ended, int error);
/* Finds what was under way, in open(). */
void app_recall(struct app *app);
/* The worker ends in order: what follows is no recovery. */
void app_closed(struct app *app);

/* ---- memory.c: small values that last over swaps ---- */

/* The key under which a release is banned: its digest, else its name. */
int memory_ban(struct app *app, const struct swap *swap);
int memory_unban(struct app *app, const char *name, const char *digest);
/* Whether it is banned, and why. */
bool memory_is_banned(struct app *app, const char *name, const char *digest, char *why, size_t size);
int memory_sign(struct app *app, const char *name, const char *by);
/* Who signed it off and how long ago in nanoseconds; false: nobody. */
bool memory_signed(struct app *app, const char *name, char by[static BY_SIZE], int64_t *ret_age);
/* How the last swap ended. */
struct outcome {
	char id[33];
	char release[RELEASE_SIZE];
	char reason[REASON_SIZE];
	uint32_t state; /* DONE, ROLLED_BACK; IDLE: there was none */
	int64_t ended_ms;
};
int memory_set_outcome(struct app *app, uint32_t state);
void memory_outcome(struct app *app, struct outcome *ret_outcome);
/* The release that a colour runs, as far as it came by swaps. */
void memory_release(struct app *app, enum colour colour, char release[static RELEASE_SIZE]);
void memory_keep_tally(struct app *app);
void memory_tally(struct app *app);

/* ---- look.c: what is seen ---- */
void app_look(struct app *app, int64_t deadline);
/* The launch of the swap's hook as it stands (attempt > 0). false: there is none, or no folder. */
struct hook_words {
	char *list[16];
};
bool app_launch(
	struct app *app, const struct swap *swap, struct hook_launch *ret_launch, struct hook_words *words);
void hook_words_done(struct hook_words *words);

/* ---- judge.c ---- */
/* Judges gates by the tally, into app->gates; the world gets the sum. */
void app_judge(struct app *app);
/* Judges the checklist into app->points; the world gets the sum. true: all holds. */
bool app_preflight(struct app *app);

/* ---- effect.c ---- */
/* Does what was decided. 1: something has changed; 0: nothing more is to be done in this tick; -errno with an error. */
int app_apply(struct app *app, const struct decision *decision, int64_t deadline, struct error *error);

/* ---- start.c ---- */
/* A swap to this release from what is seen now. -errno with an error that says what is wrong. */
int app_prepare(struct app *app, const char *name, const char *digest, const char *by, struct swap *ret_swap,
	struct error *error);
/* Begins the one that was to come after this one. */
int app_supersede(struct app *app, const struct swap *ended);

/* ---- tick.c ---- */
/* All that is due. */
void app_tick(struct app *app, int64_t deadline);

/* ---- show.c ---- */
void app_show_text(struct app *app, struct buf *out);
void app_show_json(struct app *app, struct buf *out);
void app_result(struct app *app);
/* One line: where it stands. Returns the status. */
enum gavea_status app_summary(struct app *app, char *text, size_t size);

/* ---- plan.c ---- */
void app_plan_text(struct app *app, const struct swap *swap, struct buf *out);
void app_plan_json(struct app *app, const struct swap *swap, struct buf *out);
void app_preflight_text(struct app *app, struct buf *out);
void app_preflight_json(struct app *app, struct buf *out);

/* ---- report.c ---- */
/* id: NULL is the last one. -ENOENT: there is no such swap. */
int app_report(struct app *app, const char *id, bool json, struct buf *out);
int app_history(struct app *app, bool json, struct buf *out);
/* Keeps HISTORY_MAX logs. */
void app_tidy(struct app *app);

/* ---- command.c ---- */
int app_command(struct app *app, struct gavea_command *command);

/* ---- deadman.c ---- */
/* The agent lives and looks after this swap. */
void app_heartbeat(struct app *app);

#endif
