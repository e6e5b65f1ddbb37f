/*
 * The least that moving these bytes can cost on this machine: loops without an HTTP library, to be
 * put beside haul.  One thread, non-blocking sockets, poll. raw get|splice|tls-get PORT PATH SIZE
 * FILE     ranges over 8 connections into a new file raw put|sendfile|tls-put PORT PATH SIZE FILE
 * the same as parts of an upload raw files DIR COUNT SIZE THREADS               create, write,
 * close raw touch MIB                                  makes the machine own that much memory
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS     8
#define PART      (8 << 20)
#define READ_MAX  (1 << 20)
#define TLS_MAX   (256 << 10)
#define WRITE_MAX (256 << 10)
#define HEAD_MAX  4096

enum how { BY_COPY, BY_SPLICE, BY_SENDFILE };

struct work {
    int port, file, pipe[2];
    const char *path;
    int64_t size, next; /* next: offset of the next part nobody has */
    bool tls, upload;
    enum how how;
    SSL_CTX *ctx;
};

struct conn {
    int fd;
    SSL *ssl;
    bool in_head; /* waiting for an answer's head */
    int head_len;
    char head[HEAD_MAX];
    int64_t at, left;  /* of the file */
    int64_t held, out; /* upload: bytes in `block`, and how many of them are gone */
    char *block;
};

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

/* --- a connection, plain or TLS ------------------------------------------------------- */

static int plain_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void conn_open(struct conn *conn, const struct work *work)
{
    conn->fd = plain_connect(work->port);
    if (work->tls) {
        conn->ssl = SSL_new(work->ctx);
        SSL_set_fd(conn->ssl, conn->fd);
        if (SSL_connect(conn->ssl) != 1)
            die("TLS");
    }
    if (fcntl(conn->fd, F_SETFL, O_NONBLOCK))
        die("fcntl");
}

static int64_t ssl_result(struct conn *conn, int result)
{
    if (result > 0)
        return result;
    int why = SSL_get_error(conn->ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        die("TLS");
    errno = EAGAIN;
    return -1;
}

/* Like recv; over TLS as many records as there are. */
static int64_t conn_recv(struct conn *conn, char *to, int64_t max)
{
    if (!conn->ssl)
        return recv(conn->fd, to, (size_t)max, 0);
    int64_t sum = 0;
    while (sum < max) {
        int64_t n = ssl_result(conn, SSL_read(conn->ssl, to + sum, (int)(max - sum)));
        if (n < 0)
            break;
        sum += n;
    }
    return sum ? sum : -1;
}

static int64_t conn_send(struct conn *conn, const char *from, int64_t n)
{
    if (!conn->ssl)
        return send(conn->fd, from, (size_t)n, MSG_NOSIGNAL);
    return ssl_result(conn, SSL_write(conn->ssl, from, (int)n));
}

/* --- requests ------------------------------------------------------------------------- */

static void ask(struct conn *conn, const struct work *work)
{
    char text[1024];
    int len =
        work->upload
            ? snprintf(text, sizeof text,
                       "PUT %s?partNumber=%lld&uploadId=raw HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Length: %lld\r\n\r\n",
                       work->path, (long long)(conn->at / PART + 1), (long long)conn->left)
            : snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nRange: bytes=%lld-%lld\r\n\r\n",
                       work->path, (long long)conn->at, (long long)(conn->at + conn->left - 1));

    if (conn_send(conn, text, len) != len)
        die("request");
    conn->in_head = !work->upload;
    conn->head_len = 0;
}

static bool take_part(struct conn *conn, struct work *work)
{
    if (work->next >= work->size)
        return false;
    conn->at = work->next;
    conn->left = work->size - work->next < PART ? work->size - work->next : PART;
    work->next += conn->left;
    ask(conn, work);
    return true;
}

/* Reads the head of an answer and nothing behind it but what TLS or plain copying may take along,
 * which goes to `rest`.  False: not there yet. */
