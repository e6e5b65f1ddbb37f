#include "io/socket.h"
#include "base/buf.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NARROWEST (4 << 10)
#define WIDEST    (4 << 20)
#define NEAR_US   2000 /* a round trip so short that the smallest buffer does */

void socket_table_set(struct socket_table *table, int fd, int window)
{
    if (fd >= table->n) {
        int n = fd + 64;
        table->window = xrealloc(table->window, (size_t)n * sizeof *table->window);
        memset(table->window + table->n, 0, (size_t)(n - table->n) * sizeof *table->window);
        table->n = n;
    }
    table->window[fd] = window;
}

int socket_table_get(const struct socket_table *table, int fd)
{
    return fd < table->n ? table->window[fd] : 0;
}

void socket_table_free(struct socket_table *table)
{
    free(table->window);
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
