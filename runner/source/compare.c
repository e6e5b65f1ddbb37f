#include "source/compare.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND INT64_C(1000000000)

static void say(struct comparison *comparison, enum sameness sameness, const char *why)
{
    comparison->sameness = sameness;
    snprintf(comparison->why, sizeof comparison->why, "%s", why);
}

static void by_size(const struct object_info *source, const struct object_info *target,
                    struct comparison *comparison)
{
    if (source->size == target->size)
        say(comparison, SAME, "the sizes are the same");
    else
        say(comparison, DIFFERENT, "the sizes differ");
}

/* Stores keep whole seconds, so a copy made within the second of the change counts as newer. */
static void by_time(const struct object_info *source, const struct object_info *target,
                    struct comparison *comparison)
{
    by_size(source, target, comparison);
    if (comparison->sameness == DIFFERENT)
        return;
    if (target->mtime_ns / SECOND >= source->mtime_ns / SECOND)
        say(comparison, SAME, "the sizes are the same and the target is not older");
    else
        say(comparison, DIFFERENT, "the source is newer");
}

/* Some stores quote an ETag in one answer and not in the other, or change its case. */
static bool same_etag(const char *a, const char *b)
{
    size_t len_a, len_b;
    a += strspn(a, "\"");
    b += strspn(b, "\"");
    len_a = strcspn(a, "\"");
    len_b = strcspn(b, "\"");
    return len_a == len_b && !strncasecmp(a, b, len_a);
}

/* Two ETags can be told apart only where both are of one kind: MD5s of the whole. */
static void by_etag(const struct object_info *source, const struct object_info *target,
                    struct comparison *comparison)
{
    by_size(source, target, comparison);
    if (comparison->sameness == DIFFERENT)
        return;
    if (source->etag[0] && same_etag(source->etag, target->etag))
        say(comparison, SAME, "the ETags are the same");
    else
        say(comparison, UNTOLD, "");
}

/* --- what the journal remembers ------------------------------------------------------- */

static bool same_source(const struct fingerprint *print, const struct object_info *source)
{
    if (print->size != source->size || !same_etag(print->etag, source->etag))
        return false;
    if (source->etag[0])
        return true;
    return print->mtime_ns == source->mtime_ns &&
           (!print->inode || !source->inode || print->inode == source->inode);
}

static bool same_target(const struct fingerprint *print, const struct object_info *target)
{
    if (print->target_size != target->size || !same_etag(print->target_etag, target->etag))
        return false;
    return target->etag[0] || print->target_mtime_ns == target->mtime_ns;
}

static void by_fingerprint(const struct fingerprint *print, const struct object_info *source,
                           const struct object_info *target, struct comparison *comparison)
{
    comparison->by_time = !print;
    if (!print)
        by_time(source, target, comparison);
    else if (!same_source(print, source))
        say(comparison, DIFFERENT, "the source has changed since it was sent");
    else if (!same_target(print, target))
        say(comparison, DIFFERENT, "the target is not what was sent");
    else
        say(comparison, SAME, "nothing has changed since it was sent");
}

/* --- what the job file says ----------------------------------------------------------- */

static void by_script(const struct task *task, const struct object_view *source,
                      const struct object_view *target, struct turn *turn,
                      struct comparison *comparison)
{
    bool same = false;

    if (turn->hooks->compare(turn->hooks->ctx, task, source, target, &same, comparison->why,
                             &comparison->touched, &comparison->err))
        comparison->sameness = same ? SAME : DIFFERENT;
}

void compare_pair(const struct task *task, const struct object_view *here,
                  const struct object_view *there, const struct fingerprint *print,
                  struct turn *turn, struct comparison *comparison)
{
    const struct object_info *source = here->info, *target = there->info;

    memset(comparison, 0, sizeof *comparison);
    switch (task->compare) {
    case COMPARE_SIZE:
        by_size(source, target, comparison);
        break;
    case COMPARE_TIME:
        by_time(source, target, comparison);
        break;
    case COMPARE_ETAG:
        by_etag(source, target, comparison);
        break;
    case COMPARE_CHECKSUM:
        by_size(source, target, comparison);
        if (comparison->sameness == SAME)
            say(comparison, UNTOLD, "");
        break;
    case COMPARE_SCRIPT:
        by_script(task, here, there, turn, comparison);
        break;
    case COMPARE_FINGERPRINT:
        by_fingerprint(print, source, target, comparison);
        break;
    }
}
