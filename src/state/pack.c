/* pack.c - a block without its zeros. */
#include "state/pack.h"

#include "base/buffer.h"
#include "state/block.h"

/* 0x80 for each byte that is zero. */
static uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
    return ~(((word & low) + low) | word | low);
}

/* Bit i: byte i is not zero. So it needs no comparison of 64 bits (block.h). */
static uint8_t tag_of(uint64_t word)
{
    uint64_t present = zero_bytes(word) >> 7 ^ 0x0101010101010101u;
    return (uint8_t)(present * 0x0102040810204080u >> 56);
}

static bool is_whole(uint64_t word)
{
    uint64_t zeros = zero_bytes(word);
    return !any_bit(zeros & (zeros - 1));
}

bool block_is_dense(const uint8_t block[BLOCK_SIZE])
{
    for (uint32_t i = 0; i < BLOCK_SIZE; i += 256)
        if (!is_whole(get_le64(block + i)))
            return false;
    return true;
}

static bool is_zero(const uint8_t word[8])
{
    return (get_le32(word) | get_le32(word + 4)) == 0;
}

static uint8_t *put_mixed(uint8_t *to, uint8_t tag, uint64_t word)
{
    *to++ = tag;
    for (uint32_t left = tag; left; left &= left - 1)
        *to++ = (uint8_t)(word >> 8 * __builtin_ctz(left));
    return to;
}

size_t block_pack(const uint8_t block[BLOCK_SIZE], uint8_t packed[PACKED_ROOM])
{
    const uint8_t *at = block, *end = block + BLOCK_SIZE;
    uint8_t *to = packed;
    while (at < end) {
        uint64_t word = get_le64(at);
        uint8_t tag = tag_of(word);
        if (tag != PACKED_ZEROS && tag != PACKED_WHOLE) {
            to = put_mixed(to, tag, word);
            at += 8;
            continue;
        }
        const uint8_t *start = at;
        const uint8_t *most = end - at < 256 * 8 ? end : at + 256 * 8;
        do
            at += 8;
        while (at < most && (tag == PACKED_ZEROS ? is_zero(at) : is_whole(get_le64(at))));
        *to++ = tag;
        *to++ = (uint8_t)((at - start) / 8 - 1);
        if (tag == PACKED_WHOLE) {
            memcpy(to, start, (size_t)(at - start));
            to += at - start;
        }
    }
    return (size_t)(to - packed);
}

size_t block_unpack(const uint8_t *packed, size_t size, uint8_t block[BLOCK_SIZE])
{
    const uint8_t *at = packed, *end = packed + size;
    memset(block, 0, BLOCK_SIZE);
    for (size_t word = 0, count; word < BLOCK_SIZE / 8; word += count) {
        if (end - at < 2)
            return 0;
        uint8_t tag = *at++;
        count = tag == PACKED_ZEROS || tag == PACKED_WHOLE ? *at++ + 1u : 1;
        if (count > BLOCK_SIZE / 8 - word)
            return 0;
        if (tag == PACKED_WHOLE) {
            if (count * 8 > (size_t)(end - at))
                return 0;
            memcpy(block + word * 8, at, count * 8);
            at += count * 8;
            continue;
        }
        for (uint8_t *to = block + word * 8; tag; tag >>= 1, to++)
            if (tag & 1) {
                if (at == end)
                    return 0;
                *to = *at++;
            }
    }
    return (size_t)(at - packed);
}
