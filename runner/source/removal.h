#pragma once
/*
 * The last phase of a task that deletes: what the journal has as extras is removed in batches,
 * after the guard and the job file's veto.  Each extra leaves the journal once its store has said
 * that it is gone, so a crash in between removes it once more, which is harmless.  Owned by the
 * task's run. Control thread only.
 */
#include "io/op.h"
#include "transfer/turn.h"

struct removal;

/* What was counted while both sides were listed. */
struct census {
    int64_t source_objects, target_objects;
};

/* `stop` gets the reason when the guard does not let it begin; NULL then.  A removal with nothing
 * to remove is over at once. */
struct removal *removal_new(const struct task *task, const struct census *census, struct turn *turn,
                            struct err *stop);
void removal_free(struct removal *removal);

/* Was before_delete told, and is a script to answer (to a ticket that is the task's number)? */
bool removal_asking(const struct removal *removal);
/* It may begin. */
void removal_allow(struct removal *removal);

/* Takes batches out of the journal; between begin and commit of a turn. */
void removal_fill(struct removal *removal, struct turn *turn);
struct op *removal_next(struct removal *removal, struct turn *turn);
bool removal_owns(const struct removal *removal, const struct op *op);
void removal_settle(struct removal *removal, struct op *op, struct turn *turn);
int64_t removal_wake_ms(const struct removal *removal);
/* removal_fill or removal_next would find something to do at once. */
bool removal_ready(const struct removal *removal);
bool removal_over(const struct removal *removal);
