/*
 * A store that speaks just enough S3 to be measured against; it counts at its own socket calls.
 *
 *   pace rate down|up RATE OUT   a client limited to RATE bytes a second moves /any/large; OUT gets
 *                                the average over 10 s, the worst 1 s and the worst 100 ms
 *   pace serve COUNT SIZE        lists COUNT objects, a million at most, in any bucket, and serves
 *                                each as SIZE zero bytes
 *   pace keep COUNT SIZE         lists those of the objects 000000, 000001, ... that were put
 *
 * The last two print at the end, and whenever they get SIGUSR1, how many requests there were since
 * the last time, over how many new connections, and how many of them were for listings.  All print
 * the port first.  One thread, poll, no bytes are stored, nothing is checked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX  1024
#define HEAD_MAX   8192
#define PAGE_KEYS  1000
#define LARGE_SIZE (INT64_C(512) << 20)
#define PIECE      (16 << 10)
#define SLOT_MS    10
#define WARM_SLOTS 100  /* the first second: buffers of the kernel fill */
#define SLOTS      1000 /* ten seconds */

struct conn {
    int head_len;
    char head[HEAD_MAX];
    int64_t body_in; /* bytes of a request's body still to come */
    char *answer;    /* what goes out before the zero bytes */
    int64_t answer_len, answer_out, zeros;
    bool counted; /* do its bytes count for the rate? */
};

struct server {
    struct pollfd polls[CONNS_MAX + 1]; /* the last one listens */
    struct conn *conns[CONNS_MAX];
    int n;
    bool rated, up;
    int64_t count, size, rate; /* serve: objects; rated: bytes a second */
    char *kept;                /* keep: which objects were put; NULL: all are there */
    int64_t requests, connections, lists;
    int64_t begun_ns;
    int64_t slots[WARM_SLOTS + SLOTS];
    char *page;
};

static volatile sig_atomic_t ended, asked;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        asked = 1;
    else
        ended = 1;
}

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* --- counting ------------------------------------------------------------------------- */

static void count_bytes(struct server *server, int64_t n)
{
    int64_t now = now_ns();

    if (!server->begun_ns)
        server->begun_ns = now;
    int64_t slot = (now - server->begun_ns) / (SLOT_MS * 1000000);
    if (slot < WARM_SLOTS + SLOTS)
        server->slots[slot] += n;
    else
        ended = 1;
}

static int64_t worst(const struct server *server, int n_slots)
{
    const int64_t *slots = server->slots + WARM_SLOTS;
    int64_t sum = 0, most = 0;

    for (int i = 0; i < SLOTS; i++) {
        sum += slots[i] - (i >= n_slots ? slots[i - n_slots] : 0);
        if (i >= n_slots - 1 && sum > most)
            most = sum;
    }
    return most;
}

static void report(const struct server *server, const char *path)
{
    int64_t sum = 0, warm = 0;
    double rate = (double)server->rate;
    FILE *out = fopen(path, "w");

    if (!out)
        return;
    for (int i = 0; i < WARM_SLOTS; i++)
        warm += server->slots[i];
    for (int i = 0; i < SLOTS; i++)
        sum += server->slots[WARM_SLOTS + i];
    fprintf(out, "%.4f %.3f %.4f %.3f\n", (double)sum / rate / 10,
            (double)worst(server, 10) / rate * 10, (double)worst(server, 100) / rate,
            (double)warm / rate);
    fclose(out);
}

/* --- answers -------------------------------------------------------------------------- */

static void answer(struct conn *conn, const char *status, const char *fields, const char *body,
                   int64_t len)
{
    free(conn->answer);
    conn->answer = malloc(1024 + strlen(body));
    conn->answer_len = sprintf(conn->answer, "HTTP/1.1 %s\r\n%sContent-Length: %lld\r\n\r\n%s",
                               status, fields, (long long)len, body);
    conn->answer_out = 0;
}

static void answer_text(struct conn *conn, const char *body)
{
    answer(conn, "200 OK", "Content-Type: application/xml\r\n", body, (int64_t)strlen(body));
}

static int entry_print(const struct server *server, char *at, int64_t i)
{
    char key[64];

    if (server->kept)
        sprintf(key, "%06lld", (long long)i);
    else
        sprintf(key, "d%03lld/%08lld", (long long)(i / PAGE_KEYS), (long long)i);
    return sprintf(at,
                   "<Contents><Key>%s</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                   "<ETag>&quot;pinned&quot;</ETag><Size>%lld</Size></Contents>",
                   key, (long long)server->size);
}

