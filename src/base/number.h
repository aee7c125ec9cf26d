/* number.h - numbers as a person writes and reads them. The C library's strtod would make
 * yadokari.wasm 8 KB larger, its strtoull 2 KB. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the digits at *text. False, with the greatest number, when it is too large; false without
 * any. */
bool number_digits(const char **text, unsigned base, uint64_t *number);

/* Decimal, or hexadecimal after 0x; with a sign, or as unsigned. `wide`: of 64 bits, not 32. */
bool number_parse_integer(const char *text, bool wide, uint64_t *bits);

/* The bits of the f64 (`wide`) or f32 that is nearest: 1, -0.5, .5e-3, inf, nan. Up to 400
 * characters. */
bool number_parse_float(const char *text, bool wide, uint64_t *bits);

/* The fewest digits that mean this value, without an exponent. */
enum { NUMBER_TEXT = 400 };
void number_float_text(uint64_t bits, bool wide, char out[NUMBER_TEXT]);

/* A whole number, and what stands behind it. */
bool number_whole(const char *text, uint64_t *value, const char **rest);

/* A time such as 10, 10s, 1.5s, 500ms or 2m, in nanoseconds. */
bool duration_parse(const char *text, uint64_t *nanoseconds);

#endif
