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

/* A copy of the value of the first line of that key, however long, or NULL: to be freed. False, with
 * ERROR_MEMORY, when there is no memory for it. */
bool line_text(const char *text, const char *key, char **value, struct error *error);

/* Adds copies of the values of all lines of that key, but for empty ones, to a list that lines_free
 * is to free, also when this fails: ERROR_MEMORY. */
bool lines_list(const char *text, const char *key, struct list *values, struct error *error);
void lines_free(struct list *values);

#endif
