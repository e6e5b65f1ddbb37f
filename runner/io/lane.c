#include "io/lane.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/exchange.h"
#include "io/io.h"
#include "io/slots.h"
#include "io/thread.h"
#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>

#define MS       INT64_C(1000000)
#define TICK     (50 * MS) /* how often running ops are looked at for a cancel or a stall */
#define IDLE_MS  60000
#define LOOK_MAX 64 /* ops looked at for one that its buckets let start */

struct lane {
    CURLM *multi;
    struct inbox submitted;
    struct inbox *done;
    struct {
        struct op *head, **tail;
    } waiting; /* submitted, not started */
    struct exchange_env env;
    struct slots slots;        /* those not running are in slots.idle */
    struct relay *relays;      /* sets that run */
    struct exchange **running; /* env.n_running of them, in no order */
    int limit;                 /* how many may run; but see has_room */
    int n_aside;               /* of those that run: what scripts wait for */
    int64_t tick_ns;           /* when the next look is due */
    int64_t wake_ns;           /* when the next bucket has something; INT64_MAX: nobody waits */
    int64_t buffer;            /* of the config */
    atomic_int wanted;         /* what control wants `limit` to be */
    bool has_thread;
    pthread_t thread;
    atomic_bool stop;
    int64_t n_submitted; /* control's own count */
    _Atomic int64_t n_posted;
};

static void post(struct lane *lane, struct op *op)
{
    atomic_fetch_add_explicit(&lane->n_posted, 1, memory_order_relaxed);
    inbox_post(lane->done, op);
}

/* --- exchanges ------------------------------------------------------------------------ */

static int clamp_buffer(int64_t size)
{
    return size < 64 << 10 ? 64 << 10 : size > 256 << 10 ? 256 << 10 : (int)size;
}

/* Lets as many run as control wants. */
static void widen(struct lane *lane)
{
    int limit = atomic_load_explicit(&lane->wanted, memory_order_relaxed);
    int n = (limit > 1 + LIMIT_FAN ? limit : 1 + LIMIT_FAN) + LIMIT_ASIDE;

    if (limit == lane->limit || !lane->multi)
        return;
    if (n > lane->slots.n && !slots_add(&lane->slots, n, &lane->env)) {
        atomic_store_explicit(&lane->wanted, lane->limit, memory_order_relaxed);
        return;
    }
    lane->limit = limit;
    lane->running = xrealloc(lane->running, (size_t)lane->slots.n * sizeof(struct exchange *));
    relay_pool_size(&lane->env.rings, limit / 2 * lane->env.n_lanes);
    lane->env.receive_buffer = lane->env.send_buffer = clamp_buffer(lane->buffer / limit);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)lane->slots.n + 16);
}

/* --- starting and ending -------------------------------------------------------------- */

static void add(struct lane *lane, struct exchange *exchange)
{
    CURLMcode failed = curl_multi_add_handle(lane->multi, exchange->easy);

    if (failed)
        err_set(&exchange->err, ERR_BUG, "libcurl: %s", curl_multi_strerror(failed));
}

static void unpause(struct lane *lane, struct exchange *exchange)
{
    struct exchange **at = &lane->env.paused.head;

    while (*at && *at != exchange)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = exchange->next;
    if (!*at)
        lane->env.paused.tail = at;
}

/* Ends one exchange; what its op is part of is the caller's. */
static void stop(struct lane *lane, struct exchange *exchange, CURLcode code, int64_t now_ns)
{
    struct exchange *last = lane->running[lane->env.n_running - 1];

    curl_multi_remove_handle(lane->multi, exchange->easy);
    if (exchange->paused)
        unpause(lane, exchange);
    lane->n_aside -= exchange->op->aside;
    exchange_end(exchange, (int)code, now_ns);
    lane->running[exchange->slot] = last;
    last->slot = exchange->slot;
    lane->env.n_running--;
    exchange->next = lane->slots.idle;
    lane->slots.idle = exchange;
}

static void post_set(struct lane *lane, struct relay *relay)
{
    struct op *put = relay->put;
    const struct op *feed = put->in.feed;
    struct relay **at = &lane->relays;

    while (*at != relay)
        at = &(*at)->next;
    *at = relay->next;
    for (struct op *op = put; op; op = op->in.also) {
        if (op->out.err.kind == ERR_NONE && feed->out.err.kind != ERR_NONE) {
            op->out.err = feed->out.err;
            op->out.fed_badly = true;
        }
        op->out.started_ns = feed->out.started_ns;
    }
    relay_free(relay);
    post(lane, put);
}

