#include "wire/listing.h"
#include "wire/document.h"
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- what all lists share ------------------------------------------------------------- */

static void entry_free(struct list_entry *entry)
{
    free(entry->key);
    free(entry->etag);
    free(entry->upload_id);
    *entry = (struct list_entry){0};
}

void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->n; i++)
        entry_free(&listing->entry[i]);
    for (size_t i = 0; i < listing->n_prefixes; i++)
        free(listing->prefix[i]);
    free(listing->prefix);
    free(listing->entry);
    free(listing->next_token);
    free(listing->next_upload_id);
    *listing = (struct listing){0};
}

void part_list_free(struct part_list *list)
{
    free(list->entry);
    *list = (struct part_list){0};
}

static void listing_push(struct listing *listing, struct list_entry *entry)
{
    if (listing->n == listing->cap) {
        listing->cap = listing->cap ? 2 * listing->cap : 64;
        listing->entry = xrealloc(listing->entry, listing->cap * sizeof *listing->entry);
    }
    listing->entry[listing->n++] = *entry;
    *entry = (struct list_entry){0};
}

static bool is(struct slice text, const char *word)
{
    return strcasecmp(text.data, word) == 0;
}

static bool read_bool(struct slice text, bool *value, struct err *err)
{
    *value = is(text, "true");
    if (*value || is(text, "false"))
        return true;
    return err_set(err, ERR_SERVER, "the list says IsTruncated \"%.40s\"", text.data);
}

static bool read_size(struct slice text, int64_t *size, struct err *err)
{
    if (http_integer(text.data, LIMIT_OBJECT_SIZE, size))
        return true;
    return err_set(err, ERR_SERVER, "the list has an impossible size \"%.40s\"", text.data);
}

/* Sets `*to` to the text.  Twice the same field is no list that anybody meant. */
static bool set_text(char **to, struct slice text, size_t max, const char *name, struct err *err)
{
    if (*to || text.len > max)
        return err_set(err, ERR_SERVER, "the list has %s %s", *to ? "a second" : "too long a",
                       name);
    *to = xstrndup(text.data, text.len);
    return true;
}

static bool is_list_root(const char *root, const char *wanted, bool json, struct err *err)
{
    if (json || strcmp(root, wanted) == 0)
        return true;
    return err_set(err, ERR_SERVER, "the answer is a \"%s\", not a \"%s\"", root, wanted);
}

/* --- objects and uploads -------------------------------------------------------------- */

struct page {
    const struct object_call *call;
    bool uploads; /* a list of uploads, else of objects */
    struct listing *listing;
    struct list_entry entry; /* the one being read */
    bool has_size;
    bool url;                    /* keys are percent-encoded */
    bool truncated;              /* IsTruncated */
    bool said;                   /* there was something that only a list has */
    char *token, *upload_marker; /* as they came */
    struct err *err;
};

static bool is_prefix(const struct page *page, const char *record)
{
    return !page->uploads && strcmp(record, "CommonPrefixes") == 0;
}

static bool is_entry(const struct page *page, const char *record)
{
    if (page->uploads)
        return strcmp(record, "Upload") == 0 || strcmp(record, "Uploads") == 0;
    return strcmp(record, "Contents") == 0;
}

static bool take_page_field(struct page *page, const char *name, struct slice text)
{
    const char *next = page->uploads ? "NextKeyMarker" : "NextContinuationToken";
    bool truncated = strcmp(name, "IsTruncated") == 0;
    page->said |= truncated || strcmp(name, "KeyCount") == 0 || strcmp(name, "MaxKeys") == 0 ||
                  strcmp(name, "MaxUploads") == 0;
    if (truncated)
        return read_bool(text, &page->truncated, page->err);
    if (strcmp(name, "EncodingType") == 0)
        page->url = is(text, "url");
    if (strcmp(name, next) == 0)
        return set_text(&page->token, text, LIMIT_TOKEN, "token", page->err);
    if (page->uploads && strcmp(name, "NextUploadIdMarker") == 0)
        return set_text(&page->upload_marker, text, LIMIT_TOKEN, "token", page->err);
    /* An entry without any field arrives as a field of the list. */
    if (is_entry(page, name))
        return err_set(page->err, ERR_SERVER, "the list has an entry without a key");
    return true;
}

