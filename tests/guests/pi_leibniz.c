// pi_leibniz N: pi by N terms (default 1000000) of Leibniz's series: one hot loop on floats.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint32_t terms = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    double sum = 0, sign = 1;
    for (uint32_t i = 0; i < terms; i++) {
        sum += sign / (2.0 * i + 1.0);
        sign = -sign;
    }
    printf("pi = %.15f after %u terms\n", 4 * sum, (unsigned)terms);
    return 0;
}