/* With an error the source takes along all that are left, whose error it becomes. */
static void source_ended(struct lane *lane, struct relay *relay, int64_t now_ns)
{
    const struct err *err = &relay->put->in.feed->out.err;

    relay->ended = err->kind == ERR_NONE;
    for (int i = 0; i < relay->n_sinks; i++) {
        struct exchange *exchange = relay->sink[i].exchange;
        if (!exchange)
            continue;
        if (relay->ended && !relay->put->in.call.len)
            add(lane, exchange);
        if (relay->ended)
            continue;
        exchange->err = *err;
        relay->sink[i].op->out.fed_badly = true;
        relay->sink[i].exchange = NULL;
        stop(lane, exchange, CURLE_OK, now_ns);
    }
}

/* The source goes on for those that are left. */
static void sink_ended(struct lane *lane, struct relay *relay, int64_t now_ns)
{
    struct exchange *source = relay->source;

    if (!source || relay_is_wanted(relay))
        return;
    err_set(&source->err, ERR_CANCELLED, "the side it was for has ended");
    relay->source = NULL;
    stop(lane, source, CURLE_OK, now_ns);
}

static void post_if_over(struct lane *lane, struct relay *relay)
{
    if (!relay->source && !relay_is_wanted(relay))
        post_set(lane, relay);
}

static void finish(struct lane *lane, struct exchange *exchange, CURLcode code, int64_t now_ns)
{
    struct op *op = exchange->op;
    struct relay *relay = exchange->relay;

    stop(lane, exchange, code, now_ns);
    if (!relay) {
        post(lane, op);
        return;
    }
    if (exchange == relay->source) {
        relay->source = NULL;
        source_ended(lane, relay, now_ns);
    } else {
        relay_sink(relay, op)->exchange = NULL;
        sink_ended(lane, relay, now_ns);
    }
    post_if_over(lane, relay);
}

/* Takes an idle exchange; NULL when the op cannot even be built: op->out.err tells why. */
static struct exchange *start_one(struct lane *lane, struct op *op, struct relay *relay,
                                  int64_t now_ns)
{
    struct exchange *exchange = lane->slots.idle;

    lane->env.n_running++;
    if (!exchange_start(exchange, op, relay, now_ns)) {
        lane->env.n_running--;
        return NULL;
    }
    lane->n_aside += op->aside;
    lane->slots.idle = exchange->next;
    exchange->next = NULL;
    exchange->slot = lane->env.n_running - 1;
    lane->running[exchange->slot] = exchange;
    return exchange;
}

static bool build_source(struct lane *lane, struct relay *relay, int64_t now_ns)
{
    struct op *feed = relay->put->in.feed;

    if (relay->put->in.call.len < 0)
        return err_set(&feed->out.err, ERR_INVALID,
                       "nothing says how long the object is, and a store must know that first");
    relay->source = start_one(lane, feed, relay, now_ns);
    return relay->source != NULL;
}

/* Empty PUTs have nothing to wait for on their way, so they are not begun before the GET has ended.
 */
static void start_set(struct lane *lane, struct op *put, int64_t now_ns)
{
    struct relay *relay = relay_new(put, &lane->env.rings);

    relay->next = lane->relays;
    lane->relays = relay;
    put->in.feed->out.started_ns = now_ns;
    bool built = build_source(lane, relay, now_ns);
    for (int i = 0; i < relay->n_sinks && built; i++)
        relay->sink[i].exchange = start_one(lane, relay->sink[i].op, relay, now_ns);
    if (!built || !relay_is_wanted(relay)) {
        put->out.ended_ns = now_ns;
        sink_ended(lane, relay, now_ns);
        post_set(lane, relay);
        return;
    }
    add(lane, relay->source);
    for (int i = 0; i < relay->n_sinks; i++)
        if (relay->sink[i].exchange && put->in.call.len)
            add(lane, relay->sink[i].exchange);
}

static void start(struct lane *lane, struct op *op, int64_t now_ns)
{
    struct exchange *exchange;

    if (op->in.feed) {
        start_set(lane, op, now_ns);
        return;
    }
    exchange = start_one(lane, op, NULL, now_ns);
    if (exchange)
        add(lane, exchange);
    else
        post(lane, op);
}

/* Those that waited for another of their set to move on. */
static void release_sets(struct lane *lane, int64_t now_ns)
{
    for (struct relay *relay = lane->relays; relay; relay = relay->next) {
        if (relay->source)
            exchange_release(relay->source, now_ns);
        for (int i = 0; i < relay->n_sinks; i++)
            if (relay->sink[i].exchange)
                exchange_release(relay->sink[i].exchange, now_ns);
    }
}

/* --- one turn ------------------------------------------------------------------------- */

/* What a script waits for takes no place of a transfer's, and none in their queue. */
static void put_first(struct lane *lane, struct op *op)
{
    op->next = lane->waiting.head;
    lane->waiting.head = op;
    if (!op->next)
        lane->waiting.tail = &op->next;
}

