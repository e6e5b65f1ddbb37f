#include "engine/load.h"
#include "base/buf.h"
#include <stdlib.h>

void loads_begin(struct loads *loads, const struct task *task)
{
    size_t n = (size_t)loads->n + 1;
    loads->item = xrealloc(loads->item, n * sizeof *loads->item);
    loads->item[loads->n++] = (struct load){.task = task};
}

void loads_end(struct loads *loads, const struct task *task)
{
    struct load *load = loads_of(loads, task);

    if (load)
        *load = loads->item[--loads->n];
}

void loads_free(struct loads *loads)
{
    free(loads->item);
}

struct load *loads_of(const struct loads *loads, const struct task *task)
{
    const struct task *first = task_first(task);

    for (int i = 0; i < loads->n; i++)
        if (loads->item[i].task == first)
            return &loads->item[i];
    return NULL;
}

int loads_share(const struct loads *loads, int slots)
{
    int share = loads->n > 1 ? slots / loads->n : slots;
    return share > 0 ? share : 1;
}
