#include "wasm/opcodes.h"

#include <stddef.h>

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
