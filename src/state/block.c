#include "state/block.h"

#include <string.h>

#define XXH_INLINE_ALL
#include "xxhash.h"

bool block_is_zero(const uint8_t block[BLOCK_SIZE])
{
    uint64_t all = 0, words[8];
    for (uint32_t i = 0; i < BLOCK_SIZE; i += sizeof words) {
        memcpy(words, block + i, sizeof words);
        for (unsigned j = 0; j < 8; j++)
            all |= words[j];
        if (any_bit(all))
            return false;
    }
    return true;
}

/* The size is known, so that the compiler leaves the library's other ways out. */
uint64_t block_hash(const uint8_t block[BLOCK_SIZE])
{
    uint64_t hash = XXH3_64bits(block, BLOCK_SIZE);
    return hash ? hash : 1;
}
