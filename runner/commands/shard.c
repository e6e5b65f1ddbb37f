#include "commands/shard.h"
#include "wire/http.h"
#include <stdlib.h>
#include <string.h>

#define SHARDS_MAX 100000

/* The variables of one batch system. */
static const struct system {
    const char *index; /* set for every element */
    const char *first; /* the lowest index; NULL: 0 */
    const char *step;  /* between two; NULL: 1 */
    const char *count; /* NULL: it does not say */
} systems[] = {
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP",
     "SLURM_ARRAY_TASK_COUNT"},
    {"JOB_COMPLETION_INDEX", NULL, NULL, "JOB_COMPLETIONS"},
    {"AWS_BATCH_JOB_ARRAY_INDEX", NULL, NULL, "AWS_BATCH_JOB_ARRAY_SIZE"},
};

static bool number_of(const char *variable, int64_t otherwise, int64_t *number, struct err *err)
{
    const char *text = variable ? getenv(variable) : NULL;

    *number = otherwise;
    return !text || !*text || http_integer(text, INT32_MAX, number) ||
           err_set(err, ERR_INVALID, "--shard: %s is '%.40s', which is no number", variable, text);
}

static const struct system *system_now(void)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        const char *text = getenv(systems[i].index);
        if (text && *text)
            return &systems[i];
    }
    return NULL;
}

static bool in_range(int64_t index, int64_t count, struct shard *shard, struct err *err)
{
    if (count < 1 || count > SHARDS_MAX)
        return err_set(err, ERR_INVALID, "--shard: there are 1 to %d shards, not %lld", SHARDS_MAX,
                       (long long)count);
    if (index < 0 || index >= count)
        return err_set(err, ERR_INVALID, "--shard: there is no shard %lld of %lld",
                       (long long)index + 1, (long long)count);
    shard->index = (int)index;
    shard->count = (int)count;
    return true;
}

static bool from_environment(const char *text, struct shard *shard, struct err *err)
{
    const struct system *system = system_now();
    int64_t index, first, step, count = 0;

    if (text[4] && (text[4] != '/' || !http_integer(text + 5, SHARDS_MAX, &count)))
        return err_set(err, ERR_INVALID, "--shard is K/N, auto or auto/N, not '%.40s'", text);
    if (!system)
        return err_set(err, ERR_INVALID,
                       "--shard auto: neither SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX nor "
                       "AWS_BATCH_JOB_ARRAY_INDEX is set");
    if (!number_of(system->index, 0, &index, err) || !number_of(system->first, 0, &first, err) ||
        !number_of(system->step, 1, &step, err))
        return false;
    if (!count && !number_of(system->count, 0, &count, err))
        return false;
    if (!count)
        return err_set(err, ERR_INVALID,
                       "--shard auto: %s does not say how many shards there are; "
                       "use auto/N",
                       system->index);
    return in_range((index - first) / (step > 0 ? step : 1), count, shard, err);
}

bool shard_parse(const char *text, struct shard *shard, struct err *err)
{
    const char *slash = strchr(text, '/');
    int64_t index, count;
    bool ok = slash != NULL;

    if (!strncmp(text, "auto", 4))
        return from_environment(text, shard, err);
    if (ok) {
        char *first = xstrndup(text, (size_t)(slash - text));
        ok = http_integer(first, SHARDS_MAX, &index) && http_integer(slash + 1, SHARDS_MAX, &count);
        free(first);
    }
    if (!ok)
        return err_set(err, ERR_INVALID, "--shard is K/N, auto or auto/N, not '%.40s'", text);
    return in_range(index - 1, count, shard, err);
}
