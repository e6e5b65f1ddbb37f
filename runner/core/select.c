#include "core/select.h"
#include "base/glob.h"
#include <string.h>

bool select_asks(const struct task *task)
{
    const struct selection *selection = &task->selection;
    return selection->min_size >= 0 || selection->max_size >= 0 || selection->since_ms ||
           selection->until_ms || (task->functions & TASK_MAPS);
}

int select_shard(const char *key, int count)
{
    uint8_t hash[SHA256_LEN];
    uint64_t number = 0;

    digest_sha256(key, strlen(key), hash);
    for (int i = 0; i < 8; i++)
        number = number << 8 | hash[i];
    return (int)(number % (uint64_t)count);
}

static bool matches_any(char *const *patterns, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        if (glob_match(patterns[i], key))
            return true;
    return false;
}

static const char *by_name(const struct selection *selection, const char *key)
{
    if (matches_any(selection->exclude, selection->n_exclude, key))
        return "a pattern of `exclude` matches";
    if (selection->n_include && !matches_any(selection->include, selection->n_include, key))
        return "no pattern of `include` matches";
    return NULL;
}

static const char *by_info(const struct selection *selection, const struct object_info *info)
{
    int64_t mtime_ms = info->mtime_ns / 1000000;

    if (info->size >= 0 && selection->min_size >= 0 && info->size < selection->min_size)
        return "it is smaller than `min_size`";
    if (info->size >= 0 && selection->max_size >= 0 && info->size > selection->max_size)
        return "it is larger than `max_size`";
    if (info->mtime_ns && selection->since_ms && mtime_ms < selection->since_ms)
        return "it was modified before `newer_than`";
    if (info->mtime_ns && selection->until_ms && mtime_ms > selection->until_ms)
        return "it was modified after `older_than`";
    return NULL;
}

/* What does not say how old or large it is may be copied in vain, but not deleted. */
static const char *by_doubt(const struct selection *selection, const struct object_info *info)
{
    if (info->size < 0 && (selection->min_size >= 0 || selection->max_size >= 0))
        return "its size is not known";
    if (!info->mtime_ns && (selection->since_ms || selection->until_ms))
        return "its age is not known";
    return NULL;
}

bool select_passes(const struct task *task, const struct shard *shard, const char *key,
                   const struct object_info *info, const char **why)
{
    *why = by_name(&task->selection, key);
    if (!*why)
        *why = by_info(&task->selection, info);
    if (!*why && task->kind == TASK_DELETE)
        *why = by_doubt(&task->selection, info);
    if (!*why && shard->count > 1 && select_shard(key, shard->count) != shard->index)
        *why = "it belongs to another shard";
    return !*why;
}
