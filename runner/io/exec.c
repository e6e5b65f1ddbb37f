#include "io/exec.h"
#include "base/clock.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS  50   /* how often a cancel is looked for */
#define DYING_MS 2000 /* how long a killed one may take to go */

extern char **environ;

/* What a program needs to know of where it runs.  Everything else may be a secret: keys and tokens
 * come to us by the environment. */
static const char *const passed_on[] = {"PATH",     "HOME", "USER", "LOGNAME", "SHELL", "LANG",
                                        "LANGUAGE", "LC_",  "TZ",   "TERM",    "TMPDIR"};

/* Our ends of its pipes; -1: closed. */
struct child {
    pid_t pid;
    int pidfd; /* -1: the kernel has none */
    int in, out, err;
    size_t sent; /* of its input */
};

/* --- making --------------------------------------------------------------------------- */

static char **copy_texts(const char *const *texts)
{
    size_t n = 0;

    while (texts && texts[n])
        n++;
    char **copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(texts[i]);
    return copy;
}

struct exec *exec_new(const struct exec_options *options, struct err *err)
{
    struct exec *exec = xcalloc(1, sizeof *exec);

    exec->argv = copy_texts(options->argv);
    exec->env = copy_texts(options->env);
    exec->cwd = xstrdup(options->cwd);
    exec->timeout_ms = options->timeout_ms;
    exec->input = buf_new(LIMIT_DOCUMENT);
    exec->out = buf_new(options->max);
    exec->err = buf_new(options->max);
    if (!exec->argv[0] || !exec->argv[0][0])
        err_set(err, ERR_INVALID, "it names no program");
    else if (!buf_add(&exec->input, options->input, options->input_len))
        err_set(err, ERR_INVALID, "stdin: it has more than %d bytes", LIMIT_DOCUMENT);
    else
        return exec;
    exec_free(exec);
    return NULL;
}

static void free_texts(char **texts)
{
    for (char **at = texts; at && *at; at++) {
        explicit_bzero(*at, strlen(*at));
        free(*at);
    }
    free(texts);
}

void exec_free(struct exec *exec)
{
    if (!exec)
        return;
    free_texts(exec->argv);
    free_texts(exec->env);
    if (exec->input.data)
        explicit_bzero(exec->input.data, exec->input.len);
    buf_free(&exec->input);
    buf_free(&exec->out);
    buf_free(&exec->err);
    free(exec->cwd);
    free(exec);
}

/* --- its environment ------------------------------------------------------------------ */

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");

    return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

static bool is_passed_on(const char *setting)
{
    size_t len = strcspn(setting, "=");

    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) {
        const char *name = passed_on[i];
        bool family = name[strlen(name) - 1] == '_';
        if (family ? strncmp(setting, name, strlen(name)) == 0
                   : strlen(name) == len && memcmp(setting, name, len) == 0)
            return true;
    }
    return false;
}

static bool is_given(char **given, const char *setting)
{
    for (; given && *given; given++)
        if (same_name(*given, setting))
            return true;
    return false;
}

/* The texts are borrowed. */
static char **make_env(char **given)
{
    size_t n = 1, at = 0;

    for (char **each = given; each && *each; each++)
        n++;
    for (char **each = environ; each && *each; each++)
        n += is_passed_on(*each);
    char **env = xcalloc(n, sizeof *env);
    for (char **each = given; each && *each; each++)
        env[at++] = *each;
    for (char **each = environ; each && *each; each++)
        if (is_passed_on(*each) && !is_given(given, *each))
            env[at++] = *each;
    return env;
}

/* --- starting ------------------------------------------------------------------------- */

/* The pipes of a start: those of the child first. */
struct pipes {
    int in[2], out[2], err[2], failure[2];
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *pipes)
{
    int *all[] = {pipes->in, pipes->out, pipes->err, pipes->failure};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        close_fd(&all[i][0]);
        close_fd(&all[i][1]);
    }
}

/* Above the standard three, so that none is overwritten before it is used. */
static bool make_pipe(int pipe_of[2])
{
    if (pipe2(pipe_of, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        if (pipe_of[i] > 2)
            continue;
        int higher = fcntl(pipe_of[i], F_DUPFD_CLOEXEC, 3);
        if (higher < 0)
            return false;
        close(pipe_of[i]);
        pipe_of[i] = higher;
    }
    return true;
}

static bool make_pipes(struct pipes *pipes)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    return make_pipe(pipes->in) && make_pipe(pipes->out) && make_pipe(pipes->err) &&
           make_pipe(pipes->failure);
}

/* In the child: nothing here may take a lock or memory.  It dies with us, whatever ends us. */
static _Noreturn void become(const struct exec *exec, char **env, const struct pipes *pipes,
                             pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    bool ready = dup2(pipes->in[0], 0) == 0 && dup2(pipes->out[1], 1) == 1 &&
                 dup2(pipes->err[1], 2) == 2 && (!exec->cwd || chdir(exec->cwd) == 0);
    if (ready) {
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        execvpe(exec->argv[0], exec->argv, env);
    }
    int failed = errno;
    ssize_t told = write(pipes->failure[1], &failed, sizeof failed);
    _exit(told == sizeof failed ? 127 : 126);
}

