#include "cli/print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

FILE *print_beside(const char *output)
{
    struct stat written, out;
    bool same = stat(output, &written) == 0 && fstat(STDOUT_FILENO, &out) == 0 &&
                written.st_dev == out.st_dev && written.st_ino == out.st_ino;
    return same ? stderr : stdout;
}
