#pragma once
/*
 * The steps of a transfer as a table, and what their files share.  From the ground up:
 * step.c and parts.c, outcome.c, part.c, the step files, transfer.c.  Nobody else includes this.
 */
#include "transfer/transfer.h"

struct step_def {
    struct op *(*make)(struct transfer *t, struct turn *turn);
    void (*settle)(struct transfer *t, struct op *op, struct turn *turn); /* the op succeeded */
    /* The op failed; true: taken care of.  NULL or false: again by the policy, or give up. */
    bool (*failed)(struct transfer *t, struct op *op, struct turn *turn);
    enum event_kind event; /* of a failure; EVENT_JOB_STARTED: none */
    bool data;             /* needs a slot of the job's concurrency */
    void (*moved)(struct transfer *t, struct turn *turn); /* STEP_MOVE: every part is there */
};

extern const struct step_def upload_steps[STEPS];    /* upload.c */
extern const struct step_def download_steps[STEPS];  /* download.c */
extern const struct step_def relay_steps[STEPS];     /* relay.c */
extern const struct step_def server_steps[STEPS];    /* server_copy.c */
extern const struct step_def verify_steps[STEPS];    /* verify_steps.c */
extern const struct step_def multipart_steps[STEPS]; /* multipart.c: of uploads, any way */
extern const struct step_def file_steps[STEPS];      /* file_steps.c: of local files, any way */
extern const struct step_def target_steps[STEPS];    /* target_steps.c: any way */
extern const struct step_def reading_steps[STEPS];   /* reading_steps.c: any way */
extern const struct step_def move_steps[STEPS];      /* move_steps.c: any way */

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
/* Looks what there is to do and takes the first step; again after a restart. */
void transfer_begin(struct transfer *t, struct turn *turn);
/* Everything is in place and verified: row, events, counts.  Not before it was read back, where it
 * is to be, and not the end where the source goes. */
void transfer_succeed(struct transfer *t, struct turn *turn);
/* Done, and all is told: it only has to be let go. */
void transfer_leave_done(struct transfer *t);
/* The end of that. */
void transfer_conclude(struct transfer *t, struct turn *turn);
/* What an earlier run left of this object is what the source is now. */
bool transfer_was_done(struct transfer *t, struct turn *turn);
/* Is what the journal has of the object about this name on the other side, as far as it noted one?
 */
bool transfer_for_target(const struct transfer *t);
/* What an interrupted run has left of the object is taken up.  False: the source has changed since,
 * and the transfer starts over.  What it left for another name on the other side (a function of the
 * job file may give one each time) is let go. */
bool transfer_take_over(struct transfer *t, struct turn *turn);
bool transfer_same_source(const struct row *row, const struct object_info *info);
/* Nothing is to be sent, and `why`. */
void transfer_skip(struct transfer *t, const char *why);
/* WAY_VERIFY: both sides were compared; `what` is different, NULL: nothing. */
void transfer_verified(struct transfer *t, const char *what, struct turn *turn);
/* WAY_VERIFY of a sync: they differ, now it is sent. */
void transfer_send(struct transfer *t);
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
/* The clean-up removes its temporary file. */
bool transfer_drops_temp(const struct transfer *t);

/* An op of this transfer on a store, signed and throttled as it has to be. */
struct op *transfer_op(struct transfer *t, enum op_kind kind, const struct store *store,
                       struct turn *turn);
struct op *transfer_call(struct transfer *t, enum call_kind kind, const struct store *store,
                         const char *key, struct turn *turn);

/* Of a pair (or one of a set) that came back, the op whose failure it is. */
const struct op *transfer_blamed(const struct op *op);
enum way transfer_way_of(const struct task *task, struct turn *turn);
/* Does the target's side speak of uploads and parts? */
static inline bool transfer_to_remote(const struct transfer *t)
{
    return t->way == WAY_UPLOAD || t->way == WAY_RELAY || t->way == WAY_SERVER;
}

/* Is the whole object to be sent while it comes? */
static inline bool transfer_put_is_fed(const struct transfer *t)
{
    return t->way == WAY_RELAY && t->step == STEP_PUT && t->info.size > 0 && !t->body.len;
}

/* --- the step files ------------------------------------------------------------------- */
/* Is the target to stay as it is?  Then the transfer has ended as skipped.  `mtime_ns`: of the
 * source, as well as it is known; 0: not yet. */
bool target_is_kept(struct transfer *t, int64_t mtime_ns);
/* Must STEP_TARGET be taken first? */
bool target_is_asked(struct transfer *t);

bool source_etag_is_md5(const struct transfer *t);
/* A pinned GET of that range; len -1: of all. */
struct op *source_get(struct transfer *t, struct span span, struct turn *turn);
/* Did a web server ignore the range?  Then the error says so, and t->stream is set. */
bool source_without_ranges(struct transfer *t, struct op *op);
struct op *source_make_head(struct transfer *t, struct turn *turn);
struct op *source_make_small(struct transfer *t, struct turn *turn);
/* The answer to each; true: the transfer goes on as its way has it. */
bool source_seen(struct transfer *t, struct op *op, struct turn *turn);
bool source_got_small(struct transfer *t, struct op *op, struct turn *turn);
/* True: taken care of; with t->stream, and unless it is leaving, it goes on as after a HEAD. */
bool source_head_failed(struct transfer *t, const struct op *op, struct turn *turn);
bool source_get_failed(struct transfer *t, struct op *op, struct turn *turn);

