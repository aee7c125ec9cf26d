/* encode.h - writes the binary format: what wasm/reader.h reads. */
#ifndef SEAL_ENCODE_H
#define SEAL_ENCODE_H

#include "base/buffer.h"
#include "wasm/module.h"

/* A byte, of which sealing writes millions; an opcode among them. */
static inline void encode_op(struct buffer *buffer, uint8_t opcode)
{
    if (buffer->size < buffer->capacity)
        buffer->data[buffer->size++] = opcode;
    else
        buffer_put_u8(buffer, opcode);
}

/* LEB128, as short as it can be. */
void encode_u32(struct buffer *buffer, uint32_t value);
void encode_s32(struct buffer *buffer, int32_t value);
void encode_s64(struct buffer *buffer, int64_t value);

/* A vector of bytes: its size, then they. */
void encode_bytes(struct buffer *buffer, const void *data, size_t size);
void encode_name(struct buffer *buffer, const char *name);

/* A section with these contents. Nothing when there are none. */
void encode_section(struct buffer *buffer, uint8_t id, const struct buffer *contents);

/* 0 to 3: a reference is an i32. */
uint32_t type_class(valtype type);
/* Of the instructions that load and store a value of that type. */
uint8_t load_opcode(valtype type);
uint8_t store_opcode(valtype type);

/* An opcode of one byte with its immediate. */
void encode_op_u32(struct buffer *buffer, uint8_t opcode, uint32_t immediate);
void encode_i32_const(struct buffer *buffer, uint32_t value);
/* memory.copy and memory.fill, of these memories. */
void encode_copy(struct buffer *buffer, uint8_t to, uint8_t from);
void encode_fill(struct buffer *buffer, uint8_t memory);
/* Which of the two `opcode` is, inside one memory. */
void encode_bulk(struct buffer *buffer, uint32_t opcode, uint8_t memory);

#endif
