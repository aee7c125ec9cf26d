#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"

bool number_digits(const char **text, unsigned base, uint64_t *number)
{
    const char *start = *text;
    bool fits = true;
    *number = 0;
    for (;; ++*text) {
        unsigned digit = (unsigned char)**text;
        digit = digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10;
        if (digit >= base)
            return fits && *text > start;
        fits = fits && *number <= (UINT64_MAX - digit) / base;
        *number = fits ? *number * base + digit : UINT64_MAX;
    }
}

bool number_parse_integer(const char *text, bool wide, uint64_t *bits)
{
    bool negative = *text == '-';
    uint64_t most = wide ? UINT64_MAX : UINT32_MAX;
    text += negative || *text == '+';
    bool hexadecimal = text[0] == '0' && (text[1] | 32) == 'x';
    text += hexadecimal ? 2 : 0;
    if (!number_digits(&text, hexadecimal ? 16 : 10, bits) || *text ||
        *bits > (negative ? most / 2 + 1 : most))
        return false;
    if (negative)
        *bits = -*bits & most;
    return true;
}

/* A number as an integer of units of 2^-1088: below the last bit of the smallest f64. */
#define UNIT 1088
/* 10^400 times 10^400, in these units, has 3,746 bits; f64 ends at 10^309. */
enum { LIMBS = 120, MOST = 400 };

struct fixed {
    uint32_t limbs[LIMBS]; /* the lowest first */
    bool more;             /* and something below the unit */
};

static void multiply_add(struct fixed *fixed, uint32_t factor, uint32_t carry)
{
    for (unsigned i = 0; i < LIMBS; i++) {
        uint64_t product = (uint64_t)fixed->limbs[i] * factor + carry;
        fixed->limbs[i] = (uint32_t)product;
        carry = (uint32_t)(product >> 32);
    }
}

static void divide_by_ten(struct fixed *fixed)
{
    uint64_t rest = 0;
    for (unsigned i = LIMBS; i-- > 0;) {
        rest = rest << 32 | fixed->limbs[i];
        fixed->limbs[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
    fixed->more |= rest != 0;
}

static bool bit(const struct fixed *fixed, int index)
{
    return fixed->limbs[index / 32] >> index % 32 & 1;
}

/* The bits of the nearest float, the even one of two. */
static uint64_t round_fixed(const struct fixed *fixed, bool wide)
{
    const int size = wide ? 53 : 24, lowest = UNIT - (wide ? 1074 : 149);
    const uint64_t infinity = wide ? (uint64_t)0x7FF << 52 : (uint64_t)0xFF << 23;
    int top = LIMBS * 32 - 1;
    while (top > 0 && !bit(fixed, top))
        top--;
    int last = top - size + 1 > lowest ? top - size + 1 : lowest;
    uint64_t bits = 0;
    for (int i = top; i >= last; i--)
        bits = bits << 1 | bit(fixed, i);
    bool odd = bits & 1, rest = fixed->more;
    for (int i = 0; i < last - 1; i++)
        rest |= bit(fixed, i);
    bits += ((uint64_t)(last - lowest) << (size - 1)) + (bit(fixed, last - 1) && (rest || odd));
    return bits < infinity ? bits : infinity;
}

/* Digits with at most one point, which is taken into *exponent. NULL without digits. */
static const char *parse_digits(const char *text, struct fixed *fixed, long *exponent)
{
    bool point = false, any = false;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        any = true;
        multiply_add(fixed, 10, (uint32_t)(*text - '0'));
        *exponent -= point;
    }
    return any ? text : NULL;
}

/* With a sign. What stands behind it; without digits, not nothing. */
static const char *exponent_digits(const char *text, long *exponent)
{
    bool negative = *text == '-';
    const char *digits = text + (negative || *text == '+'), *end = digits;
    uint64_t number;
    (void)number_digits(&end, 10, &number);
    *exponent = number < 2 * MOST ? (long)number : 2 * MOST;
    if (negative)
        *exponent = -*exponent;
    return end > digits ? end : "-";
}

static bool parse_exponent(const char *text, long *exponent)
{
    if (*text == 0)
        return true;
    long given;
    if ((*text | 32) != 'e' || *exponent_digits(text + 1, &given))
        return false;
    *exponent += given;
    return true;
}

/* Makes it so many units, times 10^exponent. */
static void scale(struct fixed *fixed, long exponent)
{
    for (unsigned i = 0; i < UNIT / 16; i++)
        multiply_add(fixed, 1u << 16, 0);
    for (long i = 0; i < exponent && i < MOST; i++)
        multiply_add(fixed, 10, 0);
    for (long i = 0; i > exponent && i > -2 * MOST; i--)
        divide_by_ten(fixed);
}

bool number_parse_float(const char *text, bool wide, uint64_t *bits)
{
    struct fixed fixed = {0};
    long exponent = 0;
    uint64_t sign = (uint64_t)(*text == '-') << (wide ? 63 : 31);
    text += *text == '-' || *text == '+';
    *bits = sign | (wide ? (uint64_t)0x7FF << 52 : (uint64_t)0xFF << 23);
    if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0)
        return true;
    if (strcasecmp(text, "nan") == 0) {
        *bits |= (uint64_t)1 << (wide ? 51 : 22);
        return true;
    }
    const char *rest = strlen(text) <= MOST ? parse_digits(text, &fixed, &exponent) : NULL;
    if (!rest || !parse_exponent(rest, &exponent))
        return false;
    scale(&fixed, exponent);
    *bits = sign | round_fixed(&fixed, wide);
    return true;
}

