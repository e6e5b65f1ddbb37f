#pragma once
/*
 * What became of objects that never are on their way: events and counts, and of failures a row in
 * the journal.  Control thread only.
 */
#include "transfer/turn.h"

void told_event(const struct task *task, enum event_kind kind, const char *key, int64_t size,
                const char *why, const struct err *err, struct turn *turn);
void told_skipped(const struct task *task, const char *key, int64_t size, const char *why,
                  struct turn *turn);
/* An entry of a listing that is not taken, and why. */
void told_special(const struct task *task, const struct list_entry *entry, const char *why,
                  bool keep, struct turn *turn);
/* `keep`: so that it is listed by `status`, and taken up by `retry`. */
void told_failed(const struct task *task, const char *key, int64_t size, const struct err *err,
                 bool keep, struct turn *turn);
