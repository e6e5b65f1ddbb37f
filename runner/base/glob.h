#pragma once
/*
 * Patterns over keys, as bytes.  Any thread.
 *
 *     *       any bytes but '/'            [a-z]   one byte of a set, never '/'
 *     **      any bytes                    [!a-z]  one byte that is not in the set, never '/'
 *     ?       one byte but '/'             {a,b}   one of several, which may hold patterns
 *     \x      the byte x itself
 * "**" and a '/' as a segment of its own stand for any directories, or none.
 *
 * A pattern without '/' is held against the last segment; with '/' inside or in front, against the
 * whole key ("/a" is "a" at the top and nowhere else).  One that ends in '/' matches everything
 * below: "tmp/" any directory of that name, "/tmp/" the one at the top, "/" everything.
 */
#include "base/err.h"

/* Is it a pattern?  The error says what is wrong, and at which byte. */
bool glob_check(const char *pattern, struct err *err);
/* Does a pattern match?  It must have passed glob_check, which is what bounds it.  Never takes more
 * time than the product of both lengths. */
bool glob_match(const char *pattern, const char *key);
