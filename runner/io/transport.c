#include "io/transport.h"
#include <curl/curl.h>

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
