#include "io/web.h"
#include "base/limits.h"
#include "wire/url.h"
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MS  30000
#define HEADERS_MAX (64 << 10)

static bool takes_body(enum http_method method)
{
    return method == HTTP_PUT || method == HTTP_POST || method == HTTP_PATCH;
}

static bool set_method(struct web *web, const char *name, struct err *err)
{
    static const enum http_method all[] = {HTTP_GET,  HTTP_HEAD,   HTTP_PUT,
                                           HTTP_POST, HTTP_DELETE, HTTP_PATCH};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(name ? name : "GET", http_method_name(all[i])) != 0)
            continue;
        web->request.method = all[i];
        return true;
    }
    return err_set(err, ERR_INVALID,
                   "method: '%.20s' is none of GET, HEAD, PUT, POST, PATCH and DELETE", name);
}

static bool set_url(struct web *web, const char *url, struct err *err)
{
    struct endpoint endpoint;

    if (!url_whole(url, &endpoint, &web->request.target, err))
        return false;
    web->store.https = endpoint.https;
    web->store.host =
        endpoint.port ? xasprintf("%s:%d", endpoint.host, endpoint.port) : xstrdup(endpoint.host);
    web->store.name = xstrdup(web->store.host);
    return true;
}

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");

    return len > 0 && !name[len];
}

/* Those that say where a request ends are ours. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"host", "content-length", "transfer-encoding", "connection"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

static bool set_headers(struct web *web, const char *const *headers, struct err *err)
{
    for (; headers && *headers; headers += 2) {
        const char *name = headers[0];
        if (!is_name(name))
            return err_set(err, ERR_INVALID, "headers: a name holds what no name may hold");
        if (is_ours(name))
            return err_set(err, ERR_INVALID, "headers: %s is not for a script to set", name);
        if (!http_fields_add(&web->request.headers, name, headers[1]))
            return err_set(err, ERR_INVALID, "headers: they are too many or too long");
    }
    return true;
}

static bool set_body(struct web *web, const struct web_options *options, struct err *err)
{
    bool takes = takes_body(web->request.method);

    if (options->body && !takes)
        return err_set(err, ERR_INVALID, "body: a %s has none",
                       http_method_name(web->request.method));
    if (takes)
        web->request.body_len = (int64_t)options->body_len;
    if (buf_add(&web->request.body, options->body ? options->body : "", options->body_len))
        return true;
    return err_set(err, ERR_INVALID, "body: it has more than %d bytes", LIMIT_REQUEST_BODY);
}

struct web *web_new(const struct web_options *options, struct err *err)
{
    struct web *web = xcalloc(1, sizeof *web);

    web->store.kind = STORE_WEB;
    http_fields_init(&web->store.headers, HEADERS_MAX);
    http_request_init(&web->request);
    http_reply_init(&web->reply);
    web->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_MS;
    web->max = options->max ? options->max : LIMIT_ANSWER;
    web->store.connect_timeout_ms = web->store.stall_timeout_ms = web->timeout_ms;
    web->store.ca_file = xstrdup(options->ca_file);
    web->store.proxy = xstrdup(options->proxy);
    if (set_url(web, options->url, err) && set_method(web, options->method, err) &&
        set_headers(web, options->headers, err) && set_body(web, options, err))
        return web;
    web_free(web);
    return NULL;
}

void web_free(struct web *web)
{
    if (!web)
        return;
    free(web->store.host);
    free(web->store.name);
    free(web->store.ca_file);
    free(web->store.proxy);
    http_fields_free(&web->store.headers);
    http_request_free(&web->request);
    http_reply_free(&web->reply);
    free(web);
}
