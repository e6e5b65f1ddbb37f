#include "wire/tagging.h"
#include "base/limits.h"
#include "wire/document.h"
#include "wire/url.h"
#include <string.h>

/* --- writing -------------------------------------------------------------------------- */

static bool add_text(struct buf *body, const struct buf *text, bool json)
{
    return json ? buf_add_json(body, buf_str(text)) : buf_add_xml(body, buf_str(text));
}

static bool is_text(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] < 0x20 || text->data[i] == 0x7f)
            return false;
    return true;
}

/* One "name=value", percent-encoded, of that length. */
static bool add_tag(struct buf *body, const char *pair, size_t len, bool json)
{
    struct buf name = buf_new(LIMIT_METADATA), value = buf_new(LIMIT_METADATA);
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    bool ok = url_decode(&name, pair, name_len, false) && name.len > 0 && is_text(&name);

    ok = ok && (!equals || url_decode(&value, equals + 1, len - name_len - 1, false)) &&
         is_text(&value);
    ok = ok && buf_adds(body, json ? "{\"Key\":" : "<Tag><Key>") && add_text(body, &name, json) &&
         buf_adds(body, json ? ",\"Value\":" : "</Key><Value>") && add_text(body, &value, json) &&
         buf_adds(body, json ? "}" : "</Value></Tag>");
    buf_free(&name);
    buf_free(&value);
    return ok;
}

bool tagging_write(const char *tags, bool json, struct buf *body, struct err *err)
{
    bool ok = buf_adds(body, json ? "{\"TagSet\":{\"Tags\":[" : "<Tagging><TagSet>");

    for (const char *at = tags; ok && *at;) {
        size_t len = strcspn(at, "&");
        ok = (!json || at == tags || buf_addc(body, ',')) && add_tag(body, at, len, json);
        at += len + (at[len] == '&');
    }
    ok = ok && buf_adds(body, json ? "]}}" : "</TagSet></Tagging>");
    return ok || err_set(err, ERR_INVALID, "the tags are malformed or too long: %.100s", tags);
}

/* --- reading -------------------------------------------------------------------------- */

struct reading {
    struct buf tags;
    struct buf name, value;
    struct err *err;
};

static bool take_field(void *context, const char *record, const char *name, struct slice text)
{
    struct reading *r = context;
    struct buf *into = !strcmp(name, "Key") ? &r->name : !strcmp(name, "Value") ? &r->value : NULL;

    if (!record || !into)
        return true;
    buf_clear(into);
    return url_encode(into, text.data, text.len, false) ||
           err_set(r->err, ERR_SERVER, "the answer has a tag that is too long");
}

static bool end_tag(void *context, const char *record)
{
    struct reading *r = context;
    (void)record;
    bool ok =
        r->name.len == 0 || ((r->tags.len == 0 || buf_addc(&r->tags, '&')) &&
                             buf_addf(&r->tags, "%s=%s", buf_str(&r->name), buf_str(&r->value)));
    buf_clear(&r->name);
    buf_clear(&r->value);
    return ok || err_set(r->err, ERR_SERVER, "the answer has more tags than there can be");
}

char *tagging_read(struct slice text, bool json, struct err *err)
{
    struct reading r = {.tags = buf_new(LIMIT_HEADERS - 16),
                        .name = buf_new(LIMIT_HEADERS),
                        .value = buf_new(LIMIT_HEADERS),
                        .err = err};
    struct document_sink sink = {
        .context = &r, .inside = "TagSet", .field = take_field, .end = end_tag, .err = err};
    bool ok = document_read(text, json, &sink);

    if (ok && !json && strcmp(sink.root, "Tagging") != 0)
        ok = err_set(err, ERR_SERVER, "the answer does not say what tags there are");
    buf_free(&r.name);
    buf_free(&r.value);
    char *tags = ok ? buf_take(&r.tags) : NULL;
    buf_free(&r.tags);
    return tags;
}
