#include "io/door.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME       "control"
#define VISITORS   8  /* at once: the oldest makes room for the next */
#define EVENTS_MAX 16 /* looked at in one turn */
#define ANSWER_S   30 /* a turn may compute for a while in a hook */

struct visitor {
    int fd;
    size_t len;
    char line[DOOR_LINE];
};

struct door {
    int dir_fd, listen_fd, epoll_fd;
    struct visitor visitor[VISITORS]; /* the oldest first */
    int n;
};

/* --- names ---------------------------------------------------------------------------- */

static int open_dir(const char *dir)
{
    return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* An address has room for some hundred bytes; a path that is longer is taken from its directory. */
static void address_of(struct sockaddr_un *address, const char *dir, int dir_fd)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(address->sun_path, sizeof address->sun_path, "%s/" NAME, dir);
    if (len >= (int)sizeof address->sun_path)
        snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" NAME, dir_fd);
}

static bool same_user(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

/* --- the side that listens ------------------------------------------------------------ */

static bool watch(struct door *door, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(door->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The mode is set before there is a name; what the umask leaves of it is less. */
static bool listen_at(struct door *door, const char *dir)
{
    struct sockaddr_un address;
    struct stat st;

    address_of(&address, dir, door->dir_fd);
    if (fstatat(door->dir_fd, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
        unlinkat(door->dir_fd, NAME, 0);
    door->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return door->listen_fd >= 0 && fchmod(door->listen_fd, 0600) == 0 &&
           bind(door->listen_fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           listen(door->listen_fd, VISITORS) == 0;
}

struct door *door_open(const char *dir, struct err *err)
{
    struct door *door = xcalloc(1, sizeof *door);

    door->listen_fd = -1;
    door->dir_fd = open_dir(dir);
    door->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (door->dir_fd >= 0 && door->epoll_fd >= 0 && listen_at(door, dir) &&
        watch(door, door->listen_fd))
        return door;
    err_sys(err, errno, "cannot listen at %s/" NAME, dir);
    door_close(door);
    return NULL;
}

static void leave(struct door *door, int i)
{
    close(door->visitor[i].fd);
    memmove(&door->visitor[i], &door->visitor[i + 1],
            (size_t)(--door->n - i) * sizeof *door->visitor);
}

void door_close(struct door *door)
{
    if (!door)
        return;
    while (door->n)
        leave(door, 0);
    if (door->listen_fd >= 0) {
        close(door->listen_fd);
        unlinkat(door->dir_fd, NAME, 0);
    }
    if (door->epoll_fd >= 0)
        close(door->epoll_fd);
    if (door->dir_fd >= 0)
        close(door->dir_fd);
    free(door);
}

int door_fd(const struct door *door)
{
    return door->epoll_fd;
}

static void enter(struct door *door)
{
    int fd = accept4(door->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        epoll_ctl(door->epoll_fd, EPOLL_CTL_DEL, door->listen_fd, NULL); /* or it asks for ever */
    if (fd < 0)
        return;
    if (!same_user(fd) || !watch(door, fd)) {
        close(fd);
        return;
    }
    if (door->n == VISITORS)
        leave(door, 0);
    door->visitor[door->n].fd = fd;
    door->visitor[door->n++].len = 0;
}

typedef void answer_fn(void *ctx, const char *line, struct buf *out);

/* It fits into the socket's buffer, so one call sends all, or nobody will read it. */
static void reply(struct visitor *visitor, answer_fn *answer, void *ctx)
{
    struct buf out = buf_new(DOOR_ANSWER);

    answer(ctx, visitor->line, &out);
    ssize_t n = send(visitor->fd, buf_str(&out), out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n;
    buf_free(&out);
}

/* False: nothing more is wanted of this one. */
static bool hear(struct visitor *visitor, answer_fn *answer, void *ctx)
{
    ssize_t n = recv(visitor->fd, visitor->line + visitor->len, DOOR_LINE - visitor->len, 0);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    visitor->len += (size_t)n;
    char *end = memchr(visitor->line, '\n', visitor->len);
    if (!end)
        return visitor->len < DOOR_LINE;
    *end = '\0';
    if (strlen(visitor->line) == (size_t)(end - visitor->line)) /* no NUL in it */
        reply(visitor, answer, ctx);
    return false;
}

void door_serve(struct door *door, answer_fn *answer, void *ctx)
{
    struct epoll_event event[EVENTS_MAX];
    int n = epoll_wait(door->epoll_fd, event, EVENTS_MAX, 0);

    for (int e = 0; e < n; e++) {
        if (event[e].data.fd == door->listen_fd)
            continue;
        for (int i = 0; i < door->n; i++)
            if (door->visitor[i].fd == event[e].data.fd) {
                if (!hear(&door->visitor[i], answer, ctx))
                    leave(door, i);
                break;
            }
    }
    for (int e = 0; e < n; e++) /* last, so that no number of a descriptor means two of them */
        if (event[e].data.fd == door->listen_fd)
            enter(door);
}

/* --- the side that asks --------------------------------------------------------------- */

static bool nobody(const char *dir, struct err *err)
{
    bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;

    if (!absent)
        return err_sys(err, errno, "cannot reach %s/" NAME, dir);
    return err_set(err, ERR_MISSING, "nobody listens at %s/" NAME, dir);
}

static int connect_at(const char *dir, struct err *err)
{
    const struct timeval wait = {.tv_sec = ANSWER_S};
    struct sockaddr_un address;
    int dir_fd = open_dir(dir);
    int fd = dir_fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address_of(&address, dir, dir_fd);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        close(dir_fd);
        return fd;
    }
    nobody(dir, err);
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    return -1;
}

static bool send_line(int fd, const char *line)
{
    size_t len = strlen(line);
    char *text = xasprintf("%s\n", line);
    bool ok = send(fd, text, len + 1, MSG_NOSIGNAL) == (ssize_t)len + 1;

    free(text);
    return ok;
}

static bool receive(int fd, struct buf *answer)
{
    char block[4096];
    ssize_t n;

    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        if (!buf_add(answer, block, (size_t)n))
            return false;
    return n == 0 || answer->len > 0;
}

bool door_ask(const char *dir, const char *line, struct buf *answer, struct err *err)
{
    int fd = connect_at(dir, err);
    bool ok = false;

    if (fd < 0)
        return false;
    if (!same_user(fd))
        err_set(err, ERR_DENIED, "%s/" NAME " belongs to another user", dir);
    else if (!send_line(fd, line) || !receive(fd, answer))
        err_sys(err, errno, "%s/" NAME " does not answer", dir);
    else if (answer->len == 0)
        err_set(err, ERR_MISSING, "%s/" NAME " was closed without an answer", dir);
    else
        ok = true;
    close(fd);
    return ok;
}
