/* What a seed makes of the job: stores, tasks, objects, policy and weather. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 5 /* entries of a page of objects: small, so that paging happens */

static struct dialect dialects[STORE_TOS + 1]; /* real ones, without a smallest part */
static struct http_fields asked;               /* what a task wants its objects to carry */

static void make_stores(void)
{
    static const enum store_kind kinds[FLAVOURS] = {STORE_OSS, STORE_TOS, STORE_S3, STORE_S3,
                                                    STORE_S3};
    static char names[4][8] = {"/src", "x://b", "/dst", "y://c"}, hosts[2][8] = {"one", "other"};
    static char key[] = "key";

    world.credentials = (struct credentials){.access_key = key, .secret_key = key};
    for (int i = 0; i < 4; i += 2)
        world.store[i] = (struct store){.kind = STORE_DIR, .name = names[i], .root = names[i]};
    for (int i = 0; i < 2; i++) {
        enum flavour flavour = i && chance(3) ? world.remote[0].flavour
                                              : (enum flavour)rng_below(&world.rng, FLAVOURS);
        enum store_kind kind = kinds[flavour];
        world.remote[i] = (struct remote){
            .flavour = flavour, .dialect = &dialects[kind], .page = PAGE, .host = &sim_host};
        dialects[kind] = *dialect_of(kind);
        dialects[kind].part_min = 1;
        dialects[kind].copy_max = between(100, 100000);
        world.store[2 * i + 1] = (struct store){.kind = kind,
                                                .dialect = &dialects[kind],
                                                .name = names[2 * i + 1],
                                                .bucket = names[2 * i + 1],
                                                .host = hosts[i && chance(2)],
                                                .bucket_in_path = true,
                                                .credentials = &world.credentials,
                                                .sign_payload = kind == STORE_S3 && chance(4)};
    }
    world.no_copy = chance(4);
    world.job.stores = xcalloc(4, sizeof *world.job.stores);
    world.job.n_stores = 4;
    for (int i = 0; i < 4; i++)
        world.job.stores[i] = (struct job_store){&world.store[i], -1, -1, -1, false};
}

static void make_policy(struct retry_policy *policy)
{
    struct retry_rule rule = {.attempts = (int)between(1, 7),
                              .base_ms = between(1, 200),
                              .cap_ms = between(200, 5000),
                              .jitter = chance(4) ? JITTER_NONE : JITTER_FULL};

    for (int kind = 0; kind < ERR_KIND_COUNT; kind++)
        policy->rule[kind] = rule;
    policy->on = 1u << ERR_NETWORK | 1u << ERR_TIMEOUT | 1u << ERR_THROTTLED | 1u << ERR_SERVER |
                 1u << ERR_CORRUPT;
    if (chance(2))
        policy->on |= 1u << ERR_DISK;
}

/* --- objects -------------------------------------------------------------------------- */

static size_t draw_size(enum what what, int64_t part)
{
    int64_t many = part * between(2, 12);

    if ((what == WHAT_DOWNLOAD || what == WHAT_RELAY) && chance(2)) /* below it comes as one */
        return (size_t)(LIMIT_SMALL_BODY + between(1, 60000));
    switch (rng_below(&world.rng, 8)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return (size_t)between(2, 3000);
    case 3:
        return (size_t)(part + between(-1, 1));
    case 4:
        return (size_t)many;
    case 5:
        return (size_t)(many - 1);
    default:
        return (size_t)(many + between(0, part));
    }
}

static void put_source(struct goal *goal)
{
    struct blob *blob = goal->version[0];

    if (goal->task->from->kind != STORE_DIR)
        put_object(remote_of(goal->task->from), goal->key, blob_keep(blob), chance(2));
    else
        file_set(disk_create(&world.disk[0], goal->key), blob);
}

