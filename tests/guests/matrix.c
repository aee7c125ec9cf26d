// matrix N: the product of two N by N matrices of doubles (default 100), and of integers: nested
// loops over arrays.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFINE_PRODUCT(name, type)                                                                \
    __attribute__((noinline)) static void name(type *c, const type *a, const type *b, unsigned n) \
    {                                                                                             \
        for (unsigned i = 0; i < n; i++)                                                          \
            for (unsigned j = 0; j < n; j++) {                                                    \
                type sum = 0;                                                                     \
                for (unsigned k = 0; k < n; k++)                                                  \
                    sum += a[i * n + k] * b[k * n + j];                                           \
                c[i * n + j] = sum;                                                               \
            }                                                                                     \
    }
DEFINE_PRODUCT(product_of_doubles, double)
DEFINE_PRODUCT(product_of_integers, uint32_t)

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100;
    size_t count = (size_t)n * n;
    double *doubles = malloc(3 * count * sizeof *doubles);
    uint32_t *integers = malloc(3 * count * sizeof *integers);
    if (!doubles || !integers) {
        fprintf(stderr, "matrix: no memory for matrices of %u by %u\n", n, n);
        return 1;
    }
    for (size_t i = 0; i < 2 * count; i++) {
        doubles[i] = (double)(i % 97) / 7;
        integers[i] = (uint32_t)(i * 2654435761u);
    }
    product_of_doubles(doubles + 2 * count, doubles, doubles + count, n);
    product_of_integers(integers + 2 * count, integers, integers + count, n);
    double trace = 0;
    uint32_t hash = 0;
    for (unsigned i = 0; i < n; i++) {
        trace += doubles[2 * count + i * (n + 1)];
        hash = hash * 31 + integers[2 * count + i * (n + 1)];
    }
    printf("%u by %u: trace %.6f, hash %08x\n", n, n, trace, hash);
    return 0;
}
