#include "io/thread.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void thread_start(pthread_t *thread, void *(*loop)(void *), void *arg, const char *name, int n)
{
    sigset_t all, old;
    char full[16];

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(thread, NULL, loop, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        fprintf(stderr, "haul: no thread: %s\n", strerror(failed));
        abort();
    }
    snprintf(full, sizeof full, "%.11s-%d", name, n % 100);
    pthread_setname_np(*thread, full);
}
