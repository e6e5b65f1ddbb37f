#pragma once
/*
 * A world for the engine to run in: object stores, disks and time that live in memory and obey one
 * seed. One world at a time; everything is reached through `world`.
 */
#include "base/clock.h"
#include "engine/run.h"
#include "world/remote.h"
#include <stdio.h>

/* --- disks -------------------------------------------------------------------------------- */

struct file {
    int refs;             /* descriptors and the name */
    char *path;           /* NULL: unlinked */
    uint8_t *data, *safe; /* now; and what is sure to survive a power loss */
    size_t len, safe_len;
    bool dirty;            /* the two differ */
    bool name_safe;        /* its name survives a power loss */
    char *old_path;        /* renamed from, until the directory is synced */
    struct file *replaced; /* what had the name before, until then */
    bool unknown;          /* a crash came before the journal could name it */
    uint64_t inode;
    int64_t mtime_ns;
};

struct disk {
    struct file **file;
    int n_files, cap_files;
    uint64_t inodes;
};

struct file *disk_find(struct disk *disk, const char *path);
struct file *disk_create(struct disk *disk, const char *path);
void disk_unlink(struct disk *disk, struct file *file);
void file_set(struct file *file, const struct blob *blob); /* content, durable */
void file_write(struct file *file, int64_t off, const void *data, size_t len);
bool path_is_temp(const char *path);
/* Does the op; false with op->out.err. */
bool disk_op(struct disk *disk, struct op *op);
void disk_crash(struct disk *disk, bool power); /* closes everything; power: unsynced may be lost */
void disk_free(struct disk *disk);
struct file *fd_file(int fd); /* NULL: not open */
int fd_count(void);

/* --- what is to be done --------------------------------------------------------------------- */

enum what { WHAT_UPLOAD, WHAT_DOWNLOAD, WHAT_COPY, WHAT_RELAY, WHATS };

struct goal { /* one object of one task */
    const struct task *task;
    char *key, *target;
    struct blob *version[16]; /* contents of the source, oldest first */
    int n_versions;
    int from_version;        /* of this transfer: what was there when it began */
    struct blob *before;     /* what had the final name at the beginning; NULL: nothing */
    bool altered;            /* its parts were lost or changed behind the journal's back, ever */
    bool tainted;            /* something was done to it that explains sending it again */
    int restarts, decisions; /* of this run */
    bool given_up;           /* it is to start over: parts that still come are not taken note of */
    int came, dropped;       /* parts: since the last commit; for that reason, of this upload */
    bool discarded;          /* its temporary file was taken away by haul itself */
    bool was_done;           /* the journal had it as done when this run began */
    bool was_copied;         /* of a move: and all of it was still as it was */
    bool began, ended;       /* of this run: object_started, and a terminal event */
    enum event_kind last;
    uint64_t transfer; /* its newest one in this run */
    uint8_t *had;      /* part was in the journal when this run began */
    uint32_t n_had;
    uint8_t *told; /* part_succeeded was seen, since the last restart */
    uint32_t n_told;
    int64_t had_part_size;
};

struct stats {
    int64_t runs, turns, crashes, power_losses, damages, resumes, restarts, decisions, commits;
    int64_t faults[ERR_KIND_COUNT], lost_answers, flips, changes, lost_uploads;
    int64_t moved, spoilt, proofs;
    int64_t ops, parts_sent, relayed, copied, fanned, verified, held, checks, largest_resend;
};

enum mutant {
    MUTANT_NONE,
    MUTANT_EARLY_ROW,
    MUTANT_NO_IF_MATCH,
    MUTANT_JOURNAL_PARTS,
    MUTANT_NO_LUGGAGE,
    MUTANT_DEAF,
    MUTANT_DELETE_EARLY
};

struct flight {
    struct op *op;
    int64_t due_ns;
};

struct world {
    uint64_t seed;
    struct rng rng;
    int64_t now_ns;
    struct io io;
    struct flight *queue;
    int n_queue, cap_queue, n_data;
    struct op *dead; /* submitted after the crash */

    struct job job;
    struct store store[4]; /* a directory, a bucket, a directory, a bucket */
    struct remote remote[2];
    struct credentials credentials;
    bool no_copy;        /* the service refuses to copy from bucket to bucket */
    struct disk disk[2]; /* sources, targets */
    struct goal *goal;
    int n_goals;

    int fault_ppm;  /* of ops that fail, in a million */
    int change_ppm; /* of ops before which a source changes */
    int flip_ppm;   /* of parts with a wrong byte */
    int flood_ppm;  /* of requests that are refused because they come too fast */
    bool full;      /* the disk may be full */
    bool hooked;    /* a script decides about failures */

