#include "base/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A whole number in decimal digits, the lowest first. The smallest float has 767 of them. */
struct digits {
    uint8_t at[800];
    int count;
};

static void multiply(struct digits *digits, unsigned factor)
{
    unsigned carry = 0;
    for (int i = 0; i < digits->count; i++, carry /= 10) {
        carry += digits->at[i] * factor;
        digits->at[i] = (uint8_t)(carry % 10);
    }
    if (carry)
        digits->at[digits->count++] = (uint8_t)carry;
}

/* All of the value, which is that number times 10 to the power that is returned. */
static int expand(double value, struct digits *digits)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent)
        mantissa |= UINT64_C(1) << 52;
    else
        exponent = 1;
    exponent = value != 0 ? exponent - 1075 : 0;
    for (; exponent < 0 && !((uint32_t)mantissa & 1); exponent++)
        mantissa >>= 1;
    digits->count = 0;
    for (bool more = true; more; mantissa /= 10) {
        digits->at[digits->count++] = (uint8_t)(mantissa % 10);
        more = mantissa > 9; /* the host wamr compares the lower half only with zero */
    }
    for (int i = exponent; i > 0; i--)
        multiply(digits, 2);
    for (int i = exponent; i < 0; i++) /* a half is five tenths */
        multiply(digits, 5);
    return exponent < 0 ? exponent : 0;
}

/* The highest `count` digits as text, to the nearest, the even one of two; the first one's power of
 * ten. */
static int round_to(double value, int count, char *text)
{
    struct digits digits;
    int power = expand(value, &digits), cut = digits.count - count;
    bool up = false;
    if (cut > 0) {
        bool more = digits.at[cut] & 1;
        for (int i = 0; i < cut - 1; i++)
            more |= digits.at[i] != 0;
        up = digits.at[cut - 1] + more > 5;
    }
    for (int i = 0; i < count; i++) {
        int digit = (cut + i >= 0 ? digits.at[cut + i] : 0) + up;
        up = digit == 10;
        text[count - 1 - i] = (char)('0' + digit % 10);
    }
    if (up)
        text[0] = '1'; /* and zeros */
    text[count] = 0;
    return power + digits.count - 1 + up;
}

void decimal_scientific(double value, int digits, char text[DECIMAL_TEXT])
{
    char all[DECIMAL_TEXT];
    int power = round_to(value, digits + 1, all);
    snprintf(text, DECIMAL_TEXT, "%s%c%s%se%c%02d", signbit(value) ? "-" : "", all[0],
             digits ? "." : "", all + 1, power < 0 ? '-' : '+', power < 0 ? -power : power);
}

void decimal_general(double value, char text[DECIMAL_TEXT])
{
    const char *sign = signbit(value) ? "-" : "";
    if (!isfinite(value)) {
        snprintf(text, DECIMAL_TEXT, "%s%s", sign, isnan(value) ? "nan" : "inf");
        return;
    }
    char all[DECIMAL_TEXT];
    int power = round_to(value, 6, all), last = 5;
    while (last > 0 && all[last] == '0')
        all[last--] = 0;
    if (power < -4 || power > 5)
        decimal_scientific(value, last, text);
    else if (power < 0)
        snprintf(text, DECIMAL_TEXT, "%s0.%.*s%s", sign, -power - 1, "000", all);
    else /* what was taken off before the point are zeros */
        snprintf(text, DECIMAL_TEXT, "%s%.*s%.*s%s%s", sign, power + 1, all,
                 power > last ? power - last : 0, "00000", power < last ? "." : "",
                 power < last ? all + power + 1 : "");
}
