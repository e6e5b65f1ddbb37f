/* Any bytes as an address, an encoded key, and each of the HTTP values. */
#include "wire/url.h"
#include "wire/http.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encoding and decoding any bytes gives them back. */
static void check_round_trip(const char *text, size_t len, bool keep_slash)
{
    struct buf code = buf_new(3 * len), plain = buf_new(len);
    if (!url_encode(&code, text, len, keep_slash) ||
        !url_decode(&plain, buf_str(&code), code.len, true) || plain.len != len ||
        (len > 0 && memcmp(plain.data, text, len) != 0))
        abort();
    buf_free(&code);
    buf_free(&plain);
}

static void read_values(const char *text)
{
    int64_t first, last, total;
    struct endpoint endpoint;
    struct err err;
    if (http_content_range(text, &first, &last, &total) &&
        (first < 0 || last < first || (total >= 0 && last >= total)))
        abort();
    if (http_integer(text, INT64_MAX, &first) && first < 0)
        abort();
    if (http_date(text, &first) && first < 0)
        abort();
    if (url_endpoint(text, &endpoint, &err) &&
        (!endpoint.host[0] || strpbrk(endpoint.host, "/@?# \r\n") || endpoint.port < 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size);
    struct buf out = buf_new(size);
    url_decode(&out, text, size, size & 1);
    buf_free(&out);
    check_round_trip(text, size, size & 2);
    read_values(text);
    free(text);
    return 0;
}
