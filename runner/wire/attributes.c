#include "wire/attributes.h"
#include "base/limits.h"
#include "wire/dialect.h"
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONTENT_TYPE_SHORT 127                    /* what struct object_info has room for */
#define FIELDS_MOST        (HTTP_FIELDS_MAX - 24) /* the rest is for haul's own and the store's */

/* Those whose header has the same name with every provider. */
static const char *const plain_names[] = {"content-type",        "cache-control",
                                          "content-disposition", "content-encoding",
                                          "content-language",    "expires"};

static bool is_plain(const char *name)
{
    for (size_t i = 0; i < sizeof plain_names / sizeof *plain_names; i++)
        if (strcmp(name, plain_names[i]) == 0)
            return true;
    return false;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_meta(const char *name)
{
    return starts_with(name, ATTRIBUTE_META);
}

/* --- values that no header can hold as they are --------------------------------------- */

/* Printable ASCII without spaces at the ends, which every header brings through. */
static bool is_printable(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return len == 0 || (text[0] != ' ' && text[len - 1] != ' ');
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    return false;
}

/* "=?UTF-8?B?...?=" of RFC 2047: one word, however long, as S3 itself answers it. */
static bool add_word(struct buf *out, const char *text)
{
    if (is_printable(text) && !starts_with(text, "=?"))
        return buf_adds(out, text);
    size_t len = strlen(text);
    char *base64 = xmalloc(4 * ((len + 2) / 3) + 1);
    digest_base64((const uint8_t *)text, len, base64);
    bool ok = buf_addf(out, "=?UTF-8?B?%s?=", base64);
    free(base64);
    return ok;
}

static bool add_meta_value(const struct dialect *dialect, struct buf *out, const char *text)
{
    switch (dialect->meta_form) {
    case META_WORDS:
        return add_word(out, text);
    case META_PERCENT:
        return url_encode(out, text, strlen(text), false);
    default:
        return buf_adds(out, text);
    }
}

static bool decode_q(struct buf *out, const char *text, size_t len)
{
    bool ok = true;
    for (size_t i = 0; ok && i < len; i++) {
        uint8_t byte = (uint8_t)(text[i] == '_' ? ' ' : text[i]);
        if (text[i] == '=') {
            ok = len - i >= 3 && digest_unhex(text + i + 1, 1, &byte);
            i += 2;
        }
        ok = ok && buf_addc(out, (char)byte);
    }
    return ok;
}

static bool decode_b(struct buf *out, const char *text, size_t len)
{
    char *copy = xstrndup(text, len);
    uint8_t *bytes = xmalloc(len + 1);
    size_t n;
    bool ok = digest_unbase64(copy, bytes, len, &n) && buf_add(out, bytes, n);
    free(bytes);
    free(copy);
    return ok;
}

/* One word at `*text`, and past it. */
static bool decode_word(struct buf *out, const char **text)
{
    static const char start[] = "=?utf-8?";
    const char *at = *text;
    if (strncasecmp(at, start, sizeof start - 1) != 0)
        return false;
    at += sizeof start - 1;
    char form = *at ? (char)(*at | 0x20) : '\0';
    if ((form != 'b' && form != 'q') || at[1] != '?')
        return false;
    at += 2;
    const char *end = strstr(at, "?=");
    if (!end)
        return false;
    *text = end + 2;
    return form == 'b' ? decode_b(out, at, (size_t)(end - at))
                       : decode_q(out, at, (size_t)(end - at));
}

static bool decode_words(struct buf *out, const char *text)
{
    do {
        if (!decode_word(out, &text))
            return false;
        text += strspn(text, " \t");
    } while (*text);
    return true;
}

/* What cannot be decoded was written by somebody who did not encode: it stays as it is. */
static bool decode_meta(const struct dialect *dialect, struct buf *out, const char *text)
{
    bool ok = dialect->meta_form == META_WORDS     ? decode_words(out, text)
              : dialect->meta_form == META_PERCENT ? url_decode(out, text, strlen(text), false)
                                                   : false;
    if (ok && strlen(buf_str(out)) == out->len && !strpbrk(buf_str(out), "\r\n"))
        return true;
    buf_clear(out);
    return buf_adds(out, text);
}

/* --- to headers ----------------------------------------------------------------------- */

/* A name that a header can have; false when it cannot. */
static bool is_token(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (!*name)
        return false;
    for (; *name; name++) {
        char c = (char)(*name | 0x20);
        if (!(c >= 'a' && c <= 'z') && !(*name >= '0' && *name <= '9') && !strchr(marks, *name))
            return false;
    }
    return true;
}

/* What the attribute is called on the wire, into `header`; false for one that is unknown. */
static bool name_header(const struct dialect *dialect, const char *name, struct buf *header)
{
    if (is_plain(name))
        return buf_adds(header, name);
    if (is_meta(name)) {
        const char *own = name + strlen(ATTRIBUTE_META);
        bool ok = dialect->h_meta && is_token(own) && buf_adds(header, dialect->h_meta);
        for (; ok && *own; own++)
            ok = buf_addc(header, *own >= 'A' && *own <= 'Z' ? (char)(*own + 32) : *own);
        return ok;
    }
    const char *known = strcmp(name, "storage-class") == 0 ? dialect->h_storage_class
                        : strcmp(name, "acl") == 0         ? dialect->h_acl
                        : strcmp(name, "tags") == 0        ? dialect->h_tags
                                                           : NULL;
    return known && buf_adds(header, known);
}

static bool write_one(const struct dialect *dialect, const char *name, const char *text,
                      struct http_fields *headers, size_t *total, struct err *err)
{
    struct buf header = buf_new(LIMIT_METADATA), value = buf_new(4 * LIMIT_METADATA);
    bool meta = is_meta(name), known = name_header(dialect, name, &header);
    bool ok = known && !(has_control(text) && (!meta || dialect->meta_form == META_RAW));
    if (!known)
        err_set(err, ERR_INVALID, "%s has no attribute that is called \"%.100s\"", dialect->title,
                name);
    else if (!ok)
        err_set(err, ERR_INVALID, "the attribute \"%.100s\" has a control character", name);
    if (ok) {
        ok = meta ? add_meta_value(dialect, &value, text) : buf_adds(&value, text);
        *total += header.len + value.len;
        ok = ok && *total <= LIMIT_METADATA && headers->n < FIELDS_MOST &&
             http_fields_add(headers, buf_str(&header), buf_str(&value));
        if (!ok)
            err_set(err, ERR_INVALID,
                    "the attribute \"%.100s\" does not fit: there are at most %d, of %d bytes "
                    "together",
                    name, FIELDS_MOST, LIMIT_METADATA);
    }
    buf_free(&header);
    buf_free(&value);
    return ok;
}

bool attributes_write(const struct dialect *dialect, const struct http_fields *attributes,
                      struct http_fields *headers, struct err *err)
{
    size_t total = 0;
    for (int i = 0; attributes && i < attributes->n; i++)
        if (!write_one(dialect, http_fields_name(attributes, i), http_fields_value(attributes, i),
                       headers, &total, err))
            return false;
    return true;
}

/* --- from headers --------------------------------------------------------------------- */

void attributes_free(struct http_fields *attributes)
{
    if (attributes)
        http_fields_free(attributes);
    free(attributes);
}

static struct http_fields *attributes_new(void)
{
    struct http_fields *attributes = xcalloc(1, sizeof *attributes);
    http_fields_init(attributes, LIMIT_HEADERS);
    return attributes;
}

static void add_read(struct http_fields **attributes, const char *name, const char *value)
{
    if (!*attributes)
        *attributes = attributes_new();
    if (!http_fields_get(*attributes, name))
        http_fields_add(*attributes, name, value);
}

static void read_meta(const struct dialect *dialect, const char *name, const char *value,
                      struct http_fields **attributes)
{
    struct buf own = buf_new(LIMIT_HEADERS), text = buf_new(LIMIT_HEADERS);
    if (buf_adds(&own, ATTRIBUTE_META) && buf_adds(&own, name) &&
        decode_meta(dialect, &text, value))
        add_read(attributes, buf_str(&own), buf_str(&text));
    buf_free(&own);
    buf_free(&text);
}

/* How the object was sent is no property of it; S3's compatibles keep it all the same. */
static const char *own_encoding(const char *value)
{
    if (strncasecmp(value, "aws-chunked", 11) == 0)
        value += 11 + strspn(value + 11, ", ");
    return strcasecmp(value, "identity") == 0 ? "" : value;
}

static void read_plain(const struct dialect *dialect, const char *name, const char *value,
                       struct http_fields **attributes)
{
    /* How long a page may be cached is the web server's opinion, not the object's. */
    bool caching = strcmp(name, "cache-control") == 0 || strcmp(name, "expires") == 0;
    if (dialect->kind == STORE_WEB && caching)
        return;
    if (strcmp(name, "content-encoding") == 0)
        value = own_encoding(value);
    if (*value)
        add_read(attributes, name, value);
}

struct http_fields *attributes_read(const struct dialect *dialect,
                                    const struct http_fields *headers)
{
    struct http_fields *attributes = NULL;
    const char *type = NULL;
    for (int i = 0; i < headers->n; i++) {
        const char *name = http_fields_name(headers, i), *value = http_fields_value(headers, i);
        if (dialect->h_meta && starts_with(name, dialect->h_meta))
            read_meta(dialect, name + strlen(dialect->h_meta), value, &attributes);
        else if (dialect->h_storage_class && strcmp(name, dialect->h_storage_class) == 0) {
            if (strcasecmp(value, "standard") != 0)
                add_read(&attributes, "storage-class", value);
        } else if (strcmp(name, "content-type") == 0)
            type = value;
        else if (is_plain(name))
            read_plain(dialect, name, value, &attributes);
    }
    if (type && *type && (attributes || strlen(type) > CONTENT_TYPE_SHORT))
        add_read(&attributes, "content-type", type);
    return attributes;
}
