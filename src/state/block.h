/* block.h - what is done to every block of a guest's memory; internal to state/. A guest stands
 * still while it is done: compiled for speed, and apart from what is not. */
#ifndef STATE_BLOCK_H
#define STATE_BLOCK_H

#include <stdbool.h>

#include "state/format.h"

/* Whether `bits` is not 0. As a whole it is not compared: the compiler of the host wamr then looks
 * at the lower half only (docs/hosts.md). */
static inline bool any_bit(uint64_t bits)
{
    return ((uint32_t)bits | (uint32_t)(bits >> 32)) != 0;
}

bool block_is_zero(const uint8_t block[BLOCK_SIZE]);

/* The XXH3-64 of the block, or 1 for 0. */
uint64_t block_hash(const uint8_t block[BLOCK_SIZE]);

#endif
