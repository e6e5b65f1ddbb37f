#include "io/slots.h"
#include <stdlib.h>

struct slab {
    struct slab *next;
    int n;
    struct exchange exchange[];
};

bool slots_add(struct slots *slots, int n, struct exchange_env *env)
{
    int more = n - slots->n;
    struct slab *slab = xcalloc(1, sizeof *slab + (size_t)more * sizeof *slab->exchange);

    slab->next = slots->slab;
    slots->slab = slab;
    for (; slab->n < more; slab->n++) {
        struct exchange *exchange = &slab->exchange[slab->n];
        if (!exchange_init(exchange, env))
            return false;
        exchange->next = slots->idle;
        slots->idle = exchange;
        slots->n++;
    }
    return true;
}

void slots_free(struct slots *slots)
{
    for (struct slab *slab = slots->slab, *next; slab; slab = next) {
        next = slab->next;
        for (int i = 0; i < slab->n; i++)
            exchange_free(&slab->exchange[i]);
        free(slab);
    }
}