static bool read_head(struct conn *conn, bool exactly, const char **rest, int64_t *n_rest)
{
    char *at = conn->head + conn->head_len;
    int64_t room = HEAD_MAX - 1 - conn->head_len;
    int64_t n = exactly ? recv(conn->fd, at, (size_t)room, MSG_PEEK) : conn_recv(conn, at, room);

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return false;
        die("answer");
    }
    at[n] = '\0';
    char *end = strstr(conn->head, "\r\n\r\n");
    if (strncmp(conn->head, "HTTP/1.1 2", conn->head_len + n < 10 ? 0 : 10)) {
        errno = EPROTO;
        die(conn->head);
    }
    int64_t used = end ? end + 4 - at : n;
    if (exactly && recv(conn->fd, at, (size_t)used, 0) != used)
        die("recv");
    conn->head_len += (int)n;
    if (!end)
        return false;
    *rest = end + 4;
    *n_rest = exactly ? 0 : n - used;
    conn->in_head = false;
    return true;
}

static void put_down(struct conn *conn, const struct work *work, const char *from, int64_t n)
{
    if (pwrite(work->file, from, (size_t)n, conn->at) != n)
        die("pwrite");
    conn->at += n;
    conn->left -= n;
}

/* --- download ------------------------------------------------------------------------- */

