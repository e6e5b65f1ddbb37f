#include "io/head.h"
#include "base/limits.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void status_line(struct head *head, const char *line, size_t len, struct http_reply *reply)
{
    const char *space = memchr(line, ' ', len);

    http_fields_clear(&reply->headers);
    head->done = false;
    reply->status = 0;
    while (space && ++space < line + len && *space >= '0' && *space <= '9' && reply->status < 1000)
        reply->status = reply->status * 10 + (*space - '0');
}

static bool field(const char *line, size_t len, struct http_reply *reply, struct err *err)
{
    const char *colon = memchr(line, ':', len), *end = line + len;
    char *name, *value;
    bool ok;

    if (!colon || is_space(*line) || memchr(line, 0, len))
        return err_set(err, ERR_SERVER, "the answer has a malformed header");
    name = xstrndup(line, (size_t)(colon - line));
    for (char *p = name; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
    do
        colon++;
    while (colon < end && is_space(*colon));
    while (end > colon && is_space(end[-1]))
        end--;
    value = xstrndup(colon, (size_t)(end - colon));
    ok = http_fields_add(&reply->headers, name, value);
    free(name);
    free(value);
    return ok || err_set(err, ERR_SERVER, "the answer has too many headers");
}

bool head_line(struct head *head, const char *line, size_t len, struct http_reply *reply,
               struct err *err)
{
    head->bytes += (int64_t)len;
    if (head->bytes > LIMIT_HEADERS)
        return err_set(err, ERR_SERVER, "the answer's headers are larger than %d bytes",
                       LIMIT_HEADERS);
    while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (len >= 5 && !strncasecmp(line, "HTTP/", 5)) {
        status_line(head, line, len, reply);
        return true;
    }
    if (!len) {
        head->done = head->done || reply->status >= 200;
        return true;
    }
    return head->done || field(line, len, reply, err);
}
