/* pack.h - a block of memory without its zeros; internal to state/. Word for word of 8 bytes:
 *
 *     00 n               n + 1 words of zeros
 *     FF n │ words       a word without a zero byte, and n with one at most
 *     tag │ 1 to 7 bytes any other: bit i of the tag says that its byte i follows, and is not zero
 *
 * Runs are as long as can be. */
#ifndef STATE_PACK_H
#define STATE_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "state/format.h"

enum { PACKED_ZEROS = 0x00, PACKED_WHOLE = 0xFF };
#define PACKED_ROOM (BLOCK_SIZE + 512u)
/* Returns the size. */
size_t block_pack(const uint8_t block[BLOCK_SIZE], uint8_t packed[PACKED_ROOM]);

/* The other way: how many of the `size` bytes were the block; 0 when it is not well formed. */
size_t block_unpack(const uint8_t *packed, size_t size, uint8_t block[BLOCK_SIZE]);

/* That packing it is not worth the time, by a look at a few of its words. */
bool block_is_dense(const uint8_t block[BLOCK_SIZE]);

#endif