static int64_t splice_some(struct conn *conn, const struct work *work)
{
    size_t max = conn->left < READ_MAX ? (size_t)conn->left : READ_MAX;
    int64_t n = splice(conn->fd, NULL, work->pipe[1], NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    off_t at = conn->at;

    for (int64_t moved, rest = n; rest > 0; rest -= moved) {
        moved = splice(work->pipe[0], NULL, work->file, &at, (size_t)rest, SPLICE_F_MOVE);
        if (moved <= 0)
            die("splice");
    }
    if (n > 0) {
        conn->at += n;
        conn->left -= n;
    }
    return n;
}

static int64_t copy_some(struct conn *conn, const struct work *work, char *buffer)
{
    int64_t max = conn->ssl ? TLS_MAX : READ_MAX;
    int64_t n = conn_recv(conn, buffer, conn->left < max ? conn->left : max);

    if (n > 0)
        put_down(conn, work, buffer, n);
    return n;
}

/* One step; false when there is nothing to do until the socket is ready again. */
static bool download(struct conn *conn, struct work *work, char *buffer)
{
    const char *rest;
    int64_t n_rest;

    if (conn->in_head) {
        if (!read_head(conn, work->how == BY_SPLICE, &rest, &n_rest))
            return false;
        put_down(conn, work, rest, n_rest);
    }
    int64_t n = work->how == BY_SPLICE ? splice_some(conn, work) : copy_some(conn, work, buffer);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("body");
    return n > 0 && conn->ssl; /* TLS may hold more than the socket says */
}

/* --- upload --------------------------------------------------------------------------- */

static bool refill(struct conn *conn, const struct work *work)
{
    int64_t max = conn->ssl ? WRITE_MAX / 4 : WRITE_MAX; /* what is cheapest for each */
    int64_t n = conn->left < max ? conn->left : max;

    conn->held = pread(work->file, conn->block, (size_t)n, conn->at);
    conn->out = 0;
    return conn->held == n;
}

static void upload(struct conn *conn, const struct work *work)
{
    int64_t n;

    if (work->how == BY_SENDFILE) {
        off_t at = conn->at;
        n = sendfile(conn->fd, work->file, &at, (size_t)conn->left);
    } else {
        if (conn->out == conn->held && !refill(conn, work))
            die("pread");
        n = conn_send(conn, conn->block + conn->out, conn->held - conn->out);
        conn->out += n > 0 ? n : 0;
    }
    if (n < 0 && errno != EAGAIN)
        die("send");
    if (n > 0) {
        conn->at += n;
        conn->left -= n;
        conn->in_head = conn->left == 0;
    }
}

static void upload_step(struct conn *conn, struct work *work)
{
    const char *rest;
    int64_t n_rest;

    if (conn->left)
        upload(conn, work);
    else
        read_head(conn, false, &rest, &n_rest);
}

/* --- the loop ------------------------------------------------------------------------- */

static void step(struct conn *conn, struct work *work, char *buffer)
{
    if (work->upload)
        upload_step(conn, work);
    else
        while (conn->left && download(conn, work, buffer))
            ;
}

static void run(struct work *work)
{
    struct conn *conns = calloc(CONNS, sizeof *conns);
    struct pollfd polls[CONNS];
    char *buffer = malloc(READ_MAX);
    int open = 0;

    for (int i = 0; i < CONNS; i++) {
        conn_open(&conns[i], work);
        conns[i].block = malloc(WRITE_MAX);
        polls[i].fd = take_part(&conns[i], work) ? conns[i].fd : -1;
        open += polls[i].fd >= 0;
    }
    while (open) {
        for (int i = 0; i < CONNS; i++)
            polls[i].events = work->upload && conns[i].left ? POLLOUT : POLLIN;
        if (poll(polls, CONNS, -1) < 0)
            die("poll");
        for (int i = 0; i < CONNS; i++) {
            if (polls[i].fd < 0 || !polls[i].revents)
                continue;
            step(&conns[i], work, buffer);
            if (!conns[i].left && !conns[i].in_head && !take_part(&conns[i], work)) {
                polls[i].fd = -1;
                open--;
            }
        }
    }
}

static void transfer(const char *name, char **argv)
{
    struct work work = {.port = atoi(argv[0]), .path = argv[1], .size = atoll(argv[2])};

    work.tls = !strncmp(name, "tls-", 4);
    work.upload = strstr(name, "put") || !strcmp(name, "sendfile");
    work.how = !strcmp(name, "splice")     ? BY_SPLICE
               : !strcmp(name, "sendfile") ? BY_SENDFILE
                                           : BY_COPY;
    work.file = open(argv[3], work.upload ? O_RDONLY : O_RDWR | O_CREAT | O_EXCL, 0600);
    if (work.file < 0 || pipe(work.pipe))
        die(argv[3]);
    fcntl(work.pipe[0], F_SETPIPE_SZ, READ_MAX);
    if (!work.upload && fallocate(work.file, 0, 0, work.size))
        die("fallocate");
    work.ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(work.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    run(&work);
}

/* --- files and memory ----------------------------------------------------------------- */

struct files {
    const char *dir;
    int from, to;
    size_t size;
};

static void *make_files(void *arg)
{
    const struct files *files = arg;
    char *bytes = calloc(1, files->size), path[4096];

    for (int i = files->from; i < files->to; i++) {
        snprintf(path, sizeof path, "%s/%06d", files->dir, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || write(fd, bytes, files->size) != (ssize_t)files->size || close(fd))
            die(path);
    }
    free(bytes);
    return NULL;
}

static void all_files(char **argv)
{
    int count = atoi(argv[1]), n_threads = atoi(argv[3]);
    pthread_t threads[16];
    struct files files[16];

    for (int i = 0; i < n_threads && i < 16; i++) {
        files[i] = (struct files){.dir = argv[0],
                                  .from = count * i / n_threads,
                                  .to = count * (i + 1) / n_threads,
                                  .size = (size_t)atoi(argv[2])};
        if (pthread_create(&threads[i], NULL, make_files, &files[i]))
            die("thread");
    }
    for (int i = 0; i < n_threads && i < 16; i++)
        pthread_join(threads[i], NULL);
}

static void touch(size_t bytes)
{
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t at = 0; memory != MAP_FAILED && at < bytes; at += 4096)
        memory[at] = 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "touch"))
        touch((size_t)atoi(argv[2]) << 20);
    else if (argc == 6 && !strcmp(argv[1], "files"))
        all_files(argv + 2);
    else if (argc == 6)
        transfer(argv[1], argv + 2);
    else
        return 2;
    return 0;
}
