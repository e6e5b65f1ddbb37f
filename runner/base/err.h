#pragma once
/*
 * The one error type of haul and its one vocabulary of kinds.
 * The same words are the keys of a retry policy, a column of the journal, what logs
 * print and what a Lua hook sees as error.kind.
 *
 * A function that can fail returns bool and takes `struct err *` last.  The caller owns the
 * struct; nothing in it is allocated.  Any thread may use its own.  An error never holds a secret.
 */
#include <stdbool.h>
#include <stddef.h>

#define ERR_KINDS(X)                                                           \
    X(NONE, "none")           /* no error */                                   \
    X(NETWORK, "network")     /* connect, reset, cut short */                  \
    X(TIMEOUT, "timeout")     /* no connection, or no bytes, for too long */   \
    X(THROTTLED, "throttled") /* the store asked to slow down */               \
    X(SERVER, "server")       /* 5xx, or an answer that makes no sense */      \
    X(AUTH, "auth")           /* signature, key, token or clock refused */     \
    X(DENIED, "denied")       /* known, but not allowed */                     \
    X(MISSING, "missing")     /* no such object, bucket, upload or file */     \
    X(CHANGED, "changed")     /* the source is not what it was */              \
    X(CORRUPT, "corrupt")     /* a checksum or a length does not agree */      \
    X(DISK, "disk")           /* a local file operation failed */              \
    X(CANCELLED, "cancelled") /* asked to stop */                              \
    X(SCRIPT, "script")       /* a Lua hook failed */                          \
    X(INVALID, "invalid")     /* a request or an option that can never work */ \
    X(BUG, "bug")             /* haul's own mistake */

enum err_kind {
#define X(name, word) ERR_##name,
    ERR_KINDS(X)
#undef X
        ERR_KIND_COUNT
};

struct err {
    enum err_kind kind;
    int status;          /* HTTP status of the answer; 0 where there was none */
    int retry_after_ms;  /* how long the store asked to wait; 0 where it did not say */
    bool final;          /* trying the same again cannot help, whatever the kind */
    char code[48];       /* the provider's error code, such as "SlowDown"; "" if none */
    char request_id[72]; /* what the provider's support will ask for */
    char host_id[104];   /* the second id of S3 and TOS, or the EC of OSS */
    char message[320];   /* one sentence for a person, printable characters only */
};

/* Fills `err` (which may be NULL) and returns false, so that a failure is one line. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": strerror(errnum)" at the end; picks ERR_MISSING for ENOENT and
 * ERR_DENIED for EACCES and EPERM, else ERR_DISK.  Sets `final` for what a retry cannot mend. */
bool err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message.  Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_kind_name(enum err_kind kind);

/* The kind of a word of the vocabulary; false if there is no such word. */
bool err_kind_parse(const char *word, enum err_kind *kind);
