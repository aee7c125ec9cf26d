/* buffer.h - a growable run of bytes and the little-endian numbers in it.
 *
 * Everything that is written to a file goes through these functions, so that a file is the same
 * on every CPU: fixed widths, little-endian, no padding. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    uint8_t *data; /* owned; freed by buffer_free */
    size_t size;
    size_t capacity;
    bool failed; /* memory ran out: later writes are ignored, so one check at the end is enough */
};

void buffer_free(struct buffer *buffer);

/* Makes room for `size` more bytes at the end, not initialised, and returns them, or NULL when
 * memory ran out. */
uint8_t *buffer_extend(struct buffer *buffer, size_t size);

void buffer_put(struct buffer *buffer, const void *data, size_t size);
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u16(struct buffer *buffer, uint16_t value);
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
/* Unsigned LEB128. */
void buffer_put_leb(struct buffer *buffer, uint64_t value);

/* Little-endian loads and stores at any alignment, on any CPU. */
static inline uint16_t get_le16(const void *at)
{
    const uint8_t *b = at;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t get_le32(const void *at)
{
    const uint8_t *b = at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t get_le64(const void *at)
{
    const uint8_t *b = at;
    return get_le32(b) | (uint64_t)get_le32(b + 4) << 32;
}

static inline void put_le16(void *at, uint16_t value)
{
    uint8_t *b = at;
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
}

static inline void put_le32(void *at, uint32_t value)
{
    put_le16(at, (uint16_t)value);
    put_le16((uint8_t *)at + 2, (uint16_t)(value >> 16));
}

static inline void put_le64(void *at, uint64_t value)
{
    put_le32(at, (uint32_t)value);
    put_le32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

#endif
