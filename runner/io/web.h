#pragma once
/*
 * A request of a script to any address, and its answer.  One attempt in a lane: a redirect is an
 * answer like any other, certificates are verified, nothing is signed.  Owned by the op it is in
 * (op->in.web); until then by whoever made it.
 */
#include "wire/store.h"

struct web {
    struct store store;          /* the host and how it is reached; of this request alone */
    struct http_request request; /* with `target` filled */
    int timeout_ms;              /* of all of it */
    size_t max;                  /* bytes of the answer's body */
    struct http_reply reply;     /* out */
};

/* What is asked; everything is copied.  NULL and 0 stand for the default. */
struct web_options {
    const char *url;            /* http or https, without a user, a password or a fragment */
    const char *method;         /* GET */
    const char *const *headers; /* name, value, name, value, ..., NULL; names in lower case */
    const char *body;           /* PUT, POST and PATCH only */
    size_t body_len;
    const char *ca_file; /* certificates to trust instead of the system's */
    const char *proxy;   /* none: the environment is not asked */
    int timeout_ms;
    size_t max;
};

/* NULL: `err` names the field at fault, and shows nothing that may be a secret: no header, and of
 * the URL no more than its host. */
struct web *web_new(const struct web_options *options, struct err *err);
void web_free(struct web *web);
