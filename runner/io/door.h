#pragma once
/*
 * A door to a running process: a Unix socket in a directory, for other processes of the same user.
 * Each visitor says one line, gets an answer, and is gone; whoever is slow, says too much, or is
 * somebody else, waits for nobody and holds nobody up.  Control thread only.
 */
#include "base/buf.h"
#include "base/err.h"

#define DOOR_LINE   4096       /* the longest line */
#define DOOR_ANSWER (32 << 10) /* the longest answer: it fits into any socket's buffer */

struct door;

/* Listens at DIR/control, which only its owner may open.  A socket that is there is replaced: the
 * caller holds the directory's lock.  NULL with err. */
struct door *door_open(const char *dir, struct err *err);
/* Removes the socket.  NULL is no door. */
void door_close(struct door *door);
/* Readable when somebody is there (io_watch). */
int door_fd(const struct door *door);
/* Never waits.  `answer` is called for each line that came whole, without its end, and adds what is
 * to be sent to `out`. */
void door_serve(struct door *door, void (*answer)(void *ctx, const char *line, struct buf *out),
                void *ctx);

/* Says a line at DIR/control and waits for the answer, but not for ever.  False with ERR_MISSING
 * when nobody listens there. */
bool door_ask(const char *dir, const char *line, struct buf *answer, struct err *err);