/* From the source as t->info has it, on. */
void relay_begin(struct transfer *t, struct turn *turn);
struct op *relay_part(struct transfer *t, uint32_t n, struct span span, struct turn *turn);
bool relay_agrees(struct transfer *t, uint32_t n, struct op *op, struct turn *turn);

enum verdict { VERDICT_SAME, VERDICT_OTHER, VERDICT_OPEN };
/* WAY_SERVER, or WAY_RELAY where that is not to be had. */
enum way server_way(const struct task *task, struct turn *turn);
/* Goes on with an upload whose parts the service copied in an interrupted run; false: there is
 * none. */
bool server_carries_on(struct transfer *t);
/* The service does not copy between these buckets: the way is WAY_RELAY now. */
bool server_refused(struct transfer *t, const struct err *err, struct turn *turn);
enum verdict server_judge(struct transfer *t, const struct object_info *info);
struct op *server_part(struct transfer *t, uint32_t n, struct span span, struct turn *turn);

/* An upload in parts of about `asked` bytes, 0: as it fits; or the one of an earlier run. */
void multipart_begin(struct transfer *t, int64_t asked);

void upload_opened(struct transfer *t);
enum sum_kind upload_sum_kind(const struct transfer *t, struct turn *turn);
/* The upload is there: which sums its parts are sent with. */
void upload_created(struct transfer *t, bool sums_offered, struct turn *turn);
/* The sums of t->body that its PUT has to name. */
void upload_sum_body(struct transfer *t, struct turn *turn);
struct op *upload_make_put(struct transfer *t, struct turn *turn);
void upload_settle_put(struct transfer *t, struct op *op, struct turn *turn);
/* The sums an upload has to know of a small file when it is read. */
void upload_wishes(struct transfer *t, struct op *op, struct turn *turn);
/* A new temporary file, or the one of an earlier run. */
void target_open(struct transfer *t, struct turn *turn);
void target_finish(struct transfer *t, struct turn *turn);

/* Must the target be read back before the object is done?  Then the first step is taken. */
bool reading_begins(struct transfer *t, struct turn *turn);
/* Must a file be read back before it gets its name? */
bool reading_of_file(const struct transfer *t);

static inline bool transfer_moves(const struct transfer *t)
{
    return t->item->task->kind == TASK_MOVE;
}

/* Of a move: the copy is in place, and is noted; once it is proved the source goes. */
void move_begin(struct transfer *t, struct turn *turn);
/* Of a move: is there a copy of an earlier run that can be proved?  Then the first step is taken.
 */
bool move_recalls(struct transfer *t, struct turn *turn);
/* The source could not be found: because an earlier run moved it?  Then that is all. */
bool move_was_done(struct transfer *t, const struct op *op, struct turn *turn);
/* proof.c: is the target that was asked for what `proof` says? */
bool proof_holds(const struct transfer *t, const struct object_info *there);
/* Is the source what it was when it was copied? */
bool proof_same_source(const struct object_info *was, const struct object_info *now);
/* What a target has to look like, in one line: its name, and its ETag or inode. */
void proof_write(const struct transfer *t, const struct object_info *there, char proof[LIMIT_ETAG]);

/* --- parts.c -------------------------------------------------------------------------- */
void parts_make(struct transfer *t);
void parts_free(struct transfer *t);
void parts_cancel(struct transfer *t);
struct span part_span(const struct transfer *t, uint32_t n);
void part_done(struct transfer *t, uint32_t n, const char *etag, uint64_t sum);
void part_recall(struct transfer *t, const struct part_row *row);
/* All are there: the sum of the whole into t->sum. */
void parts_combine(struct transfer *t);
/* The same of what the source sums. */
uint64_t parts_source_sum(const struct transfer *t);
/* Counts bytes found in place; takes back the count of those that are. */
void parts_resumed(struct transfer *t, struct turn *turn);
void parts_uncount(struct transfer *t, struct turn *turn);
enum check check_of(enum sum_kind kind);
bool etag_is_of(const char *etag, const uint8_t md5[MD5_LEN]);

/* --- part.c --------------------------------------------------------------------------- */
/* `again`: the one that is ready was sent before. */
bool part_ready(struct transfer *t, int64_t now_ms, bool *again);
struct op *part_next(struct transfer *t, struct turn *turn);
/* Part `n` alone; NULL: it was sent before, or is not to be sent now. */
struct op *part_join(struct transfer *t, uint32_t n, struct turn *turn);
void part_settle(struct transfer *t, struct op *op, struct turn *turn);
void part_decide(struct transfer *t, uint32_t n, const struct decision *decision,
                 struct turn *turn);
int64_t part_wake_ms(struct transfer *t, int64_t now_ms);
