#include "base/path.h"

#include <stdio.h>

bool path_set(char path[PATH_ROOM], struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_ROOM, format, arguments);
    va_end(arguments);
    return (length >= 0 && length < PATH_MAX) ||
           error_set(error, ERROR_IO, "a path of %d bytes is too long (at most %d): %.200s...",
                     length, PATH_MAX - 1, path);
}
