#include "wire/http.h"
#include "base/limits.h"
#include <string.h>
#include <strings.h>
#include <time.h>

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"};
    return names[method];
}

/* --- fields --------------------------------------------------------------------------- */

void http_fields_init(struct http_fields *fields, size_t max)
{
    fields->text = buf_new(max);
    fields->n = 0;
}

void http_fields_free(struct http_fields *fields)
{
    buf_free(&fields->text);
    fields->n = 0;
}

void http_fields_clear(struct http_fields *fields)
{
    buf_clear(&fields->text);
    fields->n = 0;
}

static bool add_field(struct http_fields *fields, const char *name, const char *value, bool bare)
{
    if (fields->n == HTTP_FIELDS_MAX || strpbrk(name, "\r\n") || strpbrk(value, "\r\n"))
        return false;
    size_t name_at = fields->text.len, value_at = name_at + strlen(name) + 1;
    bool ok = buf_add(&fields->text, name, strlen(name) + 1) &&
              buf_add(&fields->text, value, strlen(value) + 1);
    if (!ok)
        return false;
    fields->item[fields->n].name = (uint32_t)name_at;
    fields->item[fields->n].value = (uint32_t)value_at;
    fields->item[fields->n].bare = bare;
    fields->n++;
    return true;
}

bool http_fields_add(struct http_fields *fields, const char *name, const char *value)
{
    return add_field(fields, name, value, false);
}

bool http_fields_addf(struct http_fields *fields, const char *name, const char *fmt, ...)
{
    struct buf value = buf_new(LIMIT_HEADERS);
    va_list ap;
    va_start(ap, fmt);
    bool ok = buf_addv(&value, fmt, ap);
    va_end(ap);
    ok = ok && strlen(buf_str(&value)) == value.len &&
         http_fields_add(fields, name, buf_str(&value));
    buf_free(&value);
    return ok;
}

bool http_fields_add_bare(struct http_fields *fields, const char *name)
{
    return add_field(fields, name, "", true);
}

const char *http_fields_name(const struct http_fields *fields, int n)
{
    return fields->text.data + fields->item[n].name;
}

const char *http_fields_value(const struct http_fields *fields, int n)
{
    return fields->text.data + fields->item[n].value;
}

const char *http_fields_get(const struct http_fields *fields, const char *name)
{
    for (int i = 0; i < fields->n; i++)
        if (strcmp(http_fields_name(fields, i), name) == 0)
            return http_fields_value(fields, i);
    return NULL;
}

/* --- request and reply ---------------------------------------------------------------- */

#define PATH_MAX_ENCODED (3 * LIMIT_KEY + 256) /* every byte as %XX, and the bucket */
#define FIELDS_MAX       (LIMIT_METADATA + (32 << 10))

void http_request_init(struct http_request *request)
{
    request->method = HTTP_GET;
    request->path = buf_new(PATH_MAX_ENCODED);
    http_fields_init(&request->query, FIELDS_MAX);
    http_fields_init(&request->headers, FIELDS_MAX);
    request->body = buf_new(LIMIT_REQUEST_BODY);
    request->body_len = -1;
    request->target = buf_new(PATH_MAX_ENCODED + 3 * FIELDS_MAX);
}

void http_request_clear(struct http_request *request)
{
    request->method = HTTP_GET;
    buf_clear(&request->path);
    http_fields_clear(&request->query);
    http_fields_clear(&request->headers);
    buf_clear(&request->body);
    request->body_len = -1;
    buf_clear(&request->target);
}

void http_request_free(struct http_request *request)
{
    buf_free(&request->path);
    http_fields_free(&request->query);
    http_fields_free(&request->headers);
    buf_free(&request->body);
    buf_free(&request->target);
}

void http_reply_init(struct http_reply *reply)
{
    reply->status = 0;
    http_fields_init(&reply->headers, LIMIT_HEADERS);
    reply->body = buf_new(LIMIT_DOCUMENT);
}

void http_reply_clear(struct http_reply *reply)
{
    reply->status = 0;
    http_fields_clear(&reply->headers);
    buf_clear(&reply->body);
}

void http_reply_free(struct http_reply *reply)
{
    http_fields_free(&reply->headers);
    buf_free(&reply->body);
}

/* --- values --------------------------------------------------------------------------- */

/* Reads 1 to 19 digits at `*at` and moves past them. */
static bool read_integer(const char **at, int64_t max, int64_t *number)
{
    const char *start = *at;
    int64_t value = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **at - '0', &value))
            return false;
    }
    *number = value;
    return *at > start && value <= max;
}

bool http_integer(const char *value, int64_t max, int64_t *number)
{
    return read_integer(&value, max, number) && *value == '\0';
}

