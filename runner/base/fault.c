#include "base/fault.h"

#ifdef HAUL_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    FAULT_POINTS(X)
#undef X
};

static atomic_long passes[FAULT_COUNT];

/* Does the environment's "name#n" name this pass? */
static bool chosen(const char *variable, enum fault_point point, long pass)
{
    const char *wish = getenv(variable);
    const char *mark = wish ? strchr(wish, '#') : NULL;
    size_t len = strlen(names[point]);
    if (!mark || (size_t)(mark - wish) != len || strncmp(wish, names[point], len) != 0)
        return false;
    return strtol(mark + 1, NULL, 10) == pass;
}

bool fault_hit(enum fault_point point)
{
    long pass = atomic_fetch_add(&passes[point], 1) + 1;
    if (chosen("HAUL_CRASH_AT", point, pass)) {
        raise(SIGKILL);
        abort();
    }
    return chosen("HAUL_FAIL_AT", point, pass);
}
#endif