static void put_before(struct goal *goal)
{
    goal->before = blob_make(rng_next(&world.rng) | 1, (size_t)between(0, 500));
    if (goal->task->to->kind == STORE_DIR)
        file_set(disk_create(&world.disk[1], goal->target), goal->before);
    else
        put_object(remote_of(goal->task->to), goal->target, blob_keep(goal->before), false);
}

static void add_goal(struct task *task, int n, size_t size)
{
    struct goal *goal = &world.goal[world.n_goals++];
    char *below = xasprintf("%s%c%d", n % 3 == 1 ? "d/" : "", 'a' + n % 26, n);

    memset(goal, 0, sizeof *goal);
    goal->task = task;
    goal->key = xasprintf("%s%s", task->from_path, below);
    goal->target = xasprintf("%s%s", task->to_path, below);
    goal->version[goal->n_versions++] = blob_make(rng_next(&world.rng) | 1, size);
    put_source(goal);
    if (chance(3))
        put_before(goal);
    free(below);
}

/* --- tasks ---------------------------------------------------------------------------- */

static void name_keys(struct task *task, int first, int n)
{
    task->keys = xcalloc((size_t)n + 1, sizeof(char *));
    task->n_keys = n;
    for (int i = 0; i < n; i++)
        task->keys[i] = xstrdup(world.goal[first + i].key + strlen(task->from_path));
}

/* A single one names both ends in full. */
static void name_single(struct task *task, const struct goal *goal)
{
    free(task->from_path);
    free(task->to_path);
    task->from_path = xstrdup(goal->key);
    task->to_path = xstrdup(goal->target);
    task->single = true;
}

/* --- further targets ------------------------------------------------------------------ */

static void add_sibling(struct task *task, const struct goal *first)
{
    struct goal *goal = &world.goal[world.n_goals++];

    memset(goal, 0, sizeof *goal);
    goal->task = task;
    goal->key = xstrdup(first->key);
    goal->target = task->single ? xstrdup(task->to_path)
                                : xasprintf("%s%s", task->to_path, strchr(first->key, '/') + 1);
    goal->version[goal->n_versions++] = blob_keep(first->version[0]);
    if (chance(3))
        put_before(goal);
}

/* The same objects for another place: `to = { a, b }`. */
static void add_target(int first, int n)
{
    struct task *task = &world.job.tasks[world.job.n_tasks++], *before = task - 1;

    *task = *before;
    before->also = task;
    task->also = NULL;
    task->is_also = true;
    task->number = world.job.n_tasks;
    task->keys = NULL;
    task->n_keys = 0;
    task->to = &world.store[chance(4) ? 2 : 3];
    task->from_path = xstrdup(before->from_path);
    task->to_path = xasprintf("also%d/%s", task->number, task->single ? "o" : "");
    for (int i = 0; i < n; i++)
        add_sibling(task, &world.goal[first + i]);
}

/* What was added to scenarios later leaves those of a seed as they were. */
static struct rng later;

static bool chance_later(uint64_t n)
{
    return rng_below(&later, n) == 0;
}

static void make_task(bool huge)
{
    static const int from[] = {0, 1, 0, 1}, to[] = {1, 2, 2, 3};
    int number = world.job.n_tasks++;
    struct task *task = &world.job.tasks[number];
    enum what what = (enum what)rng_below(&world.rng, WHATS);
    int n = chance(12) ? (int)between(20, 40) : (int)between(0, 5), first = world.n_goals;
    bool large = what == WHAT_DOWNLOAD || (what == WHAT_RELAY && chance(2));
    int64_t part = large ? between(20000, 120000) : between(16, 4000);

    task->number = number + 1;
    task->group = number && chance_later(2) ? task[-1].group : task->number;
    task->from = &world.store[from[what]];
    task->to = &world.store[to[what]];
    task->from_path = xasprintf("from%d/", number);
    task->to_path = xasprintf("to%d/", number);
    task->rate = -1;
    task->part_size = huge ? (what == WHAT_DOWNLOAD ? 27 : 32) : part;
    task->selection.min_size = task->selection.max_size = -1;
    task->route = chance(3) ? ROUTE_RELAY : ROUTE_AUTO;
    task->preserve = !chance(5);
    task->attributes = chance(4) ? &asked : NULL;
    task->concurrency = chance(3) ? (int)between(1, 4) : 0;
    make_policy(&task->retry);
    bool single = chance(4);
    n = huge || single ? 1 : n;
    for (int i = 0; i < n; i++)
        add_goal(task, i,
                 huge ? (size_t)task->part_size * 9990 + 7 : draw_size(what, task->part_size));
    if (single)
        name_single(task, &world.goal[first]);
    else if (chance(3))
        name_keys(task, first, n);
    int more = 0;
    for (; task->from == &world.store[1] && !huge && more < 3 && chance(2); more++)
        add_target(first, n);
    /* What is listed: a name that was moved cannot be found again, where its row is lost. */
    if (!huge && !single && !task->keys && !more && chance_later(2))
        task->kind = TASK_MOVE;
    bool full = chance_later(4);
    for (struct task *each = task; full && each; each = each->also)
        each->verify = VERIFY_FULL;
}

