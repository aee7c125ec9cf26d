/* block.h - what is done to every block of a guest's memory; internal to state/. A guest stands
 * still while it is done: compiled for speed, and apart from what is not. */
#ifndef STATE_BLOCK_H
#define STATE_BLOCK_H

#include <stdbool.h>

#include "state/format.h"

bool block_is_zero(const uint8_t block[BLOCK_SIZE]);

/* The XXH3-64 of the block, or 1 for 0. */
uint64_t block_hash(const uint8_t block[BLOCK_SIZE]);

#endif
