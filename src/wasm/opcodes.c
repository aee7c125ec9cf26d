#include "wasm/opcodes.h"

#include <stddef.h>

#include "wasm/reader.h"

#define SINGLE   0x100
#define PREFIXED 0x12

/* The one-byte opcodes, then those with the prefix 0xFC. */
static const struct opcode_info infos[SINGLE + PREFIXED] = {
#define OPCODE(name, text, code, immediates, signature) \
    [(code) < SINGLE ? (code) : SINGLE + ((code) & 0xFF)] = {text, signature, IMM_##immediates},
#include "wasm/opcodes.def"
#undef OPCODE
};

const struct opcode_info *opcode_info(uint32_t opcode)
{
    uint32_t index = opcode;
    if (opcode >= SINGLE) {
        if (opcode < 0xFC00 || opcode >= 0xFC00 + PREFIXED)
            return NULL;
        index = SINGLE + (opcode - 0xFC00);
    }
    return infos[index].text ? &infos[index] : NULL;
}

uint32_t opcode_read(const uint8_t **at)
{
    uint32_t opcode = *(*at)++;
    return opcode == 0xFC ? 0xFC00 + leb_u32(at) : opcode;
}

void immediates_skip(const uint8_t **at, uint32_t immediates)
{
    switch (immediates) {
    case IMM_BLOCK:
    case IMM_I32:
    case IMM_I64: leb_s64(at); break;
    case IMM_F32: *at += 4; break;
    case IMM_F64: *at += 8; break;
    case IMM_REFTYPE: *at += 1; break;
    case IMM_TYPES: *at += leb_u32(at); break;
    case IMM_LABELS:
        for (uint32_t count = leb_u32(at) + 1; count--;)
            leb_u32(at);
        break;
    case IMM_TYPE_TABLE:
    case IMM_TABLE_TABLE:
    case IMM_ELEM_TABLE:
    case IMM_MEMARG:
    case IMM_MEMORY_MEMORY:
    case IMM_DATA_MEMORY:
        leb_u32(at);
        leb_u32(at);
        break;
    case IMM_NONE: break;
    default: leb_u32(at);
    }
}
