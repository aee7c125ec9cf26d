/* print.h - the one way to print a line: what others wrote in it is made harmless (base/clean.h).
 * scripts/lint.sh looks that src/cli prints in no other way, but for help, numbers and JSON. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdio.h>

#include "base/error.h"

/* One line, whose end is added: nobody's text makes two of it. */
void print_line(FILE *out, const char *format, ...) ERROR_PRINTF(2, 3);

/* The same for callbacks that describe something to a person, on standard output. */
void print_text(void *context, const char *text);

/* Where is told that the file `output` was written: not into it, when that is standard output. */
FILE *print_beside(const char *output);

#endif
