/*
 * sim --seed N [--trace] | --seeds A-B [--mutant NAME]
 *
 * One seed is one life of a job: runs that fail, crash and are carried on, until one in calm
 * weather ends it.  The same seed gives the same life.
 */
#include "base/log.h"
#include "world.h"
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TURNS_MIN  10000 /* of a run, which may wait for a script or a person ... */
#define TURNS_PART 20    /* ... and for every part: it fails, and its object starts over */
#define ROUNDS_MAX 12

struct world world;
static struct stats totals;

/* --- seeded --------------------------------------------------------------------------- */

bool chance(uint64_t n)
{
    return rng_below(&world.rng, n) == 0;
}

bool chance_ppm(int ppm)
{
    return ppm > 0 && rng_below(&world.rng, 1000000) < (uint64_t)ppm;
}

int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)rng_below(&world.rng, (uint64_t)(high - low + 1));
}

void broken(const char *invariant, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    if (world.failure[0])
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(world.failure, sizeof world.failure, "invariant %s: %s", invariant, text);
    if (world.trace)
        printf("*** %s\n", world.failure);
}

void traced(const char *fmt, ...)
{
    va_list ap;

    if (!world.trace)
        return;
    printf("%10.3f ", (double)world.now_ns / 1e9);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void hash_number(uint64_t number)
{
    world.hash = (world.hash ^ number) * UINT64_C(0x100000001b3);
    world.hash ^= world.hash >> 29;
}

void hash_text(const char *text)
{
    hash_number(strlen(text));
    for (; *text; text++)
        hash_number((uint8_t)*text);
}

/* --- time ----------------------------------------------------------------------------- */

static int64_t mono_ns(void *ctx)
{
    (void)ctx;
    return world.now_ns;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return INT64_C(1700000000000) + world.now_ns / 1000000;
}

/* --- one run -------------------------------------------------------------------------- */

/* What a person or a script does to a run from outside. */
static void act(void)
{
    if (!world.n_actions || !chance(10))
        return;
    world.n_actions--;
    switch (rng_below(&world.rng, 12)) {
    case 0:
        world.interrupted = world.aborted = true;
        run_cancel(world.run, true);
        break;
    case 1:
        world.interrupted = true;
        run_cancel(world.run, false);
        break;
    case 2:
        world.interrupted = true;
        run_interrupt(world.run, 15);
        break;
    case 3:
        run_set(world.run, DIAL_RATE, 0, between(1000, 1000000));
        break;
    case 4:
        world.concurrency = (int)between(1, 12);
        paces_free();
        run_set(world.run, DIAL_CONCURRENCY, 0, world.concurrency);
        break;
    default:
        world.paused = true;
        run_pause(world.run, true);
    }
}

static void unpause(void)
{
    if (!world.paused || !(world.n_actions == 0 || chance(4)))
        return;
    world.paused = false;
    run_pause(world.run, false);
}

static void describe(void *ctx, const char *text)
{
    (void)ctx;
    traced("%s", text);
}

/* What a run that gets on may take. */
static int64_t turns_allowed(void)
{
    int64_t parts = 0;

    for (int i = 0; i < world.n_goals; i++) {
        const struct goal *goal = &world.goal[i];
        int64_t size = (int64_t)goal->version[goal->n_versions - 1]->len;
        parts += 1 + size / goal->task->part_size;
    }
    return TURNS_MIN + TURNS_PART * parts;
}

static void turn_until_over(void)
{
    int64_t allowed = turns_allowed();

    for (int64_t turns = 0;; turns++) {
        bool more = run_turn(world.run);
        world.stats.turns++;
        if (world.failure[0])
            run_describe(world.run, describe, NULL);
        if (!more || world.crashed || world.failure[0])
            return;
        unpause();
        act();
        if (turns == allowed) {
            broken("liveness", "%lld turns and no end", (long long)turns);
            run_describe(world.run, describe, NULL);
            return;
        }
    }
}

static void calm_down(void)
{
    world.fault_ppm = world.change_ppm = world.flip_ppm = world.flood_ppm = 0;
    world.full = false;
    world.crash_at = 0;
    world.n_actions = 0;
}

static void draw_crash(void)
{
    world.n_actions = chance(4) ? (int)between(1, 4) : 0;
    world.crash_at = chance(4) ? 0 : between(1, chance(2) ? 12 : 80);
    world.crash_before = chance(2);
    world.power = chance(4);
}

static void begin_run(bool calm)
{
    world.commits = world.n_tickets = 0;
    world.crashed = world.paused = world.aborted = world.interrupted = world.list_failed = false;
    world.power = world.crash_before = false;
    io_begin();
    world.concurrency = world.job.concurrency;
    if (calm)
        calm_down();
    else
        draw_crash();
}

static void after_crash(void)
{
    bool power = world.power;

    io_crash();
    disk_crash(&world.disk[1], power);
    run_free(world.run);
    world.stats.crashes++;
    world.stats.power_losses += power;
}

static struct run_config make_config(void)
{
    return (struct run_config){.job = &world.job,
                               .io = &world.io,
                               .journal = world.journal,
                               .hooks = watch_hooks(),
                               .observer = watch_event,
                               .observed = UINT32_MAX & ~(1u << EVENT_PROGRESS),
                               .seed = rng_next(&world.rng),
                               .mono_ns = mono_ns,
                               .wall_ms = wall_ms};
}

/* Runs once; true when the job is done. */
static bool run_once(bool calm)
{
    struct run_config config = make_config();

    world.run = run_new(&config);
    turn_until_over();
    world.stats.runs++;
    if (world.crashed || world.failure[0]) {
        after_crash();
        return false;
    }
    int status = run_exit_status(world.run);
    traced("exit status %d", status);
    hash_number((uint64_t)status);
    world.power = false;
    watch_end(status);
    run_free(world.run);
    if (calm && status)
        broken("liveness", "exit status %d where nothing fails", status);
    return status == 0 && calm;
}

/* In calm weather everything is what its source is now. */
static void check_all(void)
{
    for (int i = 0; i < world.n_goals; i++) {
        const struct goal *goal = &world.goal[i];
        struct blob *now = goal_content(goal);
        if (!blob_same(now, goal->version[goal->n_versions - 1]))
            broken("I1", "in the end %s is not what its source is", goal->target);
        blob_drop(now);
    }
    moves_check_all();
}

static bool open_journal(enum journal_opened *how)
{
    struct err err = {0};

    world.journal = journal_open(world.dir, 42, false, how, &err);
    if (!world.journal)
        broken("journal", "it cannot be opened: %s", err.message);
    return world.journal != NULL;
}

static bool live_once(int round, bool calm)
{
    enum journal_opened how;
    bool done = false;

    if (!open_journal(&how))
        return false;
    watch_begin(how); /* by what became of the run before this */
    begin_run(calm);
    traced("run %d%s: journal %d", round, calm ? " (calm)" : "", (int)how);
    if (round && !calm)
        fault_between_runs();
    done = run_once(calm);
    struct journal *journal = world.journal;
    world.journal = NULL;
    journal_close(journal);
    if (world.crashed)
        image_put();
    io_drop();
    if (!calm && !world.failure[0] && chance(6))
        fault_damage_journal();
    return done;
}

static void verify_once(void)
{
    enum journal_opened how;

    if (!open_journal(&how))
        return;
    calm_down();
    verify_all(make_config());
    struct journal *journal = world.journal;
    world.journal = NULL;
    journal_close(journal);
    io_drop();
}

/* --- one seed ------------------------------------------------------------------------- */

static void clean_dir(void)
{
    DIR *dir = opendir(world.dir);
    char path[512];

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", world.dir, entry->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
}

static void add_stats(const struct stats *from)
{
    int64_t largest = totals.largest_resend;

    for (size_t i = 0; i < sizeof totals / sizeof(int64_t); i++)
        ((int64_t *)&totals)[i] += ((const int64_t *)from)[i];
    totals.largest_resend = from->largest_resend > largest ? from->largest_resend : largest;
}

/* Returns the hash of its trace; the failure, if any, in world.failure. */
static uint64_t live(uint64_t seed, bool trace, enum mutant mutant)
{
    memset(&world, 0, sizeof world);
    world.seed = seed;
    world.trace = trace;
    world.mutant = mutant;
    world.now_ns = INT64_C(1000000000000);
    world.io.ops = &sim_io_ops;
    snprintf(world.dir, sizeof world.dir, "/dev/shm/haul-sim-%d", (int)getpid());
    mkdir(world.dir, 0700);
    rng_seed(&world.rng, seed);
    scenario_make();
    paces_forget();
    int rough = (int)between(0, 5);
    for (int round = 0; !world.failure[0]; round++) {
        if (live_once(round, round >= rough))
            break;
        if (round == ROUNDS_MAX)
            broken("liveness", "%d runs and no end", round);
    }
    if (!world.failure[0])
        check_all();
    if (!world.failure[0])
        verify_once();
    clean_dir();
    image_free();
    disk_crash(&world.disk[1], false);
    scenario_free();
    add_stats(&world.stats);
    return world.hash;
}

static bool live_and_tell(uint64_t seed, bool trace, enum mutant mutant)
{
    uint64_t hash = live(seed, trace, mutant);

    if (!world.failure[0] && seed % 50 == 0 && live(seed, false, mutant) != hash &&
        !world.failure[0])
        broken("I16", "two runs of one seed differ");
    if (!world.failure[0])
        return true;
    printf("seed %llu: %s\n", (unsigned long long)seed, world.failure);
    return false;
}

static void print_summary(unsigned long long from, unsigned long long to, double seconds)
{
    const struct stats *s = &totals;

    printf("%llu seeds, %lld runs, %lld turns, %lld ops, %lld commits in %.1f s (%.0f seeds/s)\n",
           to - from + 1, (long long)s->runs, (long long)s->turns, (long long)s->ops,
           (long long)s->commits, seconds, (double)(to - from + 1) / seconds);
    printf("%lld crashes, %lld of them power losses; %lld damaged journals; %lld runs carried on\n",
           (long long)s->crashes, (long long)s->power_losses, (long long)s->damages,
           (long long)s->resumes);
    printf("faults:");
    for (int kind = 1; kind < ERR_KIND_COUNT; kind++)
        if (s->faults[kind])
            printf(" %s %lld", err_kind_name((enum err_kind)kind), (long long)s->faults[kind]);
    printf("; lost answers %lld, flipped bytes %lld, changed sources %lld, lost uploads %lld\n",
           (long long)s->lost_answers, (long long)s->flips, (long long)s->changes,
           (long long)s->lost_uploads);
    printf("%lld times a store named a time to come again\n", (long long)s->held);
    printf("%lld parts sent, %lld bodies relayed (%lld along with others), ",
           (long long)s->parts_sent, (long long)s->relayed, (long long)s->fanned);
    printf("%lld copies by the service, %lld verified\n", (long long)s->copied,
           (long long)s->verified);
    printf("%lld moved, %lld of them from an earlier copy, %lld copies spoilt\n",
           (long long)s->moved, (long long)s->proofs, (long long)s->spoilt);
    printf("%lld restarts, %lld decisions, %lld rows compared; largest re-send after a crash:"
           " %lld parts\n",
           (long long)s->restarts, (long long)s->decisions, (long long)s->checks,
           (long long)s->largest_resend);
}

static enum mutant mutant_named(const char *name)
{
    static const char *const names[] = {"none",       "early-row", "no-if-match", "journal-parts",
                                        "no-luggage", "deaf",      "delete-early"};

    for (int i = 0; i < 7; i++)
        if (!strcmp(name, names[i]))
            return (enum mutant)i;
    fprintf(stderr, "sim: no mutant '%s'\n", name);
    exit(2);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    unsigned long long from = 1, to = 2000;
    enum mutant mutant = MUTANT_NONE;
    bool trace = false, keep_going = false, ok = true;
    double started = seconds_now();

    log_open("/dev/null", LOG_ERROR, LOG_TEXT);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--trace"))
            trace = true;
        else if (!strcmp(argv[i], "--keep-going"))
            keep_going = true;
        else if (!strcmp(argv[i], "--seed"))
            from = to = strtoull(value, NULL, 10), i++;
        else if (!strcmp(argv[i], "--seeds"))
            sscanf(value, "%llu-%llu", &from, &to), i++;
        else if (!strcmp(argv[i], "--mutant"))
            mutant = mutant_named(value), i++;
    }
    for (unsigned long long seed = from; seed <= to && (ok || keep_going); seed++)
        ok = live_and_tell(seed, trace, mutant) && ok;
    print_summary(from, to, seconds_now() - started);
    rmdir(world.dir);
    return ok ? 0 : 1;
}
