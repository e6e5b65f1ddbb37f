#pragma once
/*
 * Lists out of documents: objects, uploads, parts, deleted keys.  Pure; any thread.
 * A page that breaks a promise of its kind (order, prefix, sizes, a token to go on with) fails as a
 * whole, because what follows from it could delete or skip the wrong thing.
 */
#include "wire/object_api.h"

/* `call` is what was asked: its prefix, token and keys are compared with what came. */
bool listing_read_objects(struct slice text, bool json, const struct object_call *call,
                          struct listing *listing, struct err *err);
bool listing_read_uploads(struct slice text, bool json, const struct object_call *call,
                          struct listing *listing, struct err *err);
bool listing_read_parts(struct slice text, bool json, const struct object_call *call,
                        struct part_list *parts, char **next_token, struct err *err);
/* Into `failed` the keys of the call that are not among the deleted ones, with the code as etag. */
bool listing_read_deleted(struct slice text, bool json, const struct object_call *call,
                          struct listing *failed, struct err *err);
