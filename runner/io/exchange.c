#include "io/exchange.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/version.h"
#include "io/socket.h"
#include "io/transport.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define MS                 INT64_C(1000000)
#define SMALL_RECEIVE      (16 << 10) /* also what one read of a throttled one may take unpaid */
#define DEFAULT_CONNECT_MS 10000
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

int64_t exchange_resume(struct exchange *exchange, int64_t now_ns)
{
    int64_t wait = toll_resume(&exchange->toll, now_ns);

    if (wait)
        return wait;
    exchange->paused = false;
    exchange->active_ns = now_ns;
    count(&exchange->env->count.paused, -1);
    curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
    return 0;
}

void exchange_join(struct exchange *exchange, struct relay *relay)
{
    exchange->relay = relay;
    body_join(&exchange->body, relay);
}

void exchange_release(struct exchange *exchange, int64_t now_ns)
{
    exchange->held = false;
    exchange->active_ns = now_ns;
    curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
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

static bool receive_data(struct exchange *exchange, const char *data, size_t n)
{
    const struct object_call *call = &exchange->op->in.call;

    exchange->got += (int64_t)n;
    if (call->len >= 0 && exchange->got > call->len)
        return err_set(&exchange->err, ERR_SERVER,
                       "the answer has more than the %lld bytes asked for", (long long)call->len);
    if (!body_put(&exchange->body, data, n, &exchange->err))
        return false;
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
    if (want && exchange->relay && exchange->relay->n < (size_t)want)
        want = (int64_t)exchange->relay->n;
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

    if (offset != 0 || origin != SEEK_SET || exchange->relay) /* what was relayed is gone */
        return CURL_SEEKFUNC_FAIL;
    body_rewind(&exchange->body);
    toll_rewind(&exchange->toll);
    return CURL_SEEKFUNC_OK;
}

static void add_header(struct exchange *exchange, const char *line)
{
    struct curl_slist *more = curl_slist_append(exchange->headers, line);

    if (more)
        exchange->headers = more;
    else
        err_set(&exchange->err, ERR_BUG, "no memory for headers");
}

static void set_headers(struct exchange *exchange)
{
    static const char *const automatic[] = {"accept", "expect", "content-type"};
    const struct http_fields *fields = &exchange->request.headers;

    for (int i = 0; i < fields->n; i++) {
        const char *value = http_fields_value(fields, i);
        char *line = *value ? xasprintf("%s: %s", http_fields_name(fields, i), value)
                            : xasprintf("%s;", http_fields_name(fields, i));
        add_header(exchange, line);
        free(line);
    }
    for (size_t i = 0; i < sizeof automatic / sizeof *automatic; i++) {
        char line[32];
        if (http_fields_get(fields, automatic[i]))
            continue;
        snprintf(line, sizeof line, "%s:", automatic[i]); /* how curl is told not to send it */
        add_header(exchange, line);
    }
    set(exchange, CURLOPT_HTTPHEADER, exchange->headers);
}

static void set_target(struct exchange *exchange)
{
    const struct store *store = exchange->op->in.store;
    const char *scheme = store->https ? "https" : "http";
    char *url = xasprintf("%s://%s/", scheme, store->host);
    const char *target = buf_str(&exchange->request.target);

    set(exchange, CURLOPT_URL, url);
    set(exchange, CURLOPT_PATH_AS_IS, 1L);
    set(exchange, CURLOPT_PROTOCOLS_STR, scheme);
    free(url);
    if (store->proxy && !store->https) { /* a proxy is told the whole URL */
        char *whole = xasprintf("%s://%s%s", scheme, store->host, target);
        set(exchange, CURLOPT_REQUEST_TARGET, whole);
        free(whole);
    } else {
        set(exchange, CURLOPT_REQUEST_TARGET, target);
    }
}

static void set_method(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;

    switch (request->method) {
    case HTTP_HEAD:
        set(exchange, CURLOPT_NOBODY, 1L);
        break;
    case HTTP_PUT:
    case HTTP_POST:
        set(exchange, CURLOPT_UPLOAD, 1L);
        set(exchange, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
        set(exchange, CURLOPT_INFILESIZE_LARGE,
            (curl_off_t)(request->body_len > 0 ? request->body_len : 0));
        break;
    default:
        set(exchange, CURLOPT_HTTPGET, 1L);
        set(exchange, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
    }
}

static void set_connection(struct exchange *exchange)
{
    const struct store *store = exchange->op->in.store;
    int connect_ms = store->connect_timeout_ms;

    set(exchange, CURLOPT_NOSIGNAL, 1L);
    set(exchange, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    set(exchange, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(connect_ms > 0 ? connect_ms : DEFAULT_CONNECT_MS));
    set(exchange, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    set(exchange, CURLOPT_TCP_KEEPALIVE, 1L);
    set(exchange, CURLOPT_TCP_KEEPIDLE, 30L);
    set(exchange, CURLOPT_TCP_KEEPINTVL, 15L);
    set(exchange, CURLOPT_PROXY, store->proxy ? store->proxy : "");
    set(exchange, CURLOPT_NOPROXY, store->proxy ? "" : "*"); /* not from the environment */
    set(exchange, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(exchange, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set(exchange, CURLOPT_SSL_VERIFYPEER, 1L);
    set(exchange, CURLOPT_SSL_VERIFYHOST, 2L);
    if (store->ca_file)
        set(exchange, CURLOPT_CAINFO, store->ca_file);
    set(exchange, CURLOPT_SOCKOPTFUNCTION, on_socket);
    set(exchange, CURLOPT_SOCKOPTDATA, exchange);
    set(exchange, CURLOPT_PREREQFUNCTION, on_connection);
    set(exchange, CURLOPT_PREREQDATA, exchange);
}

static void set_manners(struct exchange *exchange)
{
    const struct store *store = exchange->op->in.store;

    set(exchange, CURLOPT_FOLLOWLOCATION, 0L);
    set(exchange, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    set(exchange, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(exchange, CURLOPT_USERAGENT, store->user_agent ? store->user_agent : "haul/" HAUL_VERSION);
    set(exchange, CURLOPT_ERRORBUFFER, exchange->text);
    set(exchange, CURLOPT_PRIVATE, exchange);
}

/* libcurl allocates it anew for every request, so a small object gets a small one. */
static long receive_buffer(const struct exchange *exchange)
{
    const struct op *op = exchange->op;
    int64_t size = exchange->env->receive_buffer;

    if (exchange->window || op->in.call.kind == CALL_HEAD)
        return SMALL_RECEIVE;
    if (op->in.store->https && size > 64 << 10)
        size = 64 << 10; /* a TLS record is 16 KiB anyway */
    if (is_get(op) && op->in.call.len >= 0 && op->in.call.len < size)
        size = op->in.call.len;
    return size > SMALL_RECEIVE ? (long)size : SMALL_RECEIVE;
}

static void set_flow(struct exchange *exchange)
{
    const struct exchange_env *env = exchange->env;

    set(exchange, CURLOPT_BUFFERSIZE, receive_buffer(exchange));
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
    exchange->relay = NULL;
    exchange->socket = -1;
    exchange->text[0] = 0;
}

static bool build(struct exchange *exchange)
{
    struct op *op = exchange->op;
    int64_t now_ms = clock_wall_ms() + op->in.skew_ms;

    return object_api_build(op->in.store, &op->in.call, &exchange->request, &op->out.err) &&
           object_api_sign(op->in.store, &op->in.call, op->in.credentials, now_ms,
                           &exchange->request, &op->out.err);
}

static void set_up(struct exchange *exchange)
{
    set_headers(exchange);
    set_target(exchange);
    set_method(exchange);
    set_connection(exchange);
    set_manners(exchange);
    set_flow(exchange);
}

bool exchange_start(struct exchange *exchange, struct op *op, int64_t now_ns)
{
    int stall_ms = op->in.store->stall_timeout_ms;

    forget(exchange);
    exchange->op = op;
    op->live.handle = exchange;
    op->out.started_ns = now_ns;
    if (!build(exchange)) {
        op->out.ended_ns = now_ns;
        return false;
    }
    exchange->stall_ms = stall_ms > 0 ? stall_ms : DEFAULT_STALL_MS;
    exchange->active_ns = now_ns;
    exchange->window = window_wanted(exchange);
    body_start(&exchange->body, op, &exchange->env->pool, &exchange->request.body,
               exchange->request.body_len);
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
    set(exchange, CURLOPT_BUFFERSIZE, receive_buffer(exchange));
}

/* An answer that refuses counts even if the connection broke behind it: servers that do not want a
 * body often just close. */
static bool refuses(const struct exchange *exchange)
{
    return exchange->head.done && exchange->reply.status >= 300;
}

static bool is_whole(struct exchange *exchange, struct err *err)
{
    struct op *op = exchange->op;
    int64_t asked = op->in.call.len;

    if (exchange->takes && asked >= 0 && exchange->got != asked)
        return err_set(err, ERR_NETWORK, "the answer was cut short: %lld of %lld bytes",
                       (long long)exchange->got, (long long)asked);
    if (is_put(op) && exchange->reply.status < 300 && body_left(&exchange->body))
        return err_set(err, ERR_NETWORK, "the server answered before it had the whole body");
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
    socket_table_free(&env->sockets);
}