/* The fewest digits that give the same bits again, as "d.ddde+xx"; returns how many follow the
 * first. */
static int shortest(uint64_t bits, bool wide, char text[DECIMAL_TEXT])
{
    uint64_t again = 0;
    uint32_t low = (uint32_t)bits;
    double f64;
    float f32;
    memcpy(&f64, &bits, sizeof f64);
    memcpy(&f32, &low, sizeof f32);
    int digits = -1;
    do
        decimal_scientific(wide ? f64 : (double)f32, ++digits, text);
    while (digits < 16 && number_parse_float(text, wide, &again) && again != bits);
    return digits;
}

void number_float_text(uint64_t bits, bool wide, char out[NUMBER_TEXT])
{
    char text[DECIMAL_TEXT], *at = text;
    const uint64_t sign = (uint64_t)1 << (wide ? 63 : 31);
    const uint64_t infinity = wide ? (uint64_t)0x7FF << 52 : (uint64_t)0xFF << 23;
    if ((bits & ~sign) >= infinity) {
        snprintf(out, NUMBER_TEXT, "%s",
                 (bits & ~sign) > infinity ? "NaN"
                 : bits & sign             ? "-inf"
                                           : "inf");
        return;
    }
    int digits = shortest(bits, wide, text);
    if (*at == '-')
        *out++ = *at++;
    long point, last; /* the place of the last digit before it */
    exponent_digits(strchr(at, 'e') + 1, &point);
    last = point > digits ? point : digits;
    for (long i = point < 0 ? point : 0; i <= last; i++) {
        *out++ = i < 0 || i > digits ? '0' : at[i + (i > 0)];
        if (i == point && i < last)
            *out++ = '.';
    }
    *out = 0;
}

bool number_whole(const char *text, uint64_t *value, const char **rest)
{
    *rest = text;
    return number_digits(rest, 10, value);
}

/* The digits after a decimal point, of `unit`. */
static uint64_t parse_decimals(const char *at, uint64_t unit)
{
    uint64_t value = 0;
    for (uint64_t weight = unit / 10; *at >= '0' && *at <= '9'; weight /= 10)
        value += weight * (uint64_t)(*at++ - '0');
    return value;
}

bool duration_parse(const char *text, uint64_t *value)
{
    static const struct {
        const char *name;
        uint64_t nanoseconds;
    } units[] = {{"", 1000000000}, {"s", 1000000000},   {"ms", 1000000},      {"us", 1000},
                 {"ns", 1},        {"m", 60000000000u}, {"h", 3600000000000u}};
    const char *rest, *decimals;
    uint64_t whole;
    if (!number_whole(text, &whole, &rest))
        return false;
    decimals = *rest == '.' ? rest + 1 : NULL;
    const char *unit = decimals ? decimals : rest;
    while (decimals && *unit >= '0' && *unit <= '9')
        unit++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0 && whole < INT64_MAX / units[i].nanoseconds) {
            *value = whole * units[i].nanoseconds;
            if (decimals)
                *value += parse_decimals(decimals, units[i].nanoseconds);
            return true;
        }
    return false;
}
