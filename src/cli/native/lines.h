/* lines.h - messages between processes: lines "key=value". */
#ifndef CLI_NATIVE_LINES_H
#define CLI_NATIVE_LINES_H

#include "base/buffer.h"
#include "cli/options.h"

/* What would break the line is left out. */
void line_put(struct buffer *text, const char *key, const char *value);
void line_put_number(struct buffer *text, const char *key, uint64_t value);

/* The number of the line "key=..." in `text`, or 0. */
uint64_t line_number(const char *text, const char *key);

/* Calls `take` with the value of each line of that key. */
void lines_of(const char *text, const char *key, void (*take)(void *context, const char *value),
              void *context);

/* To take the values into a list (`context`), as copies; and to free such a list. */
void lines_add(void *list, const char *value);
void lines_free(struct list *values);

#endif
