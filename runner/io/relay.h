#pragma once
/*
 * Bytes on their way from a GET to the PUT or PART that is sent at the same time: a bounded ring.
 * A side that finds it full or empty pauses until the other has moved on.  Made for a pair by the
 * lane that runs both.  Lane thread only.
 */
#include "io/op.h"

struct exchange; /* io/exchange.h */

struct relay {
    struct relay *next;           /* the lane's list */
    struct op *put;               /* whose `feed` is the GET */
    struct exchange *sink, *feed; /* of the PUT and of the GET; NULL: ended */
    char *ring;
    size_t at, n; /* where the oldest byte is, and how many there are */
    bool ended;   /* the GET ended well: no more bytes will come */
    struct hasher *md5;
};

struct relay *relay_new(struct op *put);
/* Puts sums into put->out and frees it. */
void relay_free(struct relay *relay);

/* How many bytes relay_write takes. */
size_t relay_room(const struct relay *relay);
void relay_write(struct relay *relay, const char *data, size_t len);
/* At most `max` bytes, and no more than there are. */
size_t relay_read(struct relay *relay, char *out, size_t max);

/* Has enough been moved that the side which waits should go on? */
bool relay_feeds(const struct relay *relay);
bool relay_takes(const struct relay *relay);
