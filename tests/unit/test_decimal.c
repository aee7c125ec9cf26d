/* test_decimal.c - floats as text: what this machine's printf writes. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "check.h"

static void compare(double value)
{
    char got[DECIMAL_TEXT], wanted[DECIMAL_TEXT];
    decimal_general(value, got);
    snprintf(wanted, sizeof wanted, "%g", value);
    check_text(got, wanted, "%g");
    for (int digits = 0; digits <= 16 && isfinite(value); digits++) {
        decimal_scientific(value, digits, got);
        snprintf(wanted, sizeof wanted, "%.*e", digits, value);
        check_text(got, wanted, "%.*e");
    }
}

int main(void)
{
    static const double some[] = {0,         -0.0,        1,         9.9999995,     999999.5,
                                  999999.4,  0.0001,      0.0000999, 0.00009999995, 0.5,
                                  2.5,       3.5,         100000,    1000000,       12345.65,
                                  0x1p-1074, 0x1p-1022,   0x1p1023,  INFINITY,      -INFINITY,
                                  NAN,       0x1.8p-1073, 1e22,      1e23,          -7e-10};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        compare(some[i]);
    uint64_t bits = 88172645463325252;
    for (int i = 0; i < 300; i++) {
        double value;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (!isnan(value)) /* whose sign is each printf's own */
            compare(value);
        compare((double)(bits >> 40) / 1024);
    }
    return checks_end();
}
