#pragma once
/*
 * What is asked of the kernel about TCP sockets, and how large their receive buffers should be.
 *
 * What a server may send is decided by the receive buffer, not by when we read.  A throttled
 * connection gets a small one, so that little arrives that nobody asked for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The receive buffer each socket was made with, by descriptor; 0: as the kernel likes. */
struct socket_table {
    int *window;
    int n;
};

void socket_table_set(struct socket_table *table, int fd, int window);
int socket_table_get(const struct socket_table *table, int fd);
void socket_table_free(struct socket_table *table);

/* The receive buffer for a connection that may carry `rate` bytes a second; 0: as the kernel likes
 * (`rate` is -1). */
int socket_window(int64_t rate, int64_t rtt_us);
/* Is a connection made with the buffer `have` of use where `want` is wanted? */
bool socket_fits(int have, int want, int64_t rate, int64_t rtt_us);
/* Fixes the receive buffer.  To be called before the connection is made. */
void socket_narrow(int fd, int window);
/* The most the kernel then holds of what the peer sent. */
int64_t socket_holds(int window);
/* The round trip, and how many bytes the peer has acknowledged or sent so far; false where the
 * kernel does not say. */
bool socket_facts(int fd, int64_t *rtt_us, uint64_t *bytes);
