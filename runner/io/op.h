#pragma once
/*
 * An op is the unit of work and the only thing that crosses threads.
 * Control allocates and frees it.  From io submit until io collect it belongs to a lane or a
 * worker, and control touches nothing of it but `cancel`.  Whatever `in` points at must outlive
 * that time.
 * One op is one attempt: io never retries and never decides.
 */
#include "wire/object_api.h"
#include <stdatomic.h>

struct bucket; /* io/throttle.h */
struct walk;   /* io/walk.h */
struct web;    /* io/web.h */
struct exec;   /* io/exec.h */

enum op_kind {
    OP_CALL,    /* an object call: on a remote store in a lane, on a directory in a worker
                   (HEAD and LIST, and of scripts small ones: GET, PUT, DELETE) */
    OP_OPEN,    /* worker: open a source file, stat it; read and hash it when it is small */
    OP_HASH,    /* worker: hash a range of an open file */
    OP_TEMP,    /* worker: create a temporary file beside a target */
    OP_RECHECK, /* worker: open a temporary file of an earlier run and check the parts in it */
    OP_COPY,    /* worker: a range of an open file into another */
    OP_SAVE,    /* worker: a small body into a temporary file, closed again */
    OP_FINISH,  /* worker: sync, close and rename temporary files; sync their directories */
    OP_DISCARD, /* worker: close and unlink a temporary file, or close a source */
    OP_REMOVE,  /* worker: unlink files below a directory, and the directories that become empty */
    OP_HTTP,    /* lane: a request of a script to any address; in.store is that of in.web */
    OP_EXEC,    /* worker of its own: a command that a script runs */
    OP_KINDS
};

struct op;
const char *op_name(const struct op *op); /* "head", "get", "temp", ...: for logs and tests */

/* One file that is to get its final name. */
struct finish_item {
    uint64_t transfer; /* whose it is */
    const struct store *root;
    const char *path; /* below the root */
    const char *temp; /* name of the temporary file, in the same directory */
    int fd;           /* open, or -1; closed by the worker */
    int64_t mtime_ns; /* to be set on the file; 0: leave */
    bool want_info;
    struct object_info info; /* out: of the file in place, where it was wanted */
    struct err err;          /* out: kind NONE when the file is in place */
    bool renamed;            /* out: the final name is there (what failed came after) */
};

/* A range of a temporary file and the sum its bytes must have. */
struct recheck_item {
    int64_t off, len;
    uint64_t sum;
    bool good; /* out */
};

/* One file to be removed. */
struct remove_item {
    const char *path; /* below the root */
    /* It goes only if its size, mtime and inode are still these; NULL: as it is. */
    const struct object_info *only;
    struct err err; /* out: kind NONE when it is gone (or was not there) */
};

struct op {
    struct op *next; /* link of the queue that holds it now */
    enum op_kind kind;
    uint64_t transfer;  /* control's own: whose op this is; 0: of no transfer, but of ... */
    void *owner;        /* control's own: ... whoever made it */
    uint32_t part;      /* control's own: which part, from 1; 0: none */
    uint32_t task;      /* control's own */
    uint64_t number;    /* control's own: of the requests to its store */
    bool again;         /* control's own: it was sent before */
    bool aside;         /* a script waits for it: it takes no place of a transfer's */
    atomic_bool cancel; /* control may set it at any time; the op then ends as ERR_CANCELLED */

    struct {
        const struct store *store;
        const struct credentials *credentials; /* signed with these; NULL: anonymous */
        struct object_call call;
        struct bucket *bytes[3]; /* token buckets to charge, outermost first; NULL: none */
        struct bucket *requests[3];
        int64_t skew_ms; /* store's clock minus ours */

        const char *path;       /* below the store's root */
        const char *temp;       /* the temporary file's name; TEMP, SAVE: NULL makes one up */
        int fd;                 /* GET, PUT, PART, HASH, COPY (target), DISCARD; -1: memory */
        int64_t fd_off;         /* where in that file the body starts */
        int source_fd;          /* COPY */
        const void *memory;     /* PUT, SAVE: a small body, with call.len */
        int64_t memory_max;     /* GET: body is kept in out.body up to this; OPEN: read files up to
                                     this size into out.body; 0: do not */
        int64_t size;           /* TEMP: what to allocate */
        int64_t mtime_ns;       /* SAVE: to be set on the file */
        enum sum_kind sum_kind; /* computed over the bytes in passing */
        bool want_md5, want_sha256; /* HASH, OPEN (small); want_md5 also PUT, PART with a feed */
        struct finish_item *finish;
        struct recheck_item *recheck;
        struct remove_item *remove;
        int n_items;
        /* PUT, PART: a GET whose body is this one's, sent while it arrives, through a bounded ring
         * in memory.  Made by control, never submitted itself; both run in one lane, and the pair
         * comes back together, each with its own `out`; freed with this op (fds and what `in`
         * points at stay control's).  `cancel` of this op is that of both.  When the GET fails, its
         * error is this op's too, and the store has no whole body; when the PUT fails, the GET ends
         * as ERR_CANCELLED.  Each charges its own buckets: control gives a limit that the pair
         * shares (the job's, the task's) to one of them.  A PUT whose connection dies begins again
         * only while all it had is still in the ring; else it is ERR_NETWORK. */
        struct op *feed;
        /* Of an op with a feed: further PUTs and PARTs of the same length, without a feed of their
         * own, each linked to the next by its `also`; fewer than LIMIT_FAN.  One GET feeds all: a
         * set.  It is submitted, begun and given back as this one op, once all of it has ended, and
         * freed with it.  Each has its own `out`, its own `cancel` and its own buckets.  One that
         * fails or is cancelled ends alone, and the others go on; the GET is cancelled when none is
         * left; when it fails, those that were left have its error.  The slowest holds the others
         * up, as they share the ring: one that takes nothing does so for its stall timeout. */
        struct op *also;
        bool sync;         /* FINISH: durable before it is said to be done */
        struct walk *walk; /* LIST on a directory: where the walk stands */
        struct web *web;   /* HTTP: the request, and its answer; freed with the op */
        struct exec *exec; /* EXEC: the command, and what came of it; freed with the op */
    } in;

    struct {
        void *handle; /* the lane's own */
    } live;

    struct {
        struct err err; /* kind NONE: done */
        bool fed_badly; /* `err` is that of the feed */
        struct object_answer answer;
        struct object_info info; /* OPEN, HEAD on a directory */
        int fd;                  /* OPEN, TEMP, RECHECK: owned by control from here on */
        char temp[64];           /* TEMP, SAVE: name of the temporary file, without directory */
        struct buf body;         /* GET into memory, OPEN of a small file */
        uint64_t sum;            /* of the bytes moved, of kind in.sum_kind */
        uint8_t md5[MD5_LEN], sha256[SHA256_LEN];
        int64_t moved;                /* bytes of object data that went through */
        int64_t started_ns, ended_ns; /* monotonic */
        bool reused;                  /* the connection was an old one */
    } out;
};

/* A zeroed op with its fds at -1. */
struct op *op_new(enum op_kind kind);
/* Ops of scripts; they take what they are given. */
struct op *op_new_http(struct web *web);
struct op *op_new_exec(struct exec *exec);
/* Frees the op and what it owns (not fds). */
void op_free(struct op *op);
