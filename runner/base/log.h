#pragma once
/*
 * Log lines: one write(2) a line, safe from any thread.  wire/ never logs.
 * The only path by which text reaches a log; every byte outside printable UTF-8 is escaped.
 * Secrets registered with log_secret are replaced by "***" wherever they occur in a line.
 */
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* Where lines go: standard error at level INFO until told otherwise.  `path` NULL: standard error.
 * Returns false with errno when the file (0600, appended, never through a symbolic link) cannot
 * be opened. */
bool log_open(const char *path, enum log_level level, enum log_format format);
bool log_reopen(void); /* after SIGHUP */
void log_close(void);
bool log_level_parse(const char *word, enum log_level *level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `text` never appears in a log line from here on.  Copies it into memory that is not dumped. */
void log_secret(const char *text);
/* Replaces registered secrets in `text` in place; for messages that reach a person elsewhere. */
void log_redact(char *text);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
