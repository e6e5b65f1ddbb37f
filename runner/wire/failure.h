#pragma once
/*
 * What a reply that is not a success means: status, provider's code, headers and body in, an
 * error out.  Pure; any thread.  Nothing of what was signed is ever copied.
 */
#include "wire/dialect.h"
#include "wire/result.h"

/* Sets kind and final of `err` from the provider's code, or from the status where the code says
 * nothing.  `code` may be "". */
void failure_classify(int status, const char *code, struct err *err);

/* Fills `err` from a reply with an error status.  Returns false. */
bool failure_read(const struct dialect *dialect, const struct http_reply *reply, struct err *err);

/* Fills `err` from an error document inside a reply that calls itself a success, as if it had come
 * with status 500.  Returns false. */
bool failure_inside(const struct dialect *dialect, const struct http_reply *reply,
                    const struct result *result, struct err *err);

/* Adds what every reply can have to an error that somebody else has set: status, ids, how long to
 * wait.  Returns false. */
bool failure_stamp(const struct dialect *dialect, const struct http_reply *reply, struct err *err);
