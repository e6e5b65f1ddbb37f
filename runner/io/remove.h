#pragma once
/* Files removed below a directory.  Workers only. */
#include "io/op.h"

/* OP_REMOVE: each file by itself, with an error of its own; one that is not there is as good as
 * removed.  Directories that become empty by it go too, up to the one op->in.path is in.  Never
 * follows a symbolic link, never removes anything but regular files and empty directories. */
bool remove_all(struct op *op);
