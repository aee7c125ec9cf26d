/* travels.h - which options of a guest go with it to another machine, and may be set from there. */
#ifndef CLI_NATIVE_TRAVELS_H
#define CLI_NATIVE_TRAVELS_H

#include <stdbool.h>

/* Whether this is one of them, whole: "--flag" or "--option=value". None of them but --dir, whose
 * directories are checked where the guest goes, names a file. */
bool option_travels(const char *argument);

#endif
