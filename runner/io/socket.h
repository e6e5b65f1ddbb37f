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

/* The sockets of a lane, by descriptor.  libcurl names a connection only by its addresses when a
 * request is about to be sent, so these lead back to the socket. */
struct socket_table {
    struct socket_entry {
        int window;    /* the receive buffer it was made with; 0: the kernel's choice;
                          -1: no socket */
        uint64_t name; /* of both addresses and ports; 0: not connected when last looked at */
    } * entry;
    int n;
};

void socket_table_add(struct socket_table *table, int fd, int window);
/* The descriptor of the connection between these addresses; -1: unknown. */
int socket_table_find(struct socket_table *table, const char *to, const char *from, int to_port,
                      int from_port);
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
