#include "wire/url.h"
#include "wire/digest.h"
#include "wire/http.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define PATH_CHARS "/!$&'()*+,;=:@" /* that stand for themselves, beside the unreserved */

static bool unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool url_encode(struct buf *out, const char *text, size_t len, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && (unreserved(text[plain]) || (keep_slash && text[plain] == '/')))
            plain++;
        if (plain > i && !buf_add(out, text + i, plain - i))
            return false;
        i = plain;
        if (i == len)
            break;
        unsigned char byte = (unsigned char)text[i++];
        char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (!buf_add(out, code, sizeof code))
            return false;
    }
    return true;
}

bool url_decode(struct buf *out, const char *text, size_t len, bool plus)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '+' && plus)
            c = ' ';
        if (c == '%') {
            uint8_t byte;
            if (len - i < 3 || !digest_unhex(text + i + 1, 1, &byte))
                return false;
            c = (char)byte;
            i += 2;
        }
        if (!buf_addc(out, c))
            return false;
    }
    return true;
}

static bool take_scheme(const char **text, struct endpoint *endpoint)
{
    const char *mark = strstr(*text, "://");
    endpoint->https = true;
    if (!mark)
        return true;
    size_t len = (size_t)(mark - *text);
    endpoint->https = len == 5 && strncasecmp(*text, "https", len) == 0;
    bool http = len == 4 && strncasecmp(*text, "http", len) == 0;
    *text = mark + 3;
    return endpoint->https || http;
}

/* The host at `text`; where it ends, or NULL. */
static const char *take_host(const char *text, struct endpoint *endpoint)
{
    bool bracket = *text == '[';
    size_t len = bracket ? strcspn(text, "]") + 1 : strcspn(text, ":");
    if (len == 0 || len > strlen(text) || len >= sizeof endpoint->host)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool known = unreserved(c) || (bracket && (c == ':' || c == '[' || c == ']'));
        if (!known || c == '~')
            return NULL;
        endpoint->host[i] = (char)(upper ? c + 32 : c);
    }
    endpoint->host[len] = '\0';
    return text + len;
}

static bool take_port(const char *text, struct endpoint *endpoint)
{
    int64_t port = 0;
    if (*text && (*text != ':' || !http_integer(text + 1, 65535, &port) || port == 0))
        return false;
    endpoint->port = port == (endpoint->https ? 443 : 80) ? 0 : (int)port;
    return true;
}

static bool label_lengths(const char *host)
{
    for (;;) {
        size_t len = strcspn(host, ".");
        if (len == 0 || len > 63)
            return false;
        if (!host[len])
            return true;
        host += len + 1;
    }
}

/* Sets `numeric`; false where the host cannot be one at all. */
static bool judge_host(struct endpoint *endpoint)
{
    struct in6_addr address;
    char bare[ENDPOINT_HOST_MAX];
    size_t len = strlen(endpoint->host);
    if (endpoint->host[0] == '[') {
        memcpy(bare, endpoint->host + 1, len - 2);
        bare[len - 2] = '\0';
        endpoint->numeric = true;
        return inet_pton(AF_INET6, bare, &address) == 1;
    }
    endpoint->numeric = inet_pton(AF_INET, endpoint->host, &address) == 1 ||
                        strcmp(endpoint->host, "localhost") == 0;
    return label_lengths(endpoint->host);
}

/* Scheme, host and port of `text`, whose host ends at `*rest`; errors name `option`. */
static bool take_authority(const char *option, const char *text, struct endpoint *endpoint,
                           const char **rest, struct err *err)
{
    *endpoint = (struct endpoint){0};
    /* What stands before an '@' may be a password, so the text is not shown then. */
    const char *at = text, *mark = strstr(text, "://"), *from = mark ? mark + 3 : text;
    size_t before = strcspn(from, "/?#");
    int shown = (int)((size_t)(from - text) + before); /* nor a path: it may be a signature */
    if (memchr(from, '@', before))
        return err_set(err, ERR_INVALID, "%s: a user or a password does not belong in it", option);
    if (!take_scheme(&at, endpoint))
        return err_set(err, ERR_INVALID, "%s: \"%.*s\" is neither http:// nor https://", option,
                       shown, text);
    size_t len = strcspn(at, "/?#");
    char host[ENDPOINT_HOST_MAX + 8] = "";
    if (len < sizeof host)
        memcpy(host, at, len);
    const char *port = take_host(host, endpoint);
    if (!port || !take_port(port, endpoint) || !judge_host(endpoint))
        return err_set(err, ERR_INVALID, "%s: \"%.*s\" does not name a host", option, shown, text);
    *rest = at + len;
    return true;
}

bool url_endpoint(const char *text, struct endpoint *endpoint, struct err *err)
{
    const char *rest;
    if (strchr(text, '@'))
        return err_set(err, ERR_INVALID, "endpoint: a user or a password does not belong in it");
    if (!take_authority("endpoint", text, endpoint, &rest, err))
        return false;
    if (*rest && strcmp(rest, "/") != 0)
        return err_set(err, ERR_INVALID, "endpoint: \"%s\" has a path; only a host is wanted",
                       text);
    return true;
}

/* Adds a path somebody wrote: their own encoding is kept, and so is what `plain` has; the rest is
 * made fit to be sent. */
static bool add_written(struct buf *out, const char *path, const char *plain)
{
    bool ok = true;
    for (; ok && *path; path++) {
        uint8_t byte;
        bool coded = *path == '%' && path[1] && digest_unhex(path + 1, 1, &byte);
        ok = coded || strchr(plain, *path) ? buf_addc(out, *path) : url_encode(out, path, 1, false);
    }
    return ok;
}

bool url_base(const char *text, struct endpoint *endpoint, struct buf *base, struct err *err)
{
    const char *rest;
    if (!take_authority("url", text, endpoint, &rest, err))
        return false;
    /* What stands behind a '?' may be a signature, so only the host is shown. */
    if (strpbrk(rest, "?#"))
        return err_set(err, ERR_INVALID,
                       "url: that of %s has a query; only a path is wanted, and the keys below it",
                       endpoint->host);
    bool ok = buf_adds(base, *rest == '/' ? "" : "/") && add_written(base, rest, PATH_CHARS);
    if (ok && base->data[base->len - 1] != '/')
        ok = buf_addc(base, '/');
    return ok ? true : err_set(err, ERR_INVALID, "url: it is too long");
}

bool url_whole(const char *text, struct endpoint *endpoint, struct buf *target, struct err *err)
{
    const char *rest;
    if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
        return err_set(err, ERR_INVALID, "url: it must begin with http:// or https://");
    if (!take_authority("url", text, endpoint, &rest, err))
        return false;
    if (strchr(rest, '#'))
        return err_set(err, ERR_INVALID, "url: that of %s has a fragment, which is never sent",
                       endpoint->host);
    if (buf_adds(target, *rest == '/' ? "" : "/") && add_written(target, rest, PATH_CHARS "?"))
        return true;
    return err_set(err, ERR_INVALID, "url: that of %s is too long", endpoint->host);
}
