#pragma once
/* The head of an HTTP answer, read line by line into a reply.  Pure. */
#include "wire/http.h"

struct head {
    int64_t bytes; /* read so far, of all answers to the request */
    bool done;     /* the head of the final answer is complete */
};

/* One line with its end.  Interim answers (1xx) are passed over, trailers ignored; false with
 * ERR_SERVER for what no server should send, or for more than LIMIT_HEADERS. */
bool head_line(struct head *head, const char *line, size_t len, struct http_reply *reply,
               struct err *err);