    char dir[64]; /* of the journal */
    struct journal *journal;
    struct run *run;
    int64_t commits, crash_at; /* of this run; 0: never */
    bool crash_before, power, crashed;
    struct {
        uint64_t ticket;
        struct goal *goal;
        int turns;
        int64_t due_ms;
    } ticket[256];
    int n_tickets;
    int n_actions; /* pause and the like still to come: the run may wait for them */
    bool paused, aborted, interrupted, damaged;
    bool hurt;        /* the journal was damaged since the last run */
    bool list_failed; /* a page of a listing did, in this run */
    bool verifying;   /* a verification runs */
    bool in_turn;     /* between begin and commit of the journal */
    int loss_bound;   /* parts that the crash may have lost sight of */
    int outstanding;  /* parts that an earlier crash lost sight of, not yet sent again */
    int lost_parts;   /* stored without an answer, ever */
    int concurrency;

    uint64_t hash; /* of the trace */
    bool trace;
    enum mutant mutant;
    char failure[400]; /* the first invariant that did not hold; "" */
    struct stats stats;
};

extern struct world world;

/* One in `n`; one in a million times `ppm`. */
bool chance(uint64_t n);
bool chance_ppm(int ppm);
int64_t between(int64_t low, int64_t high);

/* An invariant does not hold. */
void broken(const char *invariant, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void traced(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void hash_text(const char *text);
void hash_number(uint64_t number);

/* --- io.c ----------------------------------------------------------------------------------- */
extern const struct io_ops sim_io_ops;
extern const struct remote_host sim_host; /* of the simulated stores */
/* Puts an object into a store from outside, with a note of what it is. */
void put_object(struct remote *remote, const char *key, struct blob *blob, bool in_parts);
void io_crash(void); /* ops under way happen, or not */
void io_drop(void);
void io_begin(void);        /* of a run */
void io_committed(void);    /* what came is in the journal, or was dropped */
int io_parts_unknown(void); /* that stores have, or may have by now, and the journal has not */
struct remote *remote_of(const struct store *store); /* NULL: a directory */
const struct store *store_of(const struct remote *remote);
bool op_is_data(const struct op *op);
struct disk *disk_of(const struct store *store);

/* --- faults.c ------------------------------------------------------------------------------- */
/* Before an op takes effect: true when it is to fail; *effect: after it has happened. */
bool fault_draw(struct op *op, bool *effect);
void fault_change_source(struct goal *goal);
void fault_between_runs(void);
void fault_damage_journal(void);

/* --- watch.c -------------------------------------------------------------------------------- */
struct goal *goal_of_target(const struct store *to, const char *target);
struct goal *goal_of_source(const struct store *from, const char *key);
struct goal *goal_of_transfer(uint64_t id);
/* --- luggage.c: what objects carry beside their bytes */
void watch_luggage(const struct goal *goal, const struct blob *blob);
/* The note that an object with these bytes was given when it was made: it tells of what a copy is
 * a copy. */
void note_of(const struct blob *blob, char note[40]);
struct goal *goal_of(const struct task *task, const char *key);
void watch_event(void *ctx, const struct event *event);
void watch_submit(const struct op *op);
void watch_name(const struct store *store, const char *name, const struct blob *content,
                bool exempt);
void watch_journal(void); /* truth of the rows, by what is on disks and servers */
void watch_begin(enum journal_opened how);
void watch_end(int status);
void goal_forget_told(struct goal *goal); /* which parts were told to be there */

/* --- script.c ------------------------------------------------------------------------------- */
struct hooks watch_hooks(void);

/* --- moves.c -------------------------------------------------------------------------------- */
bool goal_moves(const struct goal *goal);
bool goal_is_gone(const struct goal *goal); /* of a move: its source is not there any more */
void moves_begin(struct goal *goal, const struct row *row, bool differs); /* of a run */
void moves_watch_submit(const struct op *op);
/* A source is about to be removed. */
void moves_watch_removal(const struct store *from, const char *key);
void moves_check_all(void); /* in the end */
/* Somebody else takes the copy away, or writes over it. */
void moves_spoil(struct goal *goal);

/* --- verify.c ------------------------------------------------------------------------------- */
void verify_all(struct run_config config);
void verify_watch_submit(const struct op *op);

/* --- paces.c -------------------------------------------------------------------------------- */
void paces_forget(void); /* a run ends */
void paces_free(void);   /* as many as may go may go to each */
void paces_watch_submit(const struct op *op);
void paces_watch_end(struct op *op);
void paces_watch_event(const struct event *event);

/* --- scenario.c ----------------------------------------------------------------------------- */
void scenario_make(void);
void scenario_free(void);
struct blob *goal_content(const struct goal *goal); /* of the target now, owned; NULL: nothing */

/* --- wrap.c --------------------------------------------------------------------------------- */
void image_take(void); /* copies the journal's files away */
void image_put(void);  /* ... and back, after journal_close */
void image_free(void);
