#pragma once
/* What `haul ctl` says to a run, as the run understands it (io/door.h).  Control thread only. */
#include "base/buf.h"

/* Does what the words of the line ask of the run (struct run), all of it or nothing, and answers:
 * "ok" and a line end, then what was asked for; or one line that says what is wrong.
 *
 * rate=RATE and concurrency=N, or auto; pause, resume; stats or stats-json; cancel or abort. */
void control_answer(void *run, const char *line, struct buf *out);