static bool take_prefix(struct listing *listing, struct slice text, struct err *err)
{
    size_t n = listing->n_prefixes;
    char *prefix = NULL;
    if (!set_text(&prefix, text, LIMIT_XML_TEXT, "prefix", err))
        return false;
    /* Room for twice as many whenever their number is a power of two. */
    if ((n & (n - 1)) == 0)
        listing->prefix = xrealloc(listing->prefix, (n ? 2 * n : 1) * sizeof *listing->prefix);
    listing->prefix[listing->n_prefixes++] = prefix;
    return true;
}

static bool take_entry_field(void *context, const char *record, const char *name, struct slice text)
{
    struct page *page = context;
    struct list_entry *entry = &page->entry;
    if (!record)
        return take_page_field(page, name, text);
    if (is_prefix(page, record) && strcmp(name, "Prefix") == 0)
        return take_prefix(page->listing, text, page->err);
    if (!is_entry(page, record))
        return true;
    if (strcmp(name, "Key") == 0)
        return set_text(&entry->key, text, LIMIT_XML_TEXT, "key", page->err);
    if (strcmp(name, "ETag") == 0)
        return set_text(&entry->etag, text, LIMIT_ETAG - 1, "ETag", page->err);
    if (strcmp(name, "UploadId") == 0)
        return set_text(&entry->upload_id, text, LIMIT_UPLOAD_ID, "UploadId", page->err);
    if (strcmp(name, "Size") == 0) {
        page->has_size = true;
        return read_size(text, &entry->size, page->err);
    }
    int64_t ms;
    bool time = strcmp(name, page->uploads ? "Initiated" : "LastModified") == 0;
    if (time && http_date(text.data, &ms) && ms < INT64_MAX / 1000000)
        entry->mtime_ns = ms * 1000000;
    return true;
}

static bool end_entry(void *context, const char *record)
{
    struct page *page = context;
    struct list_entry *entry = &page->entry;
    if (!is_entry(page, record))
        return true;
    if (!entry->key || !*entry->key)
        return err_set(page->err, ERR_SERVER, "the list has an entry without a key");
    if (!page->uploads && !page->has_size)
        return err_set(page->err, ERR_SERVER, "the list has no size for \"%s\"", entry->key);
    if (page->uploads && (!entry->upload_id || !*entry->upload_id))
        return err_set(page->err, ERR_SERVER, "the list has no upload id for \"%s\"", entry->key);
    if (!entry->etag)
        entry->etag = xstrdup("");
    page->has_size = false;
    listing_push(page->listing, entry);
    return true;
}

/* The bytes of a key as it came; they may hold NUL. */
static bool decode_key(const struct page *page, const char *text, struct buf *key)
{
    buf_clear(key);
    bool ok = page->url ? url_decode(key, text, strlen(text), true) : buf_adds(key, text);
    if (!ok)
        err_set(page->err, ERR_SERVER,
                "the list has a key that is too long or wrongly encoded: %.200s", text);
    return ok;
}

/* The key in a form that can be shown, for one that no file and no call can name. */
static char *shown_key(const struct buf *key)
{
    struct buf shown = buf_new(8 * LIMIT_KEY);
    for (size_t at = 0; at <= key->len;) {
        size_t len = strlen(key->data + at);
        buf_add_printable(&shown, key->data + at);
        at += len + 1;
        if (at <= key->len)
            buf_adds(&shown, "\\x00");
    }
    return buf_take(&shown);
}

