/* utf8.h - whether bytes are well-formed UTF-8 (RFC 3629): no overlong form, no surrogate. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

bool utf8_valid(const uint8_t *bytes, uint32_t size);

#endif
