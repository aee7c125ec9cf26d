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
    uint32_t integers = 1; /* LEB128 */
    switch (immediates) {
    case IMM_NONE: return;
    case IMM_F32: *at += 4; return;
    case IMM_F64: *at += 8; return;
    case IMM_REFTYPE: *at += 1; return;
    case IMM_TYPES: {
        uint32_t size = leb_u32(at);
        *at += size;
        return;
    }
    case IMM_LABELS: integers = leb_u32(at) + 1; break;
    case IMM_TYPE_TABLE:
    case IMM_TABLE_TABLE:
    case IMM_ELEM_TABLE:
    case IMM_MEMARG:
    case IMM_MEMORY_MEMORY:
    case IMM_DATA_MEMORY: integers = 2; break;
    default: break;
    }
    while (integers--)
        while (*(*at)++ & 0x80)
            ;
}
