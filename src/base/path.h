/* path.h - the one way to put a path together: whole, or refused; never another path.
 *
 * An array of PATH_ROOM bytes has room for every path that a system call takes, and for one byte
 * more. What does not fit is cut to a text that is longer than any path may be, so that even where
 * nobody looks at the result the kernel refuses it (ENAMETOOLONG) and no other file is touched:
 *
 *     fits          │ "/home/a/x.snap" 0                    │  at most PATH_MAX - 1 characters
 *     does not fit  │ "/home/a/... the first PATH_MAX" 0    │  true of no path
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <limits.h>

#include "base/error.h"

#define PATH_ROOM (PATH_MAX + 1)

/* Writes the path; false, with ERROR_IO that says how long it would have been, when it does not
 * fit. `error` may be NULL. `path` must not be among the arguments. */
bool path_set(char path[PATH_ROOM], struct error *error, const char *format, ...)
    ERROR_PRINTF(3, 4);

#endif