static void make_weather(void)
{
    static const int faults[] = {0, 20000, 60000, 150000, 300000};

    world.fault_ppm = faults[rng_below(&world.rng, 5)];
    world.change_ppm = chance(3) ? (int)between(1000, 30000) : 0;
    world.flip_ppm = chance(3) ? (int)between(1000, 50000) : 0;
    world.flood_ppm = chance(5) ? (int)between(20000, 500000) : 0;
    world.full = chance(6);
    world.hooked = chance(3);
}

void scenario_make(void)
{
    static char name[] = "sim";
    bool huge = chance(150);
    int n = huge ? 1 : (int)between(1, 3);

    rng_seed(&later, world.seed ^ UINT64_C(0x6d6f7665));
    make_stores();
    http_fields_init(&asked, 1000);
    http_fields_add(&asked, "cache-control", "no-store");
    world.job.name = name;
    world.job.file = name;
    world.job.concurrency = (int)between(1, 12);
    world.job.workers = (int)between(1, 4);
    world.job.rate = -1;
    world.job.durability = chance(2) ? DURABLE_OBJECT : DURABLE_GROUP;
    world.job.tasks = xcalloc((size_t)n * 4, sizeof *world.job.tasks);
    world.goal = xcalloc(512, sizeof *world.goal);
    for (int i = 0; i < n; i++)
        make_task(huge);
    make_weather();
    if (huge && world.fault_ppm > 5000)
        world.fault_ppm = 5000;
    if (huge)
        world.change_ppm = world.flip_ppm = 0;
}

struct blob *goal_content(const struct goal *goal)
{
    if (goal->task->to->kind == STORE_DIR) {
        struct file *file = disk_find(&world.disk[1], goal->target);
        return file ? blob_new(file->data, file->len) : NULL;
    }
    struct object *object = remote_find(remote_of(goal->task->to), goal->target);
    return object ? blob_keep(object->blob) : NULL;
}

static void free_goal(struct goal *goal)
{
    for (int i = 0; i < goal->n_versions; i++)
        blob_drop(goal->version[i]);
    blob_drop(goal->before);
    free(goal->key);
    free(goal->target);
    free(goal->had);
    free(goal->told);
}

void scenario_free(void)
{
    for (int i = 0; i < world.n_goals; i++)
        free_goal(&world.goal[i]);
    free(world.goal);
    for (int i = 0; i < world.job.n_tasks; i++) {
        struct task *task = &world.job.tasks[i];
        for (int k = 0; k < task->n_keys; k++)
            free(task->keys[k]);
        free(task->keys);
        free(task->from_path);
        free(task->to_path);
    }
    free(world.job.tasks);
    free(world.job.stores);
    remote_free(&world.remote[0]);
    remote_free(&world.remote[1]);
    http_fields_free(&asked);
    disk_free(&world.disk[0]);
    disk_free(&world.disk[1]);
    free(world.queue);
}
