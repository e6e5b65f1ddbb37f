#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECRET_MIN  4          /* shorter texts would black out ordinary words */
#define MESSAGE_MAX (1 << 20)  /* before it is cut to a line: a secret must not lose its tail */
#define ARENA_SIZE  (64 << 10) /* of all secrets together, at first */

static const char *const level_words[] = {"error", "warn", "info", "debug"};

static struct {
    pthread_mutex_t lock; /* guards everything below but `level` */
    int fd;
    char *path; /* NULL: standard error */
    enum log_format format;
    _Atomic enum log_level level;
    char *arena; /* secrets, each followed by NUL; mapped, never freed */
    size_t used, size;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .level = LOG_INFO};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void close_file(void)
{
    if (logger.path)
        close(logger.fd);
    logger.fd = STDERR_FILENO;
}

bool log_open(const char *path, enum log_level level, enum log_format format)
{
    int fd = path ? open_file(path) : STDERR_FILENO;
    if (fd < 0)
        return false;
    pthread_mutex_lock(&logger.lock);
    close_file();
    free(logger.path);
    logger.path = xstrdup(path);
    logger.fd = fd;
    logger.format = format;
    atomic_store(&logger.level, level);
    pthread_mutex_unlock(&logger.lock);
    return true;
}

bool log_reopen(void)
{
    pthread_mutex_lock(&logger.lock);
    int fd = logger.path ? open_file(logger.path) : logger.fd;
    if (fd >= 0 && logger.path) {
        close(logger.fd);
        logger.fd = fd;
    }
    pthread_mutex_unlock(&logger.lock);
    return fd >= 0;
}

void log_close(void)
{
    pthread_mutex_lock(&logger.lock);
    close_file();
    free(logger.path);
    logger.path = NULL;
    pthread_mutex_unlock(&logger.lock);
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(word, level_words[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Replaces `secret`, which is longer than the stars, wherever it is in `text`. */
static void blot(char *text, const char *secret, size_t len)
{
    char *from = text, *to = text, *hit;
    while ((hit = strstr(from, secret))) {
        memmove(to, from, (size_t)(hit - from));
        to += hit - from;
        memcpy(to, "***", 3);
        to += 3;
        from = hit + len;
    }
    if (from != to)
        memmove(to, from, strlen(from) + 1);
}

static void redact_locked(char *text)
{
    for (size_t at = 0; at < logger.used;) {
        size_t len = strlen(logger.arena + at);
        blot(text, logger.arena + at, len);
        at += len + 1;
    }
}

void log_redact(char *text)
{
    pthread_mutex_lock(&logger.lock);
    redact_locked(text);
    pthread_mutex_unlock(&logger.lock);
}

static bool known_secret(const char *text)
{
    for (size_t at = 0; at < logger.used; at += strlen(logger.arena + at) + 1)
        if (strcmp(logger.arena + at, text) == 0)
            return true;
    return false;
}

/* Makes room for `need` more bytes.  A job that refreshes its keys for months needs ever more. */
static void arena_reserve(size_t need)
{
    size_t size = logger.size ? logger.size : ARENA_SIZE;
    while (need > size - logger.used)
        size *= 2;
    if (size == logger.size)
        return;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    /* Both are extra care: neither may be granted, and the log works without. */
    madvise(memory, size, MADV_DONTDUMP);
    mlock(memory, size);
    if (logger.arena) {
        memcpy(memory, logger.arena, logger.used);
        explicit_bzero(logger.arena, logger.used);
        munmap(logger.arena, logger.size);
    }
    logger.arena = memory;
    logger.size = size;
}

/* Longer secrets stand first, so that one that contains another is replaced as a whole. */
static void insert_secret(const char *text, size_t len)
{
    size_t at = 0;
    while (at < logger.used && strlen(logger.arena + at) > len)
        at += strlen(logger.arena + at) + 1;
    memmove(logger.arena + at + len + 1, logger.arena + at, logger.used - at);
    memcpy(logger.arena + at, text, len + 1);
    logger.used += len + 1;
}

void log_secret(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len < SECRET_MIN)
        return;
    pthread_mutex_lock(&logger.lock);
    if (!known_secret(text)) {
        arena_reserve(len + 1);
        insert_secret(text, len);
    }
    pthread_mutex_unlock(&logger.lock);
}

static void add_time(struct buf *line)
{
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char text[32];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf(line, "%s.%03dZ", text, (int)(now % 1000));
}

static bool add_message(struct buf *line, const char *message, enum log_level level, bool json)
{
    if (!json) {
        add_time(line);
        buf_addf(line, " %-5s ", level_words[level]);
        return buf_add_printable(line, message);
    }
    buf_adds(line, "{\"time\":\"");
    add_time(line);
    buf_addf(line, "\",\"level\":\"%s\",\"message\":", level_words[level]);
    return buf_add_json(line, message) && buf_addc(line, '}');
}

/* Escaping can make a message four to six times as long, so it is shortened until the line fits. */
static void render(struct buf *line, char *message, enum log_level level, bool json)
{
    size_t len = strlen(message);
    if (len > LIMIT_LINE - 256)
        message[len = LIMIT_LINE - 256] = '\0';
    while (!add_message(line, message, level, json)) {
        buf_clear(line);
        message[len /= 2] = '\0';
    }
}

static void write_line(const struct buf *line)
{
    ssize_t n;
    do
        n = write(logger.fd, line->data, line->len);
    while (n < 0 && errno == EINTR);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level > atomic_load(&logger.level))
        return;
    int kept = errno;
    struct buf message = buf_new(MESSAGE_MAX), line = buf_new(LIMIT_LINE);
    va_list ap;
    va_start(ap, fmt);
    if (!buf_addv(&message, fmt, ap)) {
        buf_clear(&message);
        buf_adds(&message, "(a message too long to log)");
    }
    va_end(ap);
    if (!message.data)
        buf_add(&message, "", 0);
    pthread_mutex_lock(&logger.lock);
    redact_locked(message.data);
    line.max = LIMIT_LINE - 1;
    render(&line, message.data, level, logger.format == LOG_JSON);
    line.max = LIMIT_LINE;
    buf_addc(&line, '\n');
    write_line(&line);
    pthread_mutex_unlock(&logger.lock);
    buf_free(&message);
    buf_free(&line);
    errno = kept;
}
