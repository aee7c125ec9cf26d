#include "seal/encode.h"

#include "wasm/opcodes.h"

void encode_u32(struct buffer *buffer, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        encode_op(buffer, (uint8_t)(value | 0x80));
    encode_op(buffer, (uint8_t)value);
}

void encode_s64(struct buffer *buffer, int64_t value)
{
    for (;;) {
        uint8_t byte = (uint8_t)((uint64_t)value & 0x7F);
        value = value < 0 ? ~(~value >> 7) : value >> 7;
        if ((value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40))) {
            encode_op(buffer, byte);
            return;
        }
        encode_op(buffer, byte | 0x80);
    }
}

void encode_s32(struct buffer *buffer, int32_t value)
{
    encode_s64(buffer, value);
}

void encode_bytes(struct buffer *buffer, const void *data, size_t size)
{
    encode_u32(buffer, (uint32_t)size);
    buffer_put(buffer, data, size);
}

void encode_name(struct buffer *buffer, const char *name)
{
    encode_bytes(buffer, name, strlen(name));
}

void encode_section(struct buffer *buffer, uint8_t id, const struct buffer *contents)
{
    buffer->failed |= contents->failed;
    if (contents->size == 0)
        return;
    encode_op(buffer, id);
    encode_bytes(buffer, contents->data, contents->size);
}

void encode_op_u32(struct buffer *buffer, uint8_t opcode, uint32_t immediate)
{
    encode_op(buffer, opcode);
    encode_u32(buffer, immediate);
}

void encode_i32_const(struct buffer *buffer, uint32_t value)
{
    encode_op(buffer, WASM_I32_CONST);
    encode_s32(buffer, (int32_t)value);
}

void encode_copy(struct buffer *buffer, uint8_t to, uint8_t from)
{
    buffer_put(buffer, (const uint8_t[]){0xFC, WASM_MEMORY_COPY & 0xFF, to, from}, 4);
}

void encode_fill(struct buffer *buffer, uint8_t memory)
{
    buffer_put(buffer, (const uint8_t[]){0xFC, WASM_MEMORY_FILL & 0xFF, memory}, 3);
}

void encode_bulk(struct buffer *buffer, uint32_t opcode, uint8_t memory)
{
    if (opcode == WASM_MEMORY_COPY)
        encode_copy(buffer, memory, memory);
    else
        encode_fill(buffer, memory);
}

uint32_t type_class(valtype type)
{
    switch (type) {
    case TYPE_I64: return 1;
    case TYPE_F32: return 2;
    case TYPE_F64: return 3;
    default: return 0;
    }
}

uint8_t load_opcode(valtype type)
{
    static const uint8_t opcodes[] = {WASM_I32_LOAD, WASM_I64_LOAD, WASM_F32_LOAD, WASM_F64_LOAD};
    return opcodes[type_class(type)];
}

uint8_t store_opcode(valtype type)
{
    static const uint8_t opcodes[] = {WASM_I32_STORE, WASM_I64_STORE, WASM_F32_STORE,
                                      WASM_F64_STORE};
    return opcodes[type_class(type)];
}
