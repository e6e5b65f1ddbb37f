#include "base/err.h"
#include "base/buf.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_words[] = {
#define X(name, word) [ERR_##name] = word,
    ERR_KINDS(X)
#undef X
};

const char *err_kind_name(enum err_kind kind)
{
    return (unsigned)kind < ERR_KIND_COUNT ? kind_words[kind] : "bug";
}

bool err_kind_parse(const char *word, enum err_kind *kind)
{
    for (unsigned i = 0; i < ERR_KIND_COUNT; i++) {
        if (strcmp(word, kind_words[i]) == 0) {
            *kind = (enum err_kind)i;
            return true;
        }
    }
    return false;
}

/* Copies as much of `text` as fits, printable, never half a character. */
static void set_message(struct err *err, const char *text)
{
    struct buf clean = buf_new(8 * sizeof err->message);
    if (!buf_add_printable(&clean, text))
        buf_adds(&clean, "(a message too long to show)");
    size_t len = clean.len;
    if (len >= sizeof err->message)
        for (len = sizeof err->message - 1; len > 0 && (clean.data[len] & 0xc0) == 0x80;)
            len--;
    memcpy(err->message, buf_str(&clean), len);
    err->message[len] = '\0';
    buf_free(&clean);
}

static void format_message(struct err *err, const char *fmt, va_list ap)
{
    char text[2 * sizeof err->message];
    vsnprintf(text, sizeof text, fmt, ap);
    set_message(err, text);
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err)
        return false;
    /* The arguments may come out of `err` itself, so they are used before it is emptied. */
    struct err fresh = {.kind = kind, .final = kind == ERR_INVALID || kind == ERR_BUG};
    va_list ap;
    va_start(ap, fmt);
    format_message(&fresh, fmt, ap);
    va_end(ap);
    *err = fresh;
    return false;
}

/* What an error number means for a file operation, and whether a retry can mend it. */
static const struct {
    int errnum;
    enum err_kind kind;
    bool final;
} sys_table[] = {
    {ENOENT, ERR_MISSING, true},    {EACCES, ERR_DENIED, true}, {EPERM, ERR_DENIED, true},
    {ENOTDIR, ERR_DISK, true},      {EISDIR, ERR_DISK, true},   {ELOOP, ERR_DISK, true},
    {ENAMETOOLONG, ERR_DISK, true}, {EROFS, ERR_DISK, true},    {EXDEV, ERR_DISK, true},
    {EFBIG, ERR_DISK, true},        {EEXIST, ERR_DISK, true},   {ENOTEMPTY, ERR_DISK, true},
    {EINVAL, ERR_DISK, true},       {EBADF, ERR_DISK, true},
};

bool err_sys(struct err *err, int errnum, const char *fmt, ...)
{
    if (!err)
        return false;
    struct err fresh = {.kind = ERR_DISK};
    const char *name = strerrorname_np(errnum);
    snprintf(fresh.code, sizeof fresh.code, "%s", name ? name : "");
    for (size_t i = 0; i < sizeof sys_table / sizeof *sys_table; i++) {
        if (sys_table[i].errnum == errnum) {
            fresh.kind = sys_table[i].kind;
            fresh.final = sys_table[i].final;
        }
    }
    char text[sizeof fresh.message], reason[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *words = strerror_r(errnum, reason, sizeof reason);
    char all[sizeof text + sizeof reason + 2];
    snprintf(all, sizeof all, "%s: %s", text, words);
    set_message(&fresh, all);
    *err = fresh;
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return false;
    char text[sizeof err->message];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char all[2 * sizeof err->message + 2];
    snprintf(all, sizeof all, "%s: %s", text, err->message);
    set_message(err, all);
    return false;
}
