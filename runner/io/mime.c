#include "io/mime.h"
#include "base/buf.h"
#include "base/log.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TABLE "/etc/mime.types"
#define ENDING_MAX    32

struct ending {
    char *name, *type;
    size_t line; /* its place in the file */
};

static struct {
    struct ending *item;
    size_t n, cap;
    bool read;
} table;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ending *)a)->name, ((const struct ending *)b)->name);
}

static int by_name_and_line(const void *a, const void *b)
{
    const struct ending *one = a, *other = b;
    int order = by_name(a, b);
    return order ? order : (one->line > other->line) - (one->line < other->line);
}

static void add(const char *name, const char *type)
{
    if (table.n == table.cap) {
        table.cap = table.cap ? 2 * table.cap : 1024;
        table.item = xrealloc(table.item, table.cap * sizeof *table.item);
    }
    table.item[table.n] = (struct ending){xstrdup(name), xstrdup(type), table.n};
    table.n++;
}

/* "text/html  html htm  # a comment": the type, and the endings it stands for. */
static void read_line(char *line)
{
    char *at, *type, *name;

    line[strcspn(line, "#\r\n")] = '\0';
    if (!(type = strtok_r(line, " \t", &at)))
        return;
    while ((name = strtok_r(NULL, " \t", &at)))
        add(name, type);
}

/* The first line that names an ending counts. */
static void drop_repeats(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < table.n; i++) {
        if (kept && !strcmp(table.item[kept - 1].name, table.item[i].name)) {
            free(table.item[i].name);
            free(table.item[i].type);
        } else {
            table.item[kept++] = table.item[i];
        }
    }
    table.n = kept;
}

static void read_table(void)
{
    const char *named = getenv("HAUL_MIME_TYPES"), *path = named ? named : DEFAULT_TABLE;
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;

    table.read = true;
    if (!file) {
        if (named)
            log_warn("HAUL_MIME_TYPES: %s: %s", path, strerror(errno));
        return;
    }
    while (getline(&line, &size, file) > 0)
        read_line(line);
    free(line);
    fclose(file);
    if (!table.n)
        return;
    qsort(table.item, table.n, sizeof *table.item, by_name_and_line);
    drop_repeats();
}

const char *mime_type(const char *name)
{
    const char *base = strrchr(name, '/'), *dot = strrchr(base ? base : name, '.');
    char ending[ENDING_MAX];
    size_t len = 0;

    if (!dot || !dot[1] || strlen(dot + 1) >= sizeof ending)
        return NULL;
    if (!table.read)
        read_table();
    for (const char *p = dot + 1; *p; p++)
        ending[len++] = (char)tolower((unsigned char)*p);
    ending[len] = '\0';
    const struct ending wanted = {.name = ending};
    const struct ending *found =
        table.n ? bsearch(&wanted, table.item, table.n, sizeof *table.item, by_name) : NULL;
    return found ? found->type : NULL;
}
