#include "transfer/carry.h"
#include "io/mime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

bool carry_parse_mtime(const char *text, int64_t *mtime_ns)
{
    int64_t seconds = 0, fraction = 0, unit = SECOND_NS;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 10)
        return false;
    for (; digits > 0; digits--)
        seconds = seconds * 10 + (*text++ - '0');
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++) {
            unit /= 10;
            fraction += (*text - '0') * unit; /* nothing below a nanosecond */
        }
    if (*text || seconds > INT64_MAX / SECOND_NS - 1)
        return false;
    *mtime_ns = seconds * SECOND_NS + fraction;
    return true;
}

int64_t carry_mtime(const struct object_info *info, const struct http_fields *attributes)
{
    int64_t mtime_ns;
    const char *text = attributes ? http_fields_get(attributes, ATTRIBUTE_MTIME) : NULL;
    return text && carry_parse_mtime(text, &mtime_ns) ? mtime_ns : info->mtime_ns;
}

void carry_free(struct transfer *t)
{
    if (t->attributes)
        http_fields_free(t->attributes);
    free(t->attributes);
    t->attributes = NULL;
}

bool carry_is_asked(const struct transfer *t)
{
    const struct http_fields *task = t->item->task->attributes, *item = t->item->attributes;
    return (task && task->n > 0) || (item && item->n > 0);
}

/* --- gathering ------------------------------------------------------------------------ */

/* What is said of the copy in its store, and not of what is in it, stays behind. */
static bool is_carried(const char *name)
{
    return strcmp(name, "storage-class") && strcmp(name, "acl") && strcmp(name, "tags");
}

static bool is_named(const struct http_fields *fields, const char *name)
{
    return fields && http_fields_get(fields, name);
}

struct gathering {
    struct http_fields *into;
    bool fits;
};

static void add(struct gathering *all, const char *name, const char *value)
{
    if (!is_named(all->into, name))
        all->fits = all->fits && http_fields_add(all->into, name, value);
}

static void add_fields(struct gathering *all, const struct http_fields *fields, bool carried)
{
    for (int i = 0; fields && i < fields->n; i++) {
        const char *name = http_fields_name(fields, i);
        if (!carried || is_carried(name))
            add(all, name, http_fields_value(fields, i));
    }
}

static void add_mtime(struct gathering *all, int64_t mtime_ns)
{
    char text[40];
    if (mtime_ns <= 0)
        return;
    snprintf(text, sizeof text, "%lld.%09lld", (long long)(mtime_ns / SECOND_NS),
             (long long)(mtime_ns % SECOND_NS));
    add(all, ATTRIBUTE_MTIME, text);
}

static void add_preserved(struct gathering *all, const struct transfer *t,
                          const struct http_fields *source)
{
    bool file = t->item->task->from->kind == STORE_DIR;
    const char *type = file ? mime_type(t->item->key) : t->info.content_type;

    add_fields(all, source, true);
    if (type && type[0])
        add(all, "content-type", type);
    add_mtime(all, carry_mtime(&t->info, source));
}

bool carry_gather(struct transfer *t, const struct http_fields *source, struct err *err)
{
    const struct task *task = t->item->task;
    struct gathering all = {.fits = true};

    carry_free(t);
    t->mtime_ns = task->preserve ? carry_mtime(&t->info, source) : 0;
    if (task->to->kind == STORE_DIR)
        return true;
    t->attributes = all.into = xcalloc(1, sizeof *t->attributes);
    http_fields_init(t->attributes, LIMIT_HEADERS);
    add_fields(&all, t->item->attributes,
               false); /* the first of a name stays: the strongest come first */
    add_fields(&all, task->attributes, false);
    if (task->preserve)
        add_preserved(&all, t, source);
    return all.fits || err_set(err, ERR_INVALID,
                               "the object has more headers and metadata than a request can carry");
}
