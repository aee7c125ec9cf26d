#include "wasm/opcodes.h"

/* The one-byte opcodes, then those with the prefix 0xFC, then one of none. */
const struct opcode_info opcode_infos[OPCODES + 1] = {
#define OPCODE(name, text, prefix, number, immediates, signature) \
    [(prefix) ? OPCODES_SINGLE + (number) : (number)] = {text, signature, IMM_##immediates},
#include "wasm/opcodes.def"
};
