#pragma once
/*
 * The steps of a transfer as a table, and what their files share.  From the ground up:
 * step.c and parts.c, outcome.c, part.c, the step files, transfer.c.  Nobody else includes this.
 */
#include "core/transfer.h"

struct step_def {
    struct op *(*make)(struct transfer *t, struct turn *turn);
    void (*settle)(struct transfer *t, struct op *op, struct turn *turn); /* the op succeeded */
    /* The op failed; true: taken care of.  NULL or false: again by the policy, or give up. */
    bool (*failed)(struct transfer *t, struct op *op, struct turn *turn);
    enum event_kind event; /* of a failure; EVENT_JOB_STARTED: none */
    bool data;             /* needs a slot of the job's concurrency */
    void (*moved)(struct transfer *t, struct turn *turn); /* STEP_MOVE: every part is there */
};

extern const struct step_def upload_steps[STEPS];   /* upload.c */
extern const struct step_def download_steps[STEPS]; /* download.c */
extern const struct step_def file_steps[STEPS];     /* file_steps.c: of local files, any way */

/* --- step.c --------------------------------------------------------------------------- */
void transfer_go(struct transfer *t, enum step step);
/* After `attempt` tries ended with `err`: shall there be another, and when? */
bool transfer_again(struct transfer *t, const struct err *err, const struct op *op, int attempt,
                    struct turn *turn, int64_t *delay_ms);
/* Its row as it stands, and as its source and parts are now. */
void transfer_put_row(struct transfer *t, struct turn *turn);
void transfer_save(struct transfer *t, struct turn *turn);
void transfer_drop_parts(struct transfer *t, struct turn *turn); /* their rows */
struct queued_event *transfer_emit(struct transfer *t, struct turn *turn, enum event_kind kind);
void transfer_emit_failure(struct transfer *t, struct turn *turn, enum event_kind kind,
                           const struct err *err, int attempt);
void transfer_emit_reason(struct transfer *t, struct turn *turn, enum event_kind kind,
                          const char *reason);

/* --- outcome.c ------------------------------------------------------------------------ */
/* Everything is in place and verified: row, events, counts. */
void transfer_succeed(struct transfer *t, struct turn *turn);
/* What an earlier run left of this object is what the source is now. */
bool transfer_was_done(struct transfer *t, struct turn *turn);
bool transfer_same_source(const struct row *row, const struct object_info *info);
/* From scratch, after cleaning up; gives up when that happened too often. */
void transfer_restart(struct transfer *t, const struct err *why, struct turn *turn);
void transfer_corrupt(struct transfer *t, struct turn *turn, const char *what);
void transfer_give_up(struct transfer *t, const struct err *err, struct turn *turn);
/* What a script said about a failed part, as far as it concerns the object; and about the object.
 */
void transfer_obey(struct transfer *t, const struct decision *decision, struct turn *turn);
void transfer_decide_object(struct transfer *t, const struct decision *decision, struct turn *turn);
/* Of a transfer that is leaving: as far as it can go without an op; true: it is to begin again. */
bool transfer_move_out(struct transfer *t, struct turn *turn);

/* An op of this transfer on a store, signed and throttled as it has to be. */
struct op *transfer_op(struct transfer *t, enum op_kind kind, const struct store *store,
                       struct turn *turn);
struct op *transfer_call(struct transfer *t, enum call_kind kind, const struct store *store,
                         const char *key, struct turn *turn);

/* --- the step files ------------------------------------------------------------------- */
void upload_opened(struct transfer *t);
/* The sums an upload has to know of a small file when it is read. */
void upload_wishes(struct transfer *t, struct op *op, struct turn *turn);
/* A new temporary file, or the one of an earlier run. */
void target_open(struct transfer *t, struct turn *turn);
void target_finish(struct transfer *t, struct turn *turn);

/* --- parts.c -------------------------------------------------------------------------- */
void parts_make(struct transfer *t);
void parts_free(struct transfer *t);
void parts_cancel(struct transfer *t);
struct span part_span(const struct transfer *t, uint32_t n);
void part_done(struct transfer *t, uint32_t n, const char *etag, uint64_t sum);
/* All are there: the sum of the whole into t->sum. */
void parts_combine(struct transfer *t);
/* Counts bytes found in place; takes back the count of those that are. */
void parts_resumed(struct transfer *t, struct turn *turn);
void parts_uncount(struct transfer *t, struct turn *turn);
enum check check_of(enum sum_kind kind);

/* --- part.c --------------------------------------------------------------------------- */
bool part_ready(struct transfer *t, int64_t now_ms);
struct op *part_next(struct transfer *t, struct turn *turn);
void part_settle(struct transfer *t, struct op *op, struct turn *turn);
void part_decide(struct transfer *t, uint32_t n, const struct decision *decision,
                 struct turn *turn);
int64_t part_wake_ms(struct transfer *t, int64_t now_ms);