static int compare_bytes(const struct buf *a, const struct buf *b)
{
    int order = memcmp(buf_str(a), buf_str(b), a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool check_key(const struct page *page, const struct buf *key, const struct buf *before)
{
    const char *prefix = page->call->prefix ? page->call->prefix : "";
    size_t len = strlen(prefix);
    if (key->len < len || memcmp(buf_str(key), prefix, len) != 0)
        return err_set(page->err, ERR_SERVER, "the list has \"%s\", which is outside the prefix",
                       buf_str(key));
    /* Uploads of one key share it, and servers differ in how they sort them. */
    if (!page->uploads && before->len > 0 && compare_bytes(before, key) >= 0)
        return err_set(page->err, ERR_SERVER,
                       "the list is not in order: \"%.100s\" after \"%.100s\"", buf_str(key),
                       buf_str(before));
    return true;
}

/* Decodes the keys and compares each with the prefix and with the one before it. */
static bool settle_keys(struct page *page)
{
    struct buf key = buf_new(LIMIT_KEY), before = buf_new(LIMIT_KEY);
    bool ok = true;
    for (size_t i = 0; ok && i < page->listing->n; i++) {
        struct list_entry *entry = &page->listing->entry[i];
        ok = decode_key(page, entry->key, &key) && check_key(page, &key, &before);
        if (!ok)
            break;
        if (strlen(buf_str(&key)) < key.len)
            entry->special = 'n';
        free(entry->key);
        entry->key = entry->special ? shown_key(&key) : xstrndup(buf_str(&key), key.len);
        struct buf swap = before;
        before = key;
        key = swap;
    }
    buf_free(&key);
    buf_free(&before);
    return ok;
}

static bool settle_prefixes(struct page *page)
{
    struct buf key = buf_new(LIMIT_KEY), before = buf_new(LIMIT_KEY);
    bool ok = true;
    for (size_t i = 0; ok && i < page->listing->n_prefixes; i++) {
        char **prefix = &page->listing->prefix[i];
        ok = decode_key(page, *prefix, &key) && check_key(page, &key, &before);
        if (ok && strlen(buf_str(&key)) < key.len)
            ok = err_set(page->err, ERR_SERVER, "the list has a prefix with a NUL");
        if (!ok)
            break;
        free(*prefix);
        *prefix = xstrdup(buf_str(&key));
        struct buf swap = before;
        before = key;
        key = swap;
    }
    buf_free(&key);
    buf_free(&before);
    return ok;
}

/* A marker that is a key is encoded like one; a continuation token is not. */
static bool settle_marker(struct page *page)
{
    if (!page->uploads || !page->url || !page->token)
        return true;
    struct buf key = buf_new(LIMIT_KEY);
    bool ok = decode_key(page, page->token, &key) && strlen(buf_str(&key)) == key.len;
    free(page->token);
    page->token = buf_take(&key);
    return ok ? true : err_set(page->err, ERR_SERVER, "the list has a marker that is no key");
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : (!a || !*a) && (!b || !*b);
}

static bool settle_token(struct page *page)
{
    const struct object_call *call = page->call;
    /* Nothing but "{}" must not pass for a list without entries. */
    if (!page->said && page->listing->n == 0 && page->listing->n_prefixes == 0)
        return err_set(page->err, ERR_SERVER, "the answer is not a list");
    if (!page->truncated)
        return true;
    if (!page->token || !*page->token)
        return err_set(page->err, ERR_SERVER, "the list goes on, but has no token to go on with");
    bool stuck = same_text(page->token, call->token) &&
                 (!page->uploads || same_text(page->upload_marker, call->upload_marker));
    if (stuck)
        return err_set(page->err, ERR_SERVER, "the list gives the same token again");
    page->listing->next_token = page->token;
    page->listing->next_upload_id = page->upload_marker;
    page->token = page->upload_marker = NULL;
    return true;
}

static bool read_page(struct slice text, bool json, struct page *page, const char *root)
{
    struct document_sink sink = {
        .context = page, .field = take_entry_field, .end = end_entry, .err = page->err};
    bool ok = document_read(text, json, &sink) && is_list_root(sink.root, root, json, page->err) &&
              settle_keys(page) && settle_prefixes(page) && settle_marker(page) &&
              settle_token(page);
    entry_free(&page->entry);
    free(page->token);
    free(page->upload_marker);
    if (!ok)
        listing_free(page->listing);
    return ok;
}

bool listing_read_objects(struct slice text, bool json, const struct object_call *call,
                          struct listing *listing, struct err *err)
{
    struct page page = {.call = call, .listing = listing, .err = err};
    return read_page(text, json, &page, "ListBucketResult");
}

bool listing_read_uploads(struct slice text, bool json, const struct object_call *call,
                          struct listing *listing, struct err *err)
{
    struct page page = {.call = call, .listing = listing, .err = err, .uploads = true};
    return read_page(text, json, &page, "ListMultipartUploadsResult");
}

/* --- parts ---------------------------------------------------------------------------- */

struct part_page {
    struct part_list *parts;
    struct part_entry entry; /* the one being read */
    bool has_size, truncated;
    bool said;    /* there was something that only a list of parts has */
    int64_t next; /* NextPartNumberMarker; 0: none */
    struct err *err;
};

static bool is_part(const char *record)
{
    return strcmp(record, "Part") == 0 || strcmp(record, "Parts") == 0;
}

/* The checksum of a part, under the name that each provider gives it. */
static bool take_part_sum(struct part_entry *entry, const char *name, struct slice text)
{
    static const struct {
        const char *name;
        enum sum_kind kind;
    } sums[] = {{"ChecksumCRC64NVME", SUM_CRC64NVME},
                {"ChecksumCRC32C", SUM_CRC32C},
                {"ChecksumCRC32", SUM_CRC32}};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        if (strcmp(name, sums[i].name) == 0 &&
            sum_from_base64(sums[i].kind, text.data, &entry->sum))
            entry->sum_kind = sums[i].kind;
    if (strcasecmp(name, "HashCrc64ecma") != 0 || text.len == 0 || text.len > 20 ||
        text.data[strspn(text.data, "0123456789")])
        return true;
    uint64_t sum = 0;
    for (const char *at = text.data; *at; at++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return true;
    entry->sum_kind = SUM_CRC64;
    entry->sum = sum;
    return true;
}

static bool take_part_field(void *context, const char *record, const char *name, struct slice text)
{
    struct part_page *page = context;
    struct part_entry *entry = &page->entry;
    int64_t number;
    page->said |= !record && (strcmp(name, "IsTruncated") == 0 || strcmp(name, "UploadId") == 0);
    if (!record && strcmp(name, "IsTruncated") == 0)
        return read_bool(text, &page->truncated, page->err);
    if (!record && strcmp(name, "NextPartNumberMarker") == 0 && text.len &&
        !http_integer(text.data, LIMIT_PARTS, &page->next))
        return err_set(page->err, ERR_SERVER, "the list of parts has an impossible marker");
    if (!record && is_part(name))
        return err_set(page->err, ERR_SERVER, "the list has an empty part");
    if (!record || !is_part(record))
        return true;
    if (strcmp(name, "PartNumber") == 0) {
        if (!http_integer(text.data, LIMIT_PARTS, &number) || number == 0)
            return err_set(page->err, ERR_SERVER, "the list has the part number \"%.40s\"",
                           text.data);
        entry->number = (int)number;
        return true;
    }
    if (strcmp(name, "Size") == 0) {
        page->has_size = true;
        return read_size(text, &entry->size, page->err);
    }
    if (strcmp(name, "ETag") != 0)
        return take_part_sum(entry, name, text);
    if (text.len >= sizeof entry->etag)
        return err_set(page->err, ERR_SERVER, "the list has too long an ETag");
    memcpy(entry->etag, text.data, text.len + 1);
    return true;
}

static bool end_part(void *context, const char *record)
{
    struct part_page *page = context;
    struct part_list *parts = page->parts;
    if (!is_part(record))
        return true;
    int before = parts->n > 0 ? parts->entry[parts->n - 1].number : 0;
    if (page->entry.number <= before || !page->has_size || !page->entry.etag[0])
        return err_set(page->err, ERR_SERVER,
                       "the list of parts is out of order or incomplete at part %d",
                       page->entry.number);
    if (parts->n == parts->cap) {
        parts->cap = parts->cap ? 2 * parts->cap : 64;
        parts->entry = xrealloc(parts->entry, (size_t)parts->cap * sizeof *parts->entry);
    }
    parts->entry[parts->n++] = page->entry;
    page->entry = (struct part_entry){0};
    page->has_size = false;
    return true;
}

static bool settle_part_token(const struct part_page *page, const struct object_call *call,
                              char **next_token)
{
    int64_t sent = 0;
    if (!page->said && page->parts->n == 0)
        return err_set(page->err, ERR_SERVER, "the answer is not a list of parts");
    if (!page->truncated)
        return true;
    if (call->token)
        http_integer(call->token, LIMIT_PARTS, &sent);
    if (page->next <= sent)
        return err_set(page->err, ERR_SERVER,
                       "the list of parts goes on, but has no new marker to go on with");
    *next_token = xasprintf("%d", (int)page->next);
    return true;
}

bool listing_read_parts(struct slice text, bool json, const struct object_call *call,
                        struct part_list *parts, char **next_token, struct err *err)
{
    struct part_page page = {.parts = parts, .err = err};
    struct document_sink sink = {
        .context = &page, .field = take_part_field, .end = end_part, .err = err};
    bool ok = document_read(text, json, &sink) &&
              is_list_root(sink.root, "ListPartsResult", json, err) &&
              settle_part_token(&page, call, next_token);
    if (!ok)
        part_list_free(parts);
    return ok;
}

/* --- deleted keys --------------------------------------------------------------------- */

struct deleted {
    struct listing gone;   /* the keys that were deleted */
    struct listing failed; /* the keys that were not, as far as the server says why */
    struct list_entry entry;
    bool url; /* keys are percent-encoded */
    struct err *err;
};

static bool take_deleted_field(void *context, const char *record, const char *name,
                               struct slice text)
{
    struct deleted *deleted = context;
    if (!record) {
        deleted->url |= strcmp(name, "EncodingType") == 0 && is(text, "url");
        return true;
    }
    if (strcmp(name, "Key") == 0)
        return set_text(&deleted->entry.key, text, LIMIT_XML_TEXT, "key", deleted->err);
    if (strcmp(record, "Error") == 0 && strcmp(name, "Code") == 0)
        return set_text(&deleted->entry.etag, text, LIMIT_ETAG - 1, "code", deleted->err);
    return true;
}

static bool end_deleted(void *context, const char *record)
{
    struct deleted *deleted = context;
    bool gone = strcmp(record, "Deleted") == 0, failed = strcmp(record, "Error") == 0;
    if (!deleted->entry.key || (!gone && !failed))
        entry_free(&deleted->entry);
    else
        listing_push(gone ? &deleted->gone : &deleted->failed, &deleted->entry);
    return true;
}

static void decode_deleted(struct listing *listing)
{
    struct buf key = buf_new(LIMIT_KEY);
    for (size_t i = 0; i < listing->n; i++) {
        const char *text = listing->entry[i].key;
        buf_clear(&key);
        if (!url_decode(&key, text, strlen(text), true) || strlen(buf_str(&key)) < key.len)
            continue;
        free(listing->entry[i].key);
        listing->entry[i].key = xstrdup(buf_str(&key));
    }
    buf_free(&key);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct list_entry *)a)->key, ((const struct list_entry *)b)->key);
}

