#include "base/utf8.h"

/* Reads `count` continuation bytes; the first one must lie in low ..= high. */
static bool continues(const uint8_t *bytes, uint32_t left, uint32_t count, uint8_t low,
                      uint8_t high)
{
    if (left < count || bytes[0] < low || bytes[0] > high)
        return false;
    for (uint32_t i = 1; i < count; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return false;
    return true;
}

bool utf8_valid(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size;) {
        uint8_t lead = bytes[i++];
        if (lead < 0x80)
            continue;
        uint32_t count = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (lead < 0xC2 || lead > 0xF4 || !continues(bytes + i, size - i, count, low, high))
            return false;
        i += count;
    }
    return true;
}
