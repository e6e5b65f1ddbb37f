#include "io/exchange.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/socket.h"
#include "io/transport.h"
#include "io/web.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define MS                 INT64_C(1000000)
#define SMALL_RECEIVE      (16 << 10) /* also what one read of a throttled one may take unpaid */
#define DEFAULT_STALL_MS   30000
#define set(exchange, ...) (void)curl_easy_setopt((exchange)->easy, __VA_ARGS__)

static void count(_Atomic int64_t *counter, int64_t n)
{
    /* One writer: no need for a locked instruction. */
    int64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

static bool is_get(const struct op *op)
{
    return op->in.call.kind == CALL_GET;
}

static bool is_put(const struct op *op)
{
    return op->in.call.kind == CALL_PUT || op->in.call.kind == CALL_PART;
}

/* --- the throttle --------------------------------------------------------------------- */

int64_t exchange_wait_ns(const struct op *op, int64_t now_ns)
{
    int64_t requests = bucket_wait_ns(op->in.requests, TOLL_BUCKETS, now_ns);
    int64_t bytes = is_get(op) ? bucket_wait_ns(op->in.bytes, TOLL_BUCKETS, now_ns) : 0;

    return requests > bytes ? requests : bytes;
}

static void pause_here(struct exchange *exchange)
{
    exchange->paused = true;
    list_push(&exchange->env->paused, exchange);
    count(&exchange->env->count.paused, 1);
}

/* When nothing holds it any more. */
static void go_on(struct exchange *exchange, int64_t now_ns)
{
    if (exchange->paused || exchange->held)
        return;
    exchange->active_ns = now_ns;
    curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
}

int64_t exchange_resume(struct exchange *exchange, int64_t now_ns)
{
    int64_t wait = toll_resume(&exchange->toll, now_ns);

    if (wait)
        return wait;
    exchange->paused = false;
    count(&exchange->env->count.paused, -1);
    go_on(exchange, now_ns);
    return 0;
}

/* --- the others of a set -------------------------------------------------------------- */

/* A source goes on when there is room for as much as curl brings before it looks at a pause, and
 * for half of the ring: many small steps would cost more than they move. */
static bool may_go_on(const struct exchange *exchange)
{
    if (is_put(exchange->op))
        return relay_ready(exchange->relay, exchange->op) > 0;
    return relay_room(exchange->relay) >= exchange->relay->pool->size / 2;
}

void exchange_release(struct exchange *exchange, int64_t now_ns)
{
    if (!exchange->held || !may_go_on(exchange))
        return;
    exchange->held = false;
    go_on(exchange, now_ns);
}

/* --- sockets -------------------------------------------------------------------------- */

/* What this connection may carry, as its part of the limit; -1: no limit. */
static int64_t share_of_rate(const struct exchange *exchange)
{
    int64_t rate = bucket_path_rate(exchange->op->in.bytes, TOLL_BUCKETS);
    int n = exchange->env->n_running > 0 ? exchange->env->n_running : 1;

    return rate < 0 ? -1 : rate / ((int64_t)n * exchange->env->n_lanes);
}

static int window_wanted(const struct exchange *exchange)
{
    return is_get(exchange->op) ? socket_window(share_of_rate(exchange), exchange->env->rtt_us) : 0;
}

/* Called for a new socket, before it connects. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    struct exchange *exchange = arg;

    (void)purpose;
    socket_table_add(&exchange->env->sockets, fd, exchange->window);
    if (exchange->window)
        socket_narrow(fd, exchange->window);
    return CURL_SOCKOPT_OK;
}

/* The connection is not what this transfer needs, and nothing was sent yet. */
static bool must_reconnect(const struct exchange *exchange, int have, int64_t rtt_us)
{
    return is_get(exchange->op) && !exchange->fresh &&
           !socket_fits(have, exchange->window, share_of_rate(exchange), rtt_us);
}

/* Called when there is a connection, just before the request is sent. */
static int on_connection(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct exchange *exchange = arg;
    struct exchange_env *env = exchange->env;
    int fd = socket_table_find(&env->sockets, to, from, to_port, from_port), have;
    int64_t rtt_us = 0;

    exchange->connected = true;
    exchange->active_ns = clock_mono_ns();
    exchange->socket = fd;
    if (fd < 0)
        return CURL_PREREQFUNC_OK;
    have = env->sockets.entry[fd].window;
    if (socket_facts(fd, &rtt_us, &exchange->acked))
        env->rtt_us = rtt_us;
    exchange->again = must_reconnect(exchange, have, rtt_us);
    if (exchange->again)
        return CURL_PREREQFUNC_ABORT;
    if (have && is_get(exchange->op))
        toll_ahead(&exchange->toll, socket_holds(have), exchange->active_ns);
    return CURL_PREREQFUNC_OK;
}

bool exchange_stalled(struct exchange *exchange, int64_t now_ns)
{
    int64_t quiet = now_ns - exchange->active_ns, rtt_us;
    uint64_t bytes;

    /* curl has its own limit for connecting. */
    if (exchange->paused || exchange->held || !exchange->connected || quiet < 250 * MS)
        return false;
    /* A body that left our hands may still be on its way out of the kernel. */
    if (exchange->socket >= 0 && socket_facts(exchange->socket, &rtt_us, &bytes) &&
        bytes != exchange->acked) {
        exchange->acked = bytes;
        exchange->active_ns = now_ns;
        return false;
    }
    if (quiet < exchange->stall_ms * MS)
        return false;
    err_set(&exchange->err, ERR_TIMEOUT, "%s: no bytes for %.1f s", exchange->op->in.store->host,
            (double)quiet / 1e9);
    return true;
}

/* --- the answer ----------------------------------------------------------------------- */

/* Where does the body go?  Asked when the head of the answer is complete. */
static void decide(struct exchange *exchange)
{
    struct op *op = exchange->op;

    exchange->decided = true;
    if (op->in.web) {
        exchange->reply.body.max = op->in.web->max;
        return;
    }
    exchange->takes =
        is_get(op) && object_api_takes_body(&op->in.call, &exchange->reply, &exchange->refusal);
    exchange->reply.body.max =
        !is_get(op) && exchange->reply.status < 300 ? LIMIT_DOCUMENT : LIMIT_ERROR_BODY;
}

/* Bytes, but not those that were asked for: perhaps the answer to another request, and then every
 * later one on this connection would be too. */
static bool is_astray(const struct exchange *exchange)
{
    return exchange->decided && !exchange->takes && is_get(exchange->op) &&
           exchange->reply.status < 300;
}

/* Failing here closes the connection. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct exchange *exchange = arg;

    exchange->active_ns = clock_mono_ns();
    if (!head_line(&exchange->head, line, size * n, &exchange->reply, &exchange->err))
        return 0;
    if (exchange->head.done && !exchange->decided)
        decide(exchange);
    return is_astray(exchange) ? 0 : size * n;
}

/* How many bytes of object data make the answer; -1: as many as come. */
static int64_t whole_len(const struct exchange *exchange)
{
    const struct object_call *call = &exchange->op->in.call;

    if (call->len >= 0)
        return call->len;
    return exchange->relay ? exchange->relay->put->in.call.len : call->total;
}

static bool receive_data(struct exchange *exchange, const char *data, size_t n)
{
    int64_t whole = whole_len(exchange);

    exchange->got += (int64_t)n;
    if (whole >= 0 && exchange->got > whole)
        return err_set(&exchange->err, exchange->op->in.call.len < 0 ? ERR_CHANGED : ERR_SERVER,
                       "the answer has more than the %lld bytes asked for", (long long)whole);
    if (!body_put(&exchange->body, data, n, &exchange->err))
        return false;
    if (exchange->relay && relay_room(exchange->relay) < (size_t)exchange->read_size &&
        !exchange->held) {
        exchange->held = true;
        curl_easy_pause(exchange->easy, CURLPAUSE_ALL);
    }
    if (!toll_receive(&exchange->toll, (int64_t)n, exchange->active_ns) && !exchange->paused) {
        pause_here(exchange);
        curl_easy_pause(exchange->easy, CURLPAUSE_ALL);
    }
    return true;
}

static bool receive_document(struct exchange *exchange, const char *data, size_t n)
{
    if (buf_add(&exchange->reply.body, data, n))
        return true;
    if (exchange->op->in.web)
        return err_set(&exchange->err, ERR_SERVER, "%s: the answer has more than %zu bytes (max)",
                       exchange->op->in.store->host, exchange->op->in.web->max);
    if (exchange->reply.status >= 300 || is_get(exchange->op)) {
        exchange->cut = true; /* the status says enough */
        return false;
    }
    return err_set(&exchange->err, ERR_SERVER, "the answer is larger than %d bytes",
                   LIMIT_DOCUMENT);
}

static size_t on_receive(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *exchange = arg;
    bool ok;

    n *= size;
    exchange->active_ns = clock_mono_ns();
    if (exchange->takes && exchange->relay && relay_room(exchange->relay) < n) {
        exchange->held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    count(&exchange->env->count.received, (int64_t)n);
    ok = exchange->takes ? receive_data(exchange, data, n) : receive_document(exchange, data, n);
    return ok ? n : 0;
}

/* --- the request ---------------------------------------------------------------------- */

static size_t on_send(char *out, size_t size, size_t n, void *arg)
{
    struct exchange *exchange = arg;
    int64_t left = body_left(&exchange->body), want = (int64_t)(size * n);

    exchange->active_ns = clock_mono_ns();
    want = want < left ? want : left;
    if (want && exchange->relay) {
        int64_t ready = (int64_t)relay_ready(exchange->relay, exchange->op);
        want = ready < want ? ready : want;
    }
    if (left && !want) {
        exchange->held = true;
        return CURL_READFUNC_PAUSE;
    }
    if (want && is_put(exchange->op)) {
        want = toll_send(&exchange->toll, want, exchange->active_ns);
        if (!want) {
            pause_here(exchange);
            return CURL_READFUNC_PAUSE;
        }
    }
    want = body_get(&exchange->body, out, want, &exchange->err);
    if (want < 0)
        return CURL_READFUNC_ABORT;
    count(&exchange->env->count.sent, want);
    return (size_t)want;
}

static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct exchange *exchange = arg;

    if (offset != 0 || origin != SEEK_SET || !body_rewind(&exchange->body))
        return CURL_SEEKFUNC_FAIL;
    toll_rewind(&exchange->toll);
    return CURL_SEEKFUNC_OK;
}

/* libcurl allocates it anew for every request, so a small object gets a small one. */
static int receive_buffer(const struct exchange *exchange)
{
    const struct op *op = exchange->op;
    int64_t size = exchange->env->receive_buffer;

    if (exchange->window || op->in.call.kind == CALL_HEAD)
        return SMALL_RECEIVE;
    if (op->in.store->https && size > 64 << 10)
        size = 64 << 10; /* a TLS record is 16 KiB anyway */
    if (is_get(op) && op->in.call.len >= 0 && op->in.call.len < size)
        size = op->in.call.len;
    if (exchange->relay && size > (int64_t)exchange->relay->pool->size / 4)
        size = (int64_t)exchange->relay->pool->size / 4;
    return size > SMALL_RECEIVE ? (int)size : SMALL_RECEIVE;
}

static void set_flow(struct exchange *exchange)
{
    const struct exchange_env *env = exchange->env;

    exchange->read_size = receive_buffer(exchange);
    set(exchange, CURLOPT_BUFFERSIZE, (long)exchange->read_size);
    set(exchange, CURLOPT_UPLOAD_BUFFERSIZE, (long)env->send_buffer);
    set(exchange, CURLOPT_HEADERFUNCTION, on_header);
    set(exchange, CURLOPT_HEADERDATA, exchange);
    set(exchange, CURLOPT_WRITEFUNCTION, on_receive);
    set(exchange, CURLOPT_WRITEDATA, exchange);
    set(exchange, CURLOPT_READFUNCTION, on_send);
    set(exchange, CURLOPT_READDATA, exchange);
    set(exchange, CURLOPT_SEEKFUNCTION, on_rewind);
    set(exchange, CURLOPT_SEEKDATA, exchange);
}

/* --- begin and end -------------------------------------------------------------------- */

static void forget(struct exchange *exchange)
{
    http_request_clear(&exchange->request);
    http_reply_clear(&exchange->reply);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    exchange->err = exchange->refusal = (struct err){0};
    exchange->got = 0;
    exchange->head = (struct head){0};
    exchange->decided = exchange->takes = exchange->cut = false;
    exchange->paused = exchange->connected = exchange->fresh = exchange->again = false;
    exchange->held = false;
    exchange->socket = -1;
    exchange->text[0] = 0;
}

static const struct http_request *request_of(const struct exchange *exchange)
{
    return exchange->op->in.web ? &exchange->op->in.web->request : &exchange->request;
}

static bool build(struct exchange *exchange)
{
    struct op *op = exchange->op;
    int64_t now_ms = clock_wall_ms() + op->in.skew_ms;

    if (op->in.web)
        return true;
    return object_api_build(op->in.store, &op->in.call, &exchange->request, &op->out.err) &&
           object_api_sign(op->in.store, &op->in.call, op->in.credentials, now_ms,
                           &exchange->request, &op->out.err);
}

static void set_up(struct exchange *exchange)
{
    const struct web *web = exchange->op->in.web;

    if (!transport_set_up(exchange->easy, exchange->op->in.store, request_of(exchange),
                          &exchange->headers))
        err_set(&exchange->err, ERR_BUG, "no memory for headers");
    if (web)
        set(exchange, CURLOPT_TIMEOUT_MS, (long)web->timeout_ms);
    set(exchange, CURLOPT_SOCKOPTFUNCTION, on_socket);
    set(exchange, CURLOPT_SOCKOPTDATA, exchange);
    set(exchange, CURLOPT_PREREQFUNCTION, on_connection);
    set(exchange, CURLOPT_PREREQDATA, exchange);
    set(exchange, CURLOPT_ERRORBUFFER, exchange->text);
    set(exchange, CURLOPT_PRIVATE, exchange);
    set_flow(exchange);
}

bool exchange_start(struct exchange *exchange, struct op *op, struct relay *relay, int64_t now_ns)
{
    int stall_ms = op->in.store->stall_timeout_ms;

    forget(exchange);
    exchange->op = op;
    exchange->relay = relay;
    op->live.handle = exchange;
    op->out.started_ns = now_ns;
    if (!build(exchange)) {
        op->out.ended_ns = now_ns;
        return false;
    }
    exchange->stall_ms = stall_ms > 0 ? stall_ms : DEFAULT_STALL_MS;
    exchange->active_ns = now_ns;
    exchange->window = window_wanted(exchange);
    body_start(&exchange->body, op, &exchange->env->pool, &request_of(exchange)->body,
               request_of(exchange)->body_len, relay);
    toll_start(&exchange->toll, op->in.bytes, op->in.call.len);
    if (exchange->window)
        toll_ahead(&exchange->toll, socket_holds(exchange->window), now_ns);
    bucket_take(op->in.requests, TOLL_BUCKETS, 1, now_ns);
    set_up(exchange);
    count(&exchange->env->count.requests, 1);
    return true;
}

void exchange_restart(struct exchange *exchange)
{
    exchange->again = exchange->connected = false;
    exchange->fresh = true;
    exchange->socket = -1;
    exchange->window = window_wanted(exchange);
    set(exchange, CURLOPT_FRESH_CONNECT, 1L);
    exchange->read_size = receive_buffer(exchange);
    set(exchange, CURLOPT_BUFFERSIZE, (long)exchange->read_size);
}

/* An answer that refuses counts even if the connection broke behind it: servers that do not want a
 * body often just close. */
static bool refuses(const struct exchange *exchange)
{
    return exchange->head.done && exchange->reply.status >= 300;
}

/* Chunks have an end of their own: what is shorter than it was to be was not cut on the way. */
static bool names_its_end(const struct exchange *exchange)
{
    return exchange->op->in.call.len < 0 &&
           http_fields_get(&exchange->reply.headers, "transfer-encoding");
}

static bool is_whole(struct exchange *exchange, struct err *err)
{
    struct op *op = exchange->op;
    int64_t whole = whole_len(exchange);

    if (exchange->takes && whole >= 0 && exchange->got != whole)
        return err_set(err, names_its_end(exchange) ? ERR_CHANGED : ERR_NETWORK,
                       "the answer was cut short: %lld of %lld bytes", (long long)exchange->got,
                       (long long)whole);
    if (is_put(op) && exchange->reply.status < 300 && body_left(&exchange->body))
        return err_set(err, ERR_NETWORK, "the server answered before it had the whole body");
    return true;
}

/* Whatever the answer to a script says, it is one if it is whole. */
static bool verdict_for_script(struct exchange *exchange, CURLcode code)
{
    struct op *op = exchange->op;
    struct http_reply reply = exchange->reply;

    if (code != CURLE_OK)
        return transport_fault(op->in.store, (int)code, exchange->text, &op->out.err);
    if (!exchange->head.done)
        return err_set(&op->out.err, ERR_NETWORK, "%s: no answer", op->in.store->host);
    exchange->reply = op->in.web->reply;
    op->in.web->reply = reply;
    return true;
}

static bool verdict(struct exchange *exchange, CURLcode code)
{
    struct op *op = exchange->op;
    struct err *err = &op->out.err;

    if (exchange->err.kind) {
        *err = exchange->err;
        return false;
    }
    if (op->in.web)
        return verdict_for_script(exchange, code);
    if (is_astray(exchange)) {
        *err = exchange->refusal;
        return false;
    }
    if (code != CURLE_OK && !refuses(exchange))
        return transport_fault(exchange->op->in.store, (int)code, exchange->text, err);
    if (!exchange->head.done)
        return err_set(err, ERR_NETWORK, "%s: no answer", op->in.store->host);
    if (exchange->takes && !body_end(&exchange->body, err))
        return false;
    if (!is_whole(exchange, err))
        return false;
    if (!object_api_read(op->in.store, &op->in.call, &exchange->reply, &op->out.answer, err))
        return false;
    if (is_get(op) && !exchange->takes)
        *err = exchange->refusal;
    else if (code != CURLE_OK)
        transport_fault(exchange->op->in.store, (int)code, exchange->text, err);
    return err->kind == ERR_NONE;
}

void exchange_end(struct exchange *exchange, int code, int64_t now_ns)
{
    struct op *op = exchange->op;
    long connects = 0;

    bool ok = verdict(exchange, (CURLcode)code);
    if (ok)
        op->out.err.kind = ERR_NONE;
    body_drop(&exchange->body);
    toll_end(&exchange->toll, ok, now_ns);
    curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects);
    count(&exchange->env->count.connects, connects);
    op->out.reused = !connects && exchange->connected;
    op->out.ended_ns = now_ns;
    op->live.handle = NULL;
    if (exchange->paused)
        count(&exchange->env->count.paused, -1);
    curl_easy_reset(exchange->easy);
}

bool exchange_init(struct exchange *exchange, struct exchange_env *env)
{
    exchange->env = env;
    exchange->easy = curl_easy_init();
    http_request_init(&exchange->request);
    http_reply_init(&exchange->reply);
    return exchange->easy != NULL;
}

void exchange_free(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    http_request_free(&exchange->request);
    http_reply_free(&exchange->reply);
}

void exchange_env_free(struct exchange_env *env)
{
    block_pool_free(&env->pool);
    relay_pool_free(&env->rings);
    socket_table_free(&env->sockets);
}
