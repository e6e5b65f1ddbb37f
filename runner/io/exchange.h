#pragma once
/*
 * One request and its answer over one curl handle: building, signing, callbacks and the verdict.
 * With lane.c the only owner of curl/curl.h.  Lane thread only.
 */
#include "io/body.h"
#include "io/head.h"
#include "io/relay.h"
#include "io/socket.h"
#include "io/toll.h"

/* What the exchanges of one lane share. */
struct exchange_env {
    struct block_pool pool;
    struct relay_pool rings;
    int n_lanes;
    int n_running;      /* exchanges of this lane in flight */
    int receive_buffer; /* of a connection */
    int send_buffer;
    int64_t rtt_us; /* of the connection used last */
    struct {
        struct exchange *head, **tail;
    } paused; /* by the throttle, in the order they go on */
    struct socket_table sockets;
    /* Written by the lane, read by anyone. */
    struct {
        _Alignas(64) _Atomic int64_t received;
        _Atomic int64_t sent, requests, connects, paused;
    } count;
};

void exchange_env_free(struct exchange_env *env);

struct exchange {
    struct exchange *next; /* idle or paused list of the lane */
    struct exchange_env *env;
    void *easy; /* CURL */
    struct op *op;
    int slot; /* the lane's own: place among those running */
    struct http_request request;
    struct http_reply reply;
    void *headers; /* struct curl_slist */
    struct body body;
    struct toll toll;
    struct err err;      /* what a callback found; kind NONE: nothing */
    struct err refusal;  /* why the body does not go where object data goes */
    int64_t got;         /* bytes of object data received */
    struct head head;    /* of the answer, as far as it is read */
    bool decided, takes; /* the body is object data */
    bool cut;            /* an error document was longer than anyone needs */
    bool paused;         /* by the throttle */
    struct relay *relay; /* of a set; NULL: it is alone */
    bool held;           /* by another of the set, which has to move on first */
    bool connected;
    bool fresh;        /* asked for a connection of its own */
    bool again;        /* the connection did not fit and nothing was sent: start anew */
    int read_size;     /* the most that curl brings before it looks at a pause */
    int window;        /* receive buffer for a new socket; 0: leave it to the kernel */
    int socket;        /* -1: not known */
    uint64_t acked;    /* what the peer had acknowledged when last looked at */
    int64_t active_ns; /* when bytes last moved */
    int stall_ms;
    char text[256]; /* CURLOPT_ERRORBUFFER */
};

/* False when no handle can be had. */
bool exchange_init(struct exchange *exchange, struct exchange_env *env);
void exchange_free(struct exchange *exchange);

/* Nanoseconds until the op's buckets let it begin; 0: now. */
int64_t exchange_wait_ns(const struct op *op, int64_t now_ns);
/* Builds, signs and sets up; charges the request buckets.  `relay`: it is one of a set; NULL: it is
 * alone.  False: op->out.err tells why. */
bool exchange_start(struct exchange *exchange, struct op *op, struct relay *relay, int64_t now_ns);
/* Lets it go on if another of its set held it and has moved on. */
void exchange_release(struct exchange *exchange, int64_t now_ns);
/* After `again`: the same on a new connection. */
void exchange_restart(struct exchange *exchange);
/* Reads what came; `code` is curl's.  Fills op->out. */
void exchange_end(struct exchange *exchange, int code, int64_t now_ns);

/* No bytes for too long, on the peer's account?  Fills exchange->err. */
bool exchange_stalled(struct exchange *exchange, int64_t now_ns);
/* Lets a paused one go on; returns 0, or how long it has to wait. */
int64_t exchange_resume(struct exchange *exchange, int64_t now_ns);
