#pragma once
/*
 * A command that a script runs: its words, what it is given, what it wrote.  Run by a worker in a
 * process group of its own, without a shell, with none of our descriptors and little of our
 * environment.  Owned by the op it is in (op->in.exec); until then by whoever made it.
 */
#include "base/buf.h"
#include "base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct exec {
    char **argv;      /* the program, looked up in PATH, and its arguments; ends with NULL */
    char **env;       /* "NAME=value", beside what is passed on; ends with NULL */
    char *cwd;        /* NULL: ours */
    struct buf input; /* what it reads from its standard input; at most LIMIT_DOCUMENT */
    int64_t timeout_ms;

    int status;          /* out: its exit status; 128 + signal when a signal ended it */
    int signal;          /* out: that signal; 0: none */
    struct buf out, err; /* out: what it wrote */
};

/* What is asked; everything is copied. */
struct exec_options {
    const char *const *argv, *const *env; /* end with NULL; env NULL: nothing */
    const char *cwd;
    const char *input;
    size_t input_len;
    int64_t timeout_ms;
    size_t max; /* bytes of its output, and as many of its errors */
};

/* NULL: it names no program, or its input is too long. */
struct exec *exec_new(const struct exec_options *options, struct err *err);
/* Wipes what it held: arguments, environment and input may be secrets. */
void exec_free(struct exec *exec);

/* Runs it to its end, which is that of the program itself: what it leaves behind in its group is
 * killed.  True whatever its exit status is; false when it cannot be started, runs for longer than
 * its time (ERR_TIMEOUT), writes more than there is room for (ERR_INVALID), or `cancel` is set
 * (ERR_CANCELLED): it is killed then.  Errors name the program alone.  Blocks; worker only. */
bool exec_run(struct exec *exec, const atomic_bool *cancel, struct err *err);
