/* hex.h - bytes as lowercase hexadecimal digits. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Writes 2 * `size` digits and a zero byte; returns the place of that. */
char *hex_text(const void *bytes, size_t size, char *text);

/* Whether the text is so many digits and nothing else. */
bool hex_is(const char *text, size_t length);

#endif