bool http_content_range(const char *value, int64_t *first, int64_t *last, int64_t *total)
{
    if (strncasecmp(value, "bytes ", 6) != 0)
        return false;
    value += 6;
    if (!read_integer(&value, INT64_MAX, first) || *value++ != '-' ||
        !read_integer(&value, INT64_MAX, last) || *value++ != '/' || *first > *last)
        return false;
    *total = -1;
    if (strcmp(value, "*") == 0)
        return true;
    return http_integer(value, INT64_MAX, total) && *last < *total;
}

struct moment {
    int year, month, day, hour, minute, second, ms;
};

/* Exactly `n` digits, or for the day of asctime a space and one. */
static bool fixed_digits(const char **at, int n, int *number)
{
    *number = 0;
    for (int i = 0; i < n; i++, ++*at) {
        if (i == 0 && n == 2 && **at == ' ')
            continue;
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + **at - '0';
    }
    return true;
}

static bool month_name(const char **at, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 1; *month <= 12; ++*month) {
        if (strncmp(*at, names + 3 * (*month - 1), 3) == 0) {
            *at += 3;
            return true;
        }
    }
    return false;
}

/* Letters in a date are the day of the week; they are not compared with the date. */
static bool skip_letters(const char **at)
{
    const char *start = *at;
    while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z'))
        ++*at;
    return *at > start;
}

/* A fraction of a second, of which three digits count. */
static bool fraction(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.')
        return true;
    int weight = 100;
    const char *start = ++*at;
    for (; **at >= '0' && **at <= '9'; ++*at, weight /= 10)
        *ms += weight * (**at - '0');
    return *at > start;
}

static bool zone(const char **at)
{
    bool utc = strcmp(*at, "GMT") == 0 || strcmp(*at, "UTC") == 0 || strcmp(*at, "+0000") == 0;
    if (utc)
        *at += strlen(*at);
    return utc;
}

/* The number that a letter of a form stands for, and how many digits it has. */
static int *form_number(struct moment *when, char letter, int *digits)
{
    *digits = letter == 'Y' ? 4 : 2;
    switch (letter) {
    case 'Y':
    case 'y':
        return &when->year;
    case 'm':
        return &when->month;
    case 'd':
        return &when->day;
    case 'H':
        return &when->hour;
    case 'M':
        return &when->minute;
    case 'S':
        return &when->second;
    default:
        return NULL;
    }
}

/* Reads `at` by `form`: the letters of form_number, b month name, a letters, f fraction, ~ UTC;
 * anything else stands for itself. */
static bool read_form(const char *at, const char *form, struct moment *when)
{
    bool ok = true;
    for (; ok && *form; form++) {
        int digits;
        int *number = form_number(when, *form, &digits);
        if (number)
            ok = fixed_digits(&at, digits, number);
        else if (*form == 'b')
            ok = month_name(&at, &when->month);
        else if (*form == 'a')
            ok = skip_letters(&at);
        else if (*form == 'f')
            ok = fraction(&at, &when->ms);
        else if (*form == '~')
            ok = zone(&at);
        else
            ok = *at && *at++ == *form;
    }
    if (when->year < 100)
        when->year += when->year < 70 ? 2000 : 1900;
    return ok && *at == '\0';
}

static bool moment_valid(const struct moment *when)
{
    return when->year >= 1970 && when->month >= 1 && when->month <= 12 && when->day >= 1 &&
           when->day <= 31 && when->hour <= 23 && when->minute <= 59 && when->second <= 60;
}

/* Days since 1970 in the Gregorian calendar: years begin in March, so the leap day comes last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

bool http_date(const char *value, int64_t *ms)
{
    static const char *const forms[] = {
        "a, d b Y H:M:S ~", /* Sun, 06 Nov 1994 08:49:37 GMT */
        "a, d-b-y H:M:S ~", /* Sunday, 06-Nov-94 08:49:37 GMT */
        "a b d H:M:S Y",    /* Sun Nov  6 08:49:37 1994 */
        "Y-m-dTH:M:SfZ",    /* 1994-11-06T08:49:37.000Z */
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct moment when = {0};
        if (!read_form(value, forms[i], &when) || !moment_valid(&when))
            continue;
        int64_t seconds = days_since_1970(when.year, when.month, when.day) * 86400 +
                          when.hour * 3600 + when.minute * 60 + when.second;
        *ms = seconds * 1000 + when.ms;
        return true;
    }
    return false;
}

void http_date_text(int64_t ms, char out[32])
{
    /* Not strftime: the names must not follow a locale. */
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    struct buf text = buf_new(31);
    buf_addf(&text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, buf_str(&text), text.len + 1);
    buf_free(&text);
}
