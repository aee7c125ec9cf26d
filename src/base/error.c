#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/clean.h"

static void fill(struct error *error, enum error_kind kind, uint64_t offset, const char *format,
                 va_list arguments)
{
    if (!error)
        return;
    error->kind = kind;
    error->offset = offset;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    clean_string(error->message);
}

bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, kind, ERROR_NO_OFFSET, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_at(struct error *error, enum error_kind kind, uint64_t offset, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, kind, offset, format, arguments);
    va_end(arguments);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    char message[sizeof error->message];
    memcpy(message, error->message, sizeof message);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t)length, ": %.*s",
                 (int)(sizeof message - 1), message);
    clean_string(error->message);
    return false;
}
