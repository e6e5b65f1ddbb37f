#pragma once
/*
 * Named fault points.  A build with -DHAUL_FAULTS crashes (SIGKILL to itself) at the n-th pass of a
 * point when the environment says HAUL_CRASH_AT=name#n, or makes the point report failure with
 * HAUL_FAIL_AT=name#n.  In release builds a point is nothing at all.
 */
#include <stdbool.h>

/* Sorted.  The place of each is where the name is used. */
#define FAULT_POINTS(X)      \
    X(file_fsync)            \
    X(file_pwrite)           \
    X(file_rename)           \
    X(journal_after_commit)  \
    X(journal_before_commit) \
    X(object_done)           \
    X(op_collected)          \
    X(op_submitted)

#ifdef HAUL_FAULTS
enum fault_point {
#define X(name) FAULT_##name,
    FAULT_POINTS(X)
#undef X
        FAULT_COUNT
};
/* True when this pass is to fail; does not return when it is to crash. */
bool fault_hit(enum fault_point point);
#define FAULT(name) fault_hit(FAULT_##name)
#else
#define FAULT(name) false
#endif
