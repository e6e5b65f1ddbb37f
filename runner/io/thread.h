#pragma once
/* Threads of io/: named, with every signal blocked, so that signals reach the control thread. */
#include <pthread.h>

/* Aborts when there can be no thread. */
void thread_start(pthread_t *thread, void *(*loop)(void *), void *arg, const char *name, int n);
