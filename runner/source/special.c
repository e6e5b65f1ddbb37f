#include "source/special.h"
#include <string.h>

const char *special_why(const struct task *task, const struct list_entry *entry)
{
    size_t len = strlen(entry->key);
    switch (entry->special) {
    case 'l':
        return task->from->follows_links
                   ? "a symbolic link that leads nowhere"
                   : "a symbolic link: links are not followed, unless links = \"follow\" says so";
    case 'o':
        return "a symbolic link to a directory that it is in";
    case 's':
        return "not a regular file";
    case 'u':
        return "a directory that cannot be read";
    case 'n':
        return "a key with a NUL byte, which no request and no file name can carry";
    default:
        break;
    }
    if (task->to->kind == STORE_DIR && task->kind != TASK_DELETE && len &&
        entry->key[len - 1] == '/')
        return "a directory marker";
    return NULL;
}

bool special_is_marker(const struct task *task, const struct list_entry *entry)
{
    size_t len = strlen(entry->key);
    return task->from->kind == STORE_DIR && len && entry->key[len - 1] == '/';
}
