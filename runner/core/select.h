#pragma once
/* Which of the objects that a source names a task takes.  Pure; any thread. */
#include "core/job.h"

/* Does the task have to know what an object is, before it can say? */
bool select_asks(const struct task *task);

/* Is the object taken?  `key` is relative to the task's place.  False: `why` names the rule, a text
 * that lasts. */
bool select_passes(const struct task *task, const struct shard *shard, const char *key,
                   const struct object_info *info, const char **why);

/* The shard, from 0, that a key falls to: the first 8 bytes of the SHA-256 of its relative form as
 * a big-endian number, modulo `count`.  The same for ever, so that shards of different machines and
 * versions never overlap. */
int select_shard(const char *key, int count);
