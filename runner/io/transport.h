#pragma once
/*
 * How libcurl is told what to send, and what its codes mean.  Here, in lane.c and in exchange.c is
 * all that knows libcurl.  Any thread, each with its own handles.
 */
#include "wire/store.h"

/* Everything of a signed request but where its bytes come from and go to.  `easy` is a CURL;
 * `headers` (a struct curl_slist) must live as long as the request and be freed by the caller.
 * False: there is no memory for them. */
bool transport_set_up(void *easy, const struct store *store, const struct http_request *request,
                      void **headers);

/* `code` is a CURLcode, `text` what libcurl said of it ("": nothing).  Fills `err`, returns false.
 */
bool transport_fault(const struct store *store, int code, const char *text, struct err *err);