static void keep_our_ends(struct child *child, struct pipes *pipes)
{
    child->in = pipes->in[1];
    child->out = pipes->out[0];
    child->err = pipes->err[0];
    pipes->in[1] = pipes->out[0] = pipes->err[0] = -1;
    fcntl(child->in, F_SETFL, O_NONBLOCK);
    fcntl(child->out, F_SETFL, O_NONBLOCK);
    fcntl(child->err, F_SETFL, O_NONBLOCK);
}

/* Waits until the program runs, or could not. */
static bool has_started(const struct exec *exec, struct pipes *pipes, pid_t pid, struct err *err)
{
    int failed = 0;
    ssize_t n;

    close_fd(&pipes->failure[1]);
    do
        n = read(pipes->failure[0], &failed, sizeof failed);
    while (n < 0 && errno == EINTR);
    if (n != sizeof failed)
        return true;
    waitpid(pid, NULL, 0);
    err_set(err, ERR_INVALID, "cannot run %s%s%s: %s", exec->argv[0], exec->cwd ? " in " : "",
            exec->cwd ? exec->cwd : "", strerror(failed));
    return false;
}

static bool start(const struct exec *exec, struct child *child, struct err *err)
{
    struct pipes pipes;
    pid_t parent = getpid();
    char **env = make_env(exec->env);

    *child = (struct child){.pid = -1, .pidfd = -1, .in = -1, .out = -1, .err = -1};
    bool ok = make_pipes(&pipes) && (child->pid = fork()) >= 0;
    if (ok && child->pid == 0)
        become(exec, env, &pipes, parent);
    if (!ok)
        err_sys(err, errno, "cannot run %s", exec->argv[0]);
    else
        ok = has_started(exec, &pipes, child->pid, err);
    if (ok) {
        keep_our_ends(child, &pipes);
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    }
    close_pipes(&pipes);
    free(env);
    return ok;
}

/* --- while it runs -------------------------------------------------------------------- */

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Reads what is there; false when there is no room for it. */
static bool take_in(int *fd, struct buf *into)
{
    char block[16 << 10];

    while (*fd >= 0) {
        ssize_t n = read(*fd, block, sizeof block);
        if (n < 0 && would_block())
            break;
        if (n <= 0)
            close_fd(fd);
        else if (!buf_add(into, block, (size_t)n))
            return false;
    }
    return true;
}

/* It may close its input before it had all: that is its own affair. */
static void hand_out(struct child *child, const struct buf *input)
{
    while (child->in >= 0 && child->sent < input->len) {
        ssize_t n = write(child->in, input->data + child->sent, input->len - child->sent);
        if (n < 0 && would_block())
            return;
        if (n < 0)
            break;
        child->sent += (size_t)n;
    }
    close_fd(&child->in);
}

/* Has it ended?  It stays to be waited for, so that the number of its group is still its own. */
static bool has_ended(const struct child *child)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child->pid;
}

static bool too_much(const struct exec *exec, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s wrote more than %zu bytes (max), and was killed",
                   exec->argv[0], exec->out.max);
}

static void await(struct child *child, const struct buf *input, int64_t wait_ms)
{
    struct pollfd fds[] = {{.fd = child->sent < input->len ? child->in : -1, .events = POLLOUT},
                           {.fd = child->out, .events = POLLIN},
                           {.fd = child->err, .events = POLLIN},
                           {.fd = child->pidfd, .events = POLLIN}};

    poll(fds, sizeof fds / sizeof *fds, wait_ms < TICK_MS ? (int)wait_ms : TICK_MS);
}

static bool serve(struct exec *exec, struct child *child, const atomic_bool *cancel,
                  struct err *err)
{
    int64_t end_ms = clock_mono_ms() + exec->timeout_ms, left_ms;

    for (;;) {
        bool ended = has_ended(child); /* what it wrote is in the pipes then */
        hand_out(child, &exec->input);
        if (!take_in(&child->out, &exec->out) || !take_in(&child->err, &exec->err))
            return too_much(exec, err);
        if (ended)
            return true;
        if (atomic_load_explicit(cancel, memory_order_relaxed))
            return err_set(err, ERR_CANCELLED, "%s was cancelled, and killed", exec->argv[0]);
        left_ms = end_ms - clock_mono_ms();
        if (left_ms <= 0)
            return err_set(err, ERR_TIMEOUT, "%s ran for more than %g s (timeout), and was killed",
                           exec->argv[0], (double)exec->timeout_ms / 1e3);
        await(child, &exec->input, left_ms);
    }
}

/* --- its end -------------------------------------------------------------------------- */

/* One that hangs in the kernel is left to whoever comes after us. */
static void reap(struct exec *exec, const struct child *child)
{
    int64_t end_ms = clock_mono_ms() + DYING_MS;
    int status = 0;

    while (!has_ended(child) && clock_mono_ms() < end_ms) {
        struct pollfd fd = {.fd = child->pidfd, .events = POLLIN};
        poll(&fd, 1, TICK_MS);
    }
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    exec->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    exec->status = exec->signal ? 128 + exec->signal : WEXITSTATUS(status);
}

bool exec_run(struct exec *exec, const atomic_bool *cancel, struct err *err)
{
    struct child child;

    if (!start(exec, &child, err))
        return false;
    bool ok = serve(exec, &child, cancel, err);
    kill(-child.pid, SIGKILL);
    reap(exec, &child);
    close_fd(&child.in);
    close_fd(&child.out);
    close_fd(&child.err);
    close_fd(&child.pidfd);
    return ok;
}