static void accept_ops(struct lane *lane)
{
    struct op *op = inbox_take(&lane->submitted), *next;

    for (; op; op = next) {
        next = op->next;
        if (op->aside)
            put_first(lane, op);
        else
            list_push(&lane->waiting, op);
    }
}

static void wake_at(struct lane *lane, int64_t ns)
{
    if (ns < lane->wake_ns)
        lane->wake_ns = ns;
}

static int64_t wait_ns(const struct op *op, int64_t now_ns)
{
    int64_t most = op->in.feed ? exchange_wait_ns(op->in.feed, now_ns) : 0;

    for (; op; op = op->in.also) {
        int64_t mine = exchange_wait_ns(op, now_ns);
        most = mine > most ? mine : most;
    }
    return most;
}

/* A set is begun whole.  One that is larger than what may run at once runs alone.  What scripts
 * wait for has places of its own, and takes none of these. */
static bool has_room(const struct lane *lane, const struct op *op)
{
    int n = op->in.feed ? relay_set_size(op) : 1, n_running = lane->env.n_running - lane->n_aside;

    if (op->aside)
        return lane->n_aside < LIMIT_ASIDE;
    return n_running + n <= lane->limit || n_running == 0;
}

/* Fills free slots with ops whose buckets let them start, passing over those that have to wait. */
static void fill(struct lane *lane, int64_t now_ns)
{
    struct op **at = &lane->waiting.head;

    for (int looked = 0; *at && looked < LOOK_MAX;) {
        struct op *op = *at;
        int64_t wait = wait_ns(op, now_ns);
        if (wait) {
            wake_at(lane, now_ns + wait);
            at = &op->next;
            looked++;
            continue;
        }
        if (!has_room(lane, op) && !op->aside)
            break; /* nor is it overtaken by what needs less */
        if (!has_room(lane, op)) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        if (!*at)
            lane->waiting.tail = at;
        op->next = NULL;
        start(lane, op, now_ns);
    }
}

/* Lets paused transfers go on, the one that waited longest first.  All are asked: they may have
 * different buckets. */
static void release(struct lane *lane, int64_t now_ns)
{
    struct exchange *exchange = lane->env.paused.head, *next;

    list_init(&lane->env.paused);
    for (; exchange; exchange = next) {
        next = exchange->next;
        exchange->next = NULL;
        int64_t wait = exchange_resume(exchange, now_ns);
        if (!wait)
            continue;
        wake_at(lane, now_ns + wait);
        list_push(&lane->env.paused, exchange);
    }
}

static bool is_cancelled(struct op *op, struct err *err)
{
    if (!atomic_load_explicit(&op->cancel, memory_order_relaxed))
        return false;
    err_set(err, ERR_CANCELLED, "%s cancelled", op_name(op));
    return true;
}

static void look_at_running(struct lane *lane, int64_t now_ns)
{
    for (int i = lane->env.n_running; i-- > 0;) {
        if (i >= lane->env.n_running) /* others of a set went along */
            continue;
        struct exchange *exchange = lane->running[i];
        if (exchange->err.kind || is_cancelled(exchange->op, &exchange->err) ||
            exchange_stalled(exchange, now_ns))
            finish(lane, exchange, CURLE_OK, now_ns);
    }
}

/* One of a set that is cancelled ends when the set has begun. */
static bool set_is_cancelled(const struct op *op)
{
    for (; op; op = op->in.also)
        if (!atomic_load_explicit(&op->cancel, memory_order_relaxed))
            return false;
    return true;
}

static void end_unsent(struct op *op, int64_t now_ns)
{
    err_set(&op->out.err, ERR_CANCELLED, "%s cancelled", op_name(op));
    op->out.started_ns = op->out.ended_ns = now_ns;
}

static void look_at_waiting(struct lane *lane, int64_t now_ns)
{
    struct op *op = lane->waiting.head, *next;

    list_init(&lane->waiting);
    for (; op; op = next) {
        next = op->next;
        if (!set_is_cancelled(op)) {
            list_push(&lane->waiting, op);
            continue;
        }
        if (op->in.feed)
            end_unsent(op->in.feed, now_ns);
        for (struct op *one = op; one; one = one->in.also)
            end_unsent(one, now_ns);
        post(lane, op);
    }
}

static void look(struct lane *lane, int64_t now_ns)
{
    if (now_ns < lane->tick_ns)
        return;
    lane->tick_ns = now_ns + TICK;
    look_at_running(lane, now_ns);
    look_at_waiting(lane, now_ns);
}