static void sort_entries(struct listing *listing)
{
    if (listing->n > 1)
        qsort(listing->entry, listing->n, sizeof *listing->entry, compare_entries);
}

static const struct list_entry *find_entry(const struct listing *listing, const char *key)
{
    struct list_entry wanted = {.key = (char *)(uintptr_t)key};
    if (listing->n == 0)
        return NULL;
    return bsearch(&wanted, listing->entry, listing->n, sizeof wanted, compare_entries);
}

/* A key that the server does not call deleted has failed, whether it says why or not; one that it
 * did not find is as good as deleted. */
static void settle_deleted(struct deleted *deleted, const struct object_call *call,
                           struct listing *failed)
{
    if (deleted->url) {
        decode_deleted(&deleted->gone);
        decode_deleted(&deleted->failed);
    }
    sort_entries(&deleted->gone);
    sort_entries(&deleted->failed);
    for (int i = 0; i < call->n_keys; i++) {
        const struct list_entry *why = find_entry(&deleted->failed, call->keys[i]);
        bool missing = why && why->etag && strcmp(why->etag, "NoSuchKey") == 0;
        if (missing || (!why && find_entry(&deleted->gone, call->keys[i])))
            continue;
        struct list_entry entry = {.key = xstrdup(call->keys[i])};
        entry.etag = xstrdup(why && why->etag ? why->etag : "NotDeleted");
        listing_push(failed, &entry);
    }
}

bool listing_read_deleted(struct slice text, bool json, const struct object_call *call,
                          struct listing *failed, struct err *err)
{
    struct deleted deleted = {.err = err};
    struct document_sink sink = {
        .context = &deleted, .field = take_deleted_field, .end = end_deleted, .err = err};
    bool ok =
        document_read(text, json, &sink) && is_list_root(sink.root, "DeleteResult", json, err);
    if (ok)
        settle_deleted(&deleted, call, failed);
    entry_free(&deleted.entry);
    listing_free(&deleted.gone);
    listing_free(&deleted.failed);
    return ok;
}
