#pragma once
/*
 * struct buf: growing bytes with a maximum given at birth, so that no input can make one unbounded.
 * struct slice: borrowed bytes.
 * Any thread may use its own.  Out of memory aborts (x* functions below): the sizes that input
 * decides are capped before they are asked for, so running out means a bug or a full machine.
 * The text in a buf is always followed by a NUL that `len` does not count.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t len;
};

struct buf {
    char *data; /* NULL until the first byte */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* `len` never passes this */
    bool full;  /* something did not fit; what is here is cut short */
};

/* An empty buf that may grow to `max` bytes. */
struct buf buf_new(size_t max);
void buf_free(struct buf *buf);
/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *buf);

/* Each returns false, and sets `full`, when the bytes do not all fit; nothing is added then. */
bool buf_add(struct buf *buf, const void *data, size_t len);
bool buf_adds(struct buf *buf, const char *text);
bool buf_addc(struct buf *buf, char c);
bool buf_addf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_addv(struct buf *buf, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* The text, never NULL. */
const char *buf_str(const struct buf *buf);
/* Gives the memory away as a string (never NULL); the buf is empty afterwards. */
char *buf_take(struct buf *buf);

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text); /* NULL stays NULL */
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Adds `text` as a JSON string with its quotes.  Bytes that are not UTF-8 become U+FFFD, control
 * characters are escaped, so that the result is always one line of valid JSON. */
bool buf_add_json(struct buf *buf, const char *text);
/* Adds `text` between the tags of XML, or in an attribute: what would end it, and control
 * characters, become references. */
bool buf_add_xml(struct buf *buf, const char *text);
/* Adds "field":"name" for a key or path, whose bytes may be anything.  Where JSON cannot hold them,
 * "field_hex" with all of them in hexadecimal goes along, so that no two names look the same. */
bool buf_add_json_name(struct buf *buf, const char *field, const char *name);

/* Adds `text` for a person's eyes: bytes outside 0x20-0x7e and valid UTF-8 letters become \xNN. */
bool buf_add_printable(struct buf *buf, const char *text);
