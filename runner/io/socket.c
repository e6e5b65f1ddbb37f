#include "io/socket.h"
#include "base/buf.h"
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NARROWEST (4 << 10)
#define WIDEST    (4 << 20)
#define NEAR_US   2000 /* a round trip so short that the smallest buffer does */

void socket_table_add(struct socket_table *table, int fd, int window)
{
    if (fd >= table->n) {
        int n = fd + 64;
        table->entry = xrealloc(table->entry, (size_t)n * sizeof *table->entry);
        for (; table->n < n; table->n++)
            table->entry[table->n] = (struct socket_entry){.window = -1};
    }
    table->entry[fd] = (struct socket_entry){.window = window};
}

static int local_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    socklen_t len = sizeof at;

    if (getsockname(fd, &at.any, &len))
        return -1;
    return at.any.sa_family == AF_INET    ? ntohs(at.v4.sin_port)
           : at.any.sa_family == AF_INET6 ? ntohs(at.v6.sin6_port)
                                          : -1;
}

/* FNV-1a */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    for (const unsigned char *p = data, *end = p + len; p < end; p++)
        hash = (hash ^ *p) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t name_of(const char *to, const char *from, int to_port, int from_port)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), to, strlen(to) + 1);

    hash = mix(hash, from, strlen(from) + 1);
    hash = mix(hash, &to_port, sizeof to_port);
    return mix(hash, &from_port, sizeof from_port) | 1;
}

int socket_table_find(struct socket_table *table, const char *to, const char *from, int to_port,
                      int from_port)
{
    uint64_t name = name_of(to ? to : "", from ? from : "", to_port, from_port);

    for (int fd = 0; fd < table->n; fd++) {
        struct socket_entry *entry = &table->entry[fd];
        if (entry->window < 0 || (entry->name && entry->name != name))
            continue;
        if (local_port(fd) == from_port) {
            entry->name = name;
            return fd;
        }
        if (entry->name) /* it was that one, and is closed */
            entry->window = -1;
    }
    return -1;
}

void socket_table_free(struct socket_table *table)
{
    free(table->entry);
    *table = (struct socket_table){0};
}

/* Room for 2 ms of its share and two round trips: little enough that what the kernel takes in
 * without asking stays small, and enough that the limit can be reached over a long way. */
int socket_window(int64_t rate, int64_t rtt_us)
{
    int64_t window;

    if (rate < 0)
        return 0;
    window = rate / 1000 * (2 + rtt_us * 2 / 1000);
    return window < NARROWEST ? NARROWEST : window > WIDEST ? WIDEST : (int)window;
}

/* A wide buffer lets a throttled server send far more than it may; a narrow one slows what is not
 * throttled, or far away. */
bool socket_fits(int have, int want, int64_t rate, int64_t rtt_us)
{
    if (rate < 0)
        return !have;
    if (!have || have / 4 > want)
        return false;
    return rtt_us < NEAR_US || have * INT64_C(1000000) / rtt_us >= rate;
}

void socket_narrow(int fd, int window)
{
    /* Where it cannot be set, the throttle is only less even. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

int64_t socket_holds(int window)
{
    return 2 * (int64_t)window;
}

bool socket_facts(int fd, int64_t *rtt_us, uint64_t *bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ||
        len < offsetof(struct tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt)
        return false;
    *rtt_us = info.tcpi_min_rtt;
    *bytes = info.tcpi_bytes_acked + info.tcpi_bytes_received;
    return true;
}
