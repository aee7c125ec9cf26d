#include "base/hex.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

char *hex_text(const void *bytes, size_t size, char *text)
{
    const uint8_t *at = bytes;
    for (; size > 0; size--, at++) {
        *text++ = digits[*at >> 4];
        *text++ = digits[*at & 15];
    }
    *text = 0;
    return text;
}

bool hex_is(const char *text, size_t length)
{
    return strlen(text) == length && strspn(text, digits) == length;
}
