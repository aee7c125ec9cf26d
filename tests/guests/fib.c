// fib N: the N-th Fibonacci number (default 25) by plain recursion: nothing but calls.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static uint32_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 25;
    printf("fib(%u) = %u\n", (unsigned)n, (unsigned)fib(n));
    return 0;
}
