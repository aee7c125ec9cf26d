#include "base/buffer.h"

#include <stdlib.h>

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
    if (buffer->failed)
        return NULL;
    if (size > buffer->capacity - buffer->size) {
        size_t capacity = buffer->capacity + buffer->capacity / 2;
        if (capacity < buffer->size + size)
            capacity = buffer->size + size;
        if (capacity < 64)
            capacity = 64;
        uint8_t *data = capacity > buffer->size ? realloc(buffer->data, capacity) : NULL;
        if (!data) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    uint8_t *at = buffer->data + buffer->size;
    buffer->size += size;
    return at;
}

void buffer_put(struct buffer *buffer, const void *data, size_t size)
{
    uint8_t *at = size ? buffer_extend(buffer, size) : NULL;
    if (at)
        memcpy(at, data, size);
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    buffer_put(buffer, &value, 1);
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    uint8_t bytes[2];
    put_le16(bytes, value);
    buffer_put(buffer, bytes, sizeof bytes);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    uint8_t bytes[4];
    put_le32(bytes, value);
    buffer_put(buffer, bytes, sizeof bytes);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];
    put_le64(bytes, value);
    buffer_put(buffer, bytes, sizeof bytes);
}

void buffer_put_leb(struct buffer *buffer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buffer_put_u8(buffer, (uint8_t)(value | 0x80));
    buffer_put_u8(buffer, (uint8_t)value);
}
