#include "cli/print.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/clean.h"

void print_line(FILE *out, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    fputs(clean_string(text), out);
    putc('\n', out);
    free(text);
}

void print_text(void *context, const char *text)
{
    (void)context;
    print_line(stdout, "%s", text);
}