/* True when something ended. */
static bool reap(struct lane *lane)
{
    CURLMsg *message;
    int left;
    bool any = false;

    while ((message = curl_multi_info_read(lane->multi, &left))) {
        struct exchange *exchange = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        if (exchange->again) {
            curl_multi_remove_handle(lane->multi, exchange->easy);
            exchange_restart(exchange);
            add(lane, exchange);
            continue;
        }
        finish(lane, exchange, code, clock_mono_ns());
        any = true;
    }
    return any;
}

static int poll_ms(const struct lane *lane, int wait_ms, int64_t now_ns)
{
    bool busy = lane->env.n_running || !list_empty(&lane->waiting);
    int64_t until = busy && lane->tick_ns < lane->wake_ns ? lane->tick_ns : lane->wake_ns;
    int64_t ms = until == INT64_MAX ? IDLE_MS : (until - now_ns + MS - 1) / MS;

    ms = ms < 0 ? 0 : ms > IDLE_MS ? IDLE_MS : ms;
    return wait_ms >= 0 && wait_ms < ms ? wait_ms : (int)ms;
}

void lane_turn(struct lane *lane, int wait_ms, int event)
{
    struct curl_waitfd extra = {.fd = event, .events = CURL_WAIT_POLLIN};
    int64_t now_ns = clock_mono_ns();
    int n;

    lane->wake_ns = INT64_MAX;
    widen(lane);
    accept_ops(lane);
    look(lane, now_ns);
    release(lane, now_ns);
    fill(lane, now_ns);
    curl_multi_perform(lane->multi, &n);
    if (reap(lane) && !list_empty(&lane->waiting))
        fill(lane, clock_mono_ns());
    if (!list_empty(&lane->env.paused))
        release(lane, clock_mono_ns());
    release_sets(lane, clock_mono_ns());
    curl_multi_poll(lane->multi, &extra, event >= 0, poll_ms(lane, wait_ms, clock_mono_ns()), NULL);
}

/* --- for control ---------------------------------------------------------------------- */

static void *loop(void *arg)
{
    struct lane *lane = arg;

    while (!atomic_load_explicit(&lane->stop, memory_order_acquire))
        lane_turn(lane, -1, -1);
    return NULL;
}

void lane_init(void)
{
    /* libcurl takes and frees its buffers for every request; with the defaults of malloc each goes
     * back to the kernel and comes again as page faults: a tenth of the time of a small object. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        abort();
}

const char *io_library(void)
{
    return curl_version();
}

void lane_exit(void)
{
    curl_global_cleanup();
}

struct lane *lane_new(const struct lane_config *config, struct inbox *done)
{
    struct lane *lane = xcalloc(1, sizeof *lane);

    lane->done = done;
    lane->buffer = config->buffer;
    lane->env.n_lanes = config->n_lanes;
    list_init(&lane->waiting);
    list_init(&lane->env.paused);
    inbox_init(&lane->submitted, false);
    lane->multi = curl_multi_init();
    lane_widen(lane, config->n_connections);
    widen(lane);
    if (!lane->limit) {
        lane_free(lane);
        return NULL;
    }
    curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return lane;
}

void lane_widen(struct lane *lane, int n_connections)
{
    int pairs = n_connections > 1 ? (n_connections + 1) / 2 * 2 : 2;

    atomic_store_explicit(&lane->wanted, pairs, memory_order_relaxed);
    if (lane->has_thread)
        curl_multi_wakeup(lane->multi);
}

void lane_start(struct lane *lane, int n)
{
    lane->has_thread = true;
    thread_start(&lane->thread, loop, lane, "haul-lane", n);
}

void lane_submit(struct lane *lane, struct op *op)
{
    lane->n_submitted++;
    if (inbox_post(&lane->submitted, op) && lane->has_thread)
        curl_multi_wakeup(lane->multi);
}

int64_t lane_load(const struct lane *lane)
{
    return lane->n_submitted - atomic_load_explicit(&lane->n_posted, memory_order_relaxed);
}

static int64_t counted(const _Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void lane_stats(const struct lane *lane, struct io_stats *stats)
{
    stats->received += counted(&lane->env.count.received);
    stats->sent += counted(&lane->env.count.sent);
    stats->requests += counted(&lane->env.count.requests);
    stats->connects += counted(&lane->env.count.connects);
    stats->paused += counted(&lane->env.count.paused);
}

void lane_free(struct lane *lane)
{
    if (lane->has_thread) {
        atomic_store_explicit(&lane->stop, true, memory_order_release);
        curl_multi_wakeup(lane->multi);
        pthread_join(lane->thread, NULL);
    }
    slots_free(&lane->slots);
    curl_multi_cleanup(lane->multi);
    exchange_env_free(&lane->env);
    inbox_close(&lane->submitted);
    free(lane->running);
    free(lane);
}
