// touch MB [ROUNDS]: fills MB megabytes with numbers, then adds them up ROUNDS times (default:
// until it is stopped), changing one word in each 256 KB. A guest with much memory, and a slow
// start.
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    size_t count = (argc > 1 ? strtoul(argv[1], NULL, 10) : 64) << 17;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ULONG_MAX;
    uint64_t *words = malloc(count * sizeof *words), state = 1, sum = 0;
    if (!words)
        return 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        words[i] = state;
    }
    for (unsigned long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++)
            sum += words[i] >> 32;
        for (size_t i = 0; i < count; i += 1 << 15)
            words[i] ^= sum;
    }
    printf("sum %016llx\n", (unsigned long long)sum);
    return 0;
}