static bool is_there(const struct server *server, int64_t i)
{
    return !server->kept || server->kept[i];
}

/* Pages in the order of numbers, which is that of keys: the token is the number of the next one. */
static void answer_list(struct server *server, struct conn *conn, const char *target)
{
    const char *token = strstr(target, "continuation-token="), *most = strstr(target, "max-keys=");
    int64_t i = token ? atoll(token + 19) : 0, max = most ? atoll(most + 9) : PAGE_KEYS;
    char *at = server->page;

    server->lists++;
    at += sprintf(at, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>"
                      "<EncodingType>url</EncodingType>");
    for (int64_t n = 0; i < server->count && n < max && n < PAGE_KEYS; i++) {
        if (is_there(server, i)) {
            at += entry_print(server, at, i);
            n++;
        }
    }
    while (i < server->count && !is_there(server, i))
        i++;
    if (i < server->count)
        at += sprintf(at, "<NextContinuationToken>%lld</NextContinuationToken>", (long long)i);
    sprintf(at, "<IsTruncated>%s</IsTruncated></ListBucketResult>",
            i < server->count ? "true" : "false");
    answer_text(conn, server->page);
}

static void keep(struct server *server, const char *target)
{
    const char *slash = strrchr(target, '/');
    int64_t i = slash ? atoll(slash + 1) : -1;

    if (server->kept && i >= 0 && i < server->count)
        server->kept[i] = true;
}

static void answer_object(struct server *server, struct conn *conn, bool with_body)
{
    int64_t size = server->rated ? LARGE_SIZE : server->size, from = 0, to = size - 1;
    const char *range = strcasestr(conn->head, "\r\nrange: bytes=");
    char fields[256] = "ETag: \"pinned\"\r\nAccept-Ranges: bytes\r\n"
                       "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
    long long first, last;

    if (range && sscanf(range + 15, "%lld-%lld", &first, &last) == 2 && first <= last) {
        from = first;
        to = last < size - 1 ? last : size - 1;
        sprintf(fields + strlen(fields), "Content-Range: bytes %lld-%lld/%lld\r\n", first,
                (long long)to, (long long)size);
    }
    answer(conn, range ? "206 Partial Content" : "200 OK", fields, "", to - from + 1);
    conn->zeros = with_body ? to - from + 1 : 0;
    conn->counted = server->rated;
}

