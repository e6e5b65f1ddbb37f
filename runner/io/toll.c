#include "io/toll.h"

#define PIECE (16 << 10) /* what a paused transfer goes on with: the most a callback brings */

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of the body up to `end`, so much exists. */
static int64_t within(const struct toll *toll, int64_t end)
{
    return toll->len >= 0 ? lesser(toll->len, end) : end;
}

static void pay_to(struct toll *toll, int64_t end, int64_t now_ns)
{
    if (end <= toll->paid)
        return;
    bucket_take(toll->path, TOLL_BUCKETS, end - toll->paid, now_ns);
    toll->paid = end;
}

void toll_start(struct toll *toll, struct bucket *const *path, int64_t len)
{
    *toll = (struct toll){.path = path, .len = len};
}

void toll_ahead(struct toll *toll, int64_t ahead, int64_t now_ns)
{
    toll->ahead = ahead;
    pay_to(toll, within(toll, toll->moved + ahead), now_ns);
}

bool toll_receive(struct toll *toll, int64_t n, int64_t now_ns)
{
    int64_t due;

    toll->moved += n;
    due = within(toll, toll->moved + toll->ahead);
    pay_to(toll, due, now_ns);
    if (toll->paid > due || toll->paid == toll->len)
        return true;
    return bucket_wait_ns(toll->path, TOLL_BUCKETS, now_ns) == 0;
}

/* The rest of the body, at most a piece. */
static int64_t piece(const struct toll *toll, int64_t from)
{
    return within(toll, from + PIECE) - from;
}

int64_t toll_send(struct toll *toll, int64_t want, int64_t now_ns)
{
    int64_t credit = toll->paid - toll->moved, more;

    if (credit < want) {
        more = bucket_available(toll->path, TOLL_BUCKETS, want - credit, now_ns);
        if (more + credit < lesser(want, PIECE) &&
            bucket_wait_for_ns(toll->path, TOLL_BUCKETS, lesser(want - credit, PIECE), now_ns))
            return 0;
        pay_to(toll, toll->paid + more, now_ns);
    }
    want = lesser(want, toll->paid - toll->moved);
    toll->moved += want;
    return want;
}

int64_t toll_resume(struct toll *toll, int64_t now_ns)
{
    int64_t n = piece(toll, toll->paid);
    int64_t wait = n ? bucket_wait_for_ns(toll->path, TOLL_BUCKETS, n, now_ns) : 0;

    if (!wait)
        pay_to(toll, toll->paid + n, now_ns);
    return wait;
}

void toll_rewind(struct toll *toll)
{
    toll->moved = toll->paid = 0;
}

void toll_end(struct toll *toll, bool complete, int64_t now_ns)
{
    if (complete && toll->paid > toll->moved)
        bucket_take(toll->path, TOLL_BUCKETS, toll->moved - toll->paid, now_ns);
}
