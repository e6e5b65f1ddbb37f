#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buf buf_new(size_t max)
{
    return (struct buf){.max = max};
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = buf_new(buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->full = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for `len` more bytes and the NUL. */
static bool reserve(struct buf *buf, size_t len)
{
    if (buf->full || len > buf->max - buf->len) {
        buf->full = true;
        return false;
    }
    size_t need = buf->len + len + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap < 32 ? 64 : buf->cap * 2;
    if (cap < need)
        cap = need;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    buf->data = xrealloc(buf->data, cap);
    buf->cap = cap;
    return true;
}

bool buf_add(struct buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_adds(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_addc(struct buf *buf, char c)
{
    return buf_add(buf, &c, 1);
}

bool buf_addv(struct buf *buf, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    bool ok = n >= 0 && reserve(buf, (size_t)n);
    if (ok && (size_t)n < sizeof small)
        memcpy(buf->data + buf->len, small, (size_t)n + 1);
    else if (ok)
        vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
    va_end(again);
    if (ok)
        buf->len += (size_t)n;
    return ok;
}

bool buf_addf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool ok = buf_addv(buf, fmt, ap);
    va_end(ap);
    return ok;
}

const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data ? buf->data : xstrdup("");
    *buf = buf_new(buf->max);
    return text;
}

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void *xmalloc(size_t size)
{
    return must(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return must(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return text ? xstrndup(text, strlen(text)) : NULL;
}

char *xstrndup(const char *text, size_t len)
{
    char *copy = xmalloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    return text;
}

/* The length of the UTF-8 character at `text`, which a NUL ends; 0 if it is not one.  Overlong
 * forms, surrogates and what lies above U+10FFFF are not. */
static size_t utf8_char(const unsigned char *text, uint32_t *point)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } form[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 0; n < 4; n++) {
        if ((text[0] & form[n].mask) != form[n].lead)
            continue;
        uint32_t value = text[0] & (unsigned char)~form[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((text[i] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (text[i] & 0x3f);
        }
        *point = value;
        bool good = value >= form[n].least && value <= 0x10ffff && (value & ~0x7ffu) != 0xd800;
        return good ? n + 1 : 0;
    }
    return 0;
}

/* Characters that a terminal obeys or hides instead of showing. */
static bool unseen(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xad ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xfff9 && point <= 0xfffb) || (point & 0xfffe) == 0xfffe ||
           (point >= 0xe0000 && point <= 0xe0fff);
}

static void cut_back(struct buf *buf, size_t len)
{
    buf->len = len;
    if (buf->data)
        buf->data[len] = '\0';
}

static bool add_json_char(struct buf *buf, const unsigned char *text, size_t len, uint32_t point)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    if (len == 0)
        return buf_adds(buf, "\xef\xbf\xbd");
    for (size_t i = 0; point < 0x80 && named[i]; i += 2)
        if ((uint32_t)named[i] == point)
            return buf_addc(buf, '\\') && buf_addc(buf, named[i + 1]);
    if (unseen(point) && point < 0x10000)
        return buf_addf(buf, "\\u%04x", point);
    return buf_add(buf, text, len);
}

bool buf_add_json(struct buf *buf, const char *text)
{
    size_t start = buf->len;
    bool ok = buf_addc(buf, '"');
    const unsigned char *at = (const unsigned char *)text;
    while (ok && *at) {
        uint32_t point = 0;
        size_t len = utf8_char(at, &point);
        ok = add_json_char(buf, at, len, point);
        at += len ? len : 1;
    }
    if (ok && buf_addc(buf, '"'))
        return true;
    cut_back(buf, start);
    return false;
}

static bool is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len = 1;

    for (uint32_t point; len && *at; at += len)
        len = utf8_char(at, &point);
    return len > 0;
}

bool buf_add_xml(struct buf *buf, const char *text)
{
    bool ok = true;
    for (; ok && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            ok = buf_addf(buf, "&#%d;", c);
        else
            ok = buf_addc(buf, *text);
    }
    return ok;
}

bool buf_add_json_name(struct buf *buf, const char *field, const char *name)
{
    size_t start = buf->len;
    bool ok = buf_addf(buf, "\"%s\":", field) && buf_add_json(buf, name);

    if (ok && !is_utf8(name)) {
        ok = buf_addf(buf, ",\"%s_hex\":\"", field);
        for (const char *at = name; ok && *at; at++)
            ok = buf_addf(buf, "%02x", (unsigned char)*at);
        ok = ok && buf_addc(buf, '"');
    }
    if (!ok)
        cut_back(buf, start);
    return ok;
}

bool buf_add_printable(struct buf *buf, const char *text)
{
    size_t start = buf->len;
    bool ok = true;
    const unsigned char *at = (const unsigned char *)text;
    while (ok && *at) {
        uint32_t point = 0;
        size_t len = utf8_char(at, &point);
        size_t step = len ? len : 1;
        if (len && !unseen(point))
            ok = buf_add(buf, at, len);
        else
            for (size_t i = 0; ok && i < step; i++)
                ok = buf_addf(buf, "\\x%02x", at[i]);
        at += step;
    }
    if (!ok)
        cut_back(buf, start);
    return ok;
}