static void answer_post(struct conn *conn, const char *target)
{
    if (strstr(target, "uploadId="))
        answer_text(conn, "<CompleteMultipartUploadResult><ETag>\"pinned\"</ETag>"
                          "</CompleteMultipartUploadResult>");
    else
        answer_text(conn, "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                          "</InitiateMultipartUploadResult>");
}

static void answer_get(struct server *server, struct conn *conn, const char *target)
{
    if (strstr(target, "list-type="))
        answer_list(server, conn, target);
    else if (strstr(target, "uploadId="))
        answer_text(conn, "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>");
    else
        answer_object(server, conn, true);
}

static void on_request(struct server *server, struct conn *conn)
{
    char target[2048];
    const char *length = strcasestr(conn->head, "\r\ncontent-length:"), *verb = conn->head;

    server->requests++;
    if (sscanf(conn->head, "%*s %2047s", target) != 1)
        return;
    conn->body_in = length ? atoll(length + 17) : 0;
    conn->zeros = 0;
    conn->counted = server->rated && !strncmp(verb, "PUT", 3);
    if (!strncmp(verb, "GET", 3))
        answer_get(server, conn, target);
    else if (!strncmp(verb, "HEAD", 4) && server->rated && server->up)
        answer(conn, "404 Not Found", "", "", 0);
    else if (!strncmp(verb, "HEAD", 4))
        answer_object(server, conn, false);
    else if (!strncmp(verb, "POST", 4))
        answer_post(conn, target);
    else {
        keep(server, target);
        answer(conn, "200 OK", "ETag: \"pinned\"\r\n", "", 0);
    }
}

/* --- connections ---------------------------------------------------------------------- */

static bool read_request(struct server *server, struct conn *conn, int fd)
{
    ssize_t n = recv(fd, conn->head + conn->head_len, (size_t)(HEAD_MAX - 1 - conn->head_len), 0);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    conn->head_len += (int)n;
    conn->head[conn->head_len] = '\0';
    char *end = strstr(conn->head, "\r\n\r\n");
    if (!end)
        return conn->head_len < HEAD_MAX - 1;
    int64_t rest = conn->head + conn->head_len - (end + 4);
    end[2] = '\0';
    on_request(server, conn);
    if (rest > conn->body_in)
        return false; /* nobody who is measured here sends requests ahead */
    conn->body_in -= rest;
    if (rest && conn->counted)
        count_bytes(server, rest);
    conn->head_len = 0;
    return true;
}

static bool read_body(struct server *server, struct conn *conn, int fd)
{
    static char piece[64 << 10];
    size_t max = conn->body_in < (int64_t)sizeof piece ? (size_t)conn->body_in : sizeof piece;
    ssize_t n = recv(fd, piece, max, 0);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    conn->body_in -= n;
    if (conn->counted)
        count_bytes(server, n);
    return true;
}

static bool write_answer(struct server *server, struct conn *conn, int fd)
{
    static const char zeros[PIECE];
    int64_t head = conn->answer_len - conn->answer_out;
    size_t most = conn->zeros < PIECE ? (size_t)conn->zeros : PIECE;
    ssize_t n = head ? send(fd, conn->answer + conn->answer_out, (size_t)head,
                            MSG_NOSIGNAL | (conn->zeros ? MSG_MORE : 0))
                     : send(fd, zeros, most, MSG_NOSIGNAL);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (head) {
        conn->answer_out += n;
        return true;
    }
    conn->zeros -= n;
    if (conn->counted)
        count_bytes(server, n);
    return true;
}

static bool wants_to_write(const struct conn *conn)
{
    return !conn->body_in && (conn->answer_out < conn->answer_len || conn->zeros);
}

static bool serve(struct server *server, int i)
{
    struct conn *conn = server->conns[i];
    int fd = server->polls[i].fd;
    bool ok = conn->body_in          ? read_body(server, conn, fd)
              : wants_to_write(conn) ? write_answer(server, conn, fd)
                                     : read_request(server, conn, fd);

    server->polls[i].events = wants_to_write(conn) ? POLLOUT : POLLIN;
    return ok;
}

static void drop(struct server *server, int i)
{
    close(server->polls[i].fd);
    free(server->conns[i]->answer);
    free(server->conns[i]);
    server->n--;
    server->conns[i] = server->conns[server->n];
    server->polls[i] = server->polls[server->n];
}

static void admit(struct server *server, int listener)
{
    int one = 1, small = PIECE, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (server->n == CONNS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (server->rated && !server->up)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    server->conns[server->n] = calloc(1, sizeof(struct conn));
    server->polls[server->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
    server->connections++;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, CONNS_MAX) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        exit(1);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void tell(struct server *server)
{
    printf("%lld %lld %lld\n", (long long)server->requests, (long long)server->connections,
           (long long)server->lists);
    fflush(stdout);
    server->requests = server->connections = server->lists = 0;
    asked = 0;
}

static void loop(struct server *server)
{
    int listener = listen_somewhere();

    while (!ended) {
        if (asked)
            tell(server);
        int n = server->n;
        server->polls[n] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(server->polls, (nfds_t)n + 1, 1000) < 0)
            continue;
        bool knocks = server->polls[n].revents != 0;
        for (int i = n; i-- > 0;)
            if (server->polls[i].revents && !serve(server, i))
                drop(server, i);
        if (knocks)
            admit(server, listener);
    }
}

int main(int argc, char **argv)
{
    struct server *server = calloc(1, sizeof *server);
    struct sigaction action = {.sa_handler = on_signal};

    if (!server || argc < 4)
        return 2;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    server->page = malloc(PAGE_KEYS * 256 + 4096);
    if (!strcmp(argv[1], "rate") && argc == 5) {
        server->rated = true;
        server->up = !strcmp(argv[2], "up");
        server->rate = atoll(argv[3]);
        loop(server);
        report(server, argv[4]);
        return 0;
    }
    server->count = atoll(argv[2]);
    server->size = atoll(argv[3]);
    if (!strcmp(argv[1], "keep"))
        server->kept = calloc(1, (size_t)server->count + 1);
    loop(server);
    tell(server);
    return 0;
}
