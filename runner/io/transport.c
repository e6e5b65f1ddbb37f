#include "io/transport.h"
#include "base/version.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_CONNECT_MS 10000
#define set(easy, ...)     (void)curl_easy_setopt((easy), __VA_ARGS__)

/* --- what a code means ---------------------------------------------------------------- */

static enum err_kind kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
    case CURLE_BAD_CONTENT_ENCODING:
        return ERR_SERVER;
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
        return ERR_BUG;
    default:
        return ERR_NETWORK;
    }
}

static bool is_trust(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CRL_BADFILE;
}

bool transport_fault(const struct store *store, int code, const char *text, struct err *err)
{
    text = text[0] ? text : curl_easy_strerror((CURLcode)code);

    if (!is_trust((CURLcode)code)) {
        err_set(err, kind_of((CURLcode)code), "%s: %s", store->host, text);
        err->final = code == CURLE_URL_MALFORMAT;
        return false;
    }
    err_set(err, ERR_NETWORK, "%s: %s; trusted are the certificates in %s%s", store->host, text,
            store->ca_file ? store->ca_file : "the system's store",
            store->ca_file ? "" : " (set ca for a private one)");
    err->final = true;
    return false;
}

/* --- what is asked for ---------------------------------------------------------------- */

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *more = curl_slist_append(*headers, line);

    if (more)
        *headers = more;
    return more != NULL;
}

static bool set_headers(CURL *easy, const struct http_fields *fields, struct curl_slist **headers)
{
    static const char *const automatic[] = {"accept", "expect", "content-type"};
    bool ok = true;

    for (int i = 0; i < fields->n; i++) {
        const char *value = http_fields_value(fields, i);
        char *line = *value ? xasprintf("%s: %s", http_fields_name(fields, i), value)
                            : xasprintf("%s;", http_fields_name(fields, i));
        ok = add_header(headers, line) && ok;
        free(line);
    }
    for (size_t i = 0; i < sizeof automatic / sizeof *automatic; i++) {
        char line[32];
        if (http_fields_get(fields, automatic[i]))
            continue;
        snprintf(line, sizeof line, "%s:", automatic[i]); /* how curl is told not to send it */
        ok = add_header(headers, line) && ok;
    }
    set(easy, CURLOPT_HTTPHEADER, *headers);
    return ok;
}

static void set_target(CURL *easy, const struct store *store, const char *target)
{
    const char *scheme = store->https ? "https" : "http";
    char *url = xasprintf("%s://%s/", scheme, store->host);

    set(easy, CURLOPT_URL, url);
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, scheme);
    free(url);
    if (store->proxy && !store->https) { /* a proxy is told the whole URL */
        char *whole = xasprintf("%s://%s%s", scheme, store->host, target);
        set(easy, CURLOPT_REQUEST_TARGET, whole);
        free(whole);
    } else {
        set(easy, CURLOPT_REQUEST_TARGET, target);
    }
}

static void set_method(CURL *easy, const struct http_request *request)
{
    switch (request->method) {
    case HTTP_HEAD:
        set(easy, CURLOPT_NOBODY, 1L);
        break;
    case HTTP_PUT:
    case HTTP_POST:
    case HTTP_PATCH:
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
        set(easy, CURLOPT_INFILESIZE_LARGE,
            (curl_off_t)(request->body_len > 0 ? request->body_len : 0));
        break;
    default:
        set(easy, CURLOPT_HTTPGET, 1L);
        set(easy, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
    }
}

static void set_connection(CURL *easy, const struct store *store)
{
    int connect_ms = store->connect_timeout_ms;

    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_ms > 0 ? connect_ms : DEFAULT_CONNECT_MS));
    set(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    set(easy, CURLOPT_TCP_KEEPINTVL, 15L);
    set(easy, CURLOPT_PROXY, store->proxy ? store->proxy : "");
    set(easy, CURLOPT_NOPROXY, store->proxy ? "" : "*"); /* not from the environment */
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (store->ca_file)
        set(easy, CURLOPT_CAINFO, store->ca_file);
}

static void set_manners(CURL *easy, const struct store *store)
{
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy, CURLOPT_USERAGENT, store->user_agent ? store->user_agent : "haul/" HAUL_VERSION);
}

bool transport_set_up(void *easy, const struct store *store, const struct http_request *request,
                      void **headers)
{
    struct curl_slist *list = *headers;
    bool ok = set_headers(easy, &request->headers, &list);

    *headers = list;
    set_target(easy, store, buf_str(&request->target));
    set_method(easy, request);
    set_connection(easy, store);
    set_manners(easy, store);
    return ok;
}
