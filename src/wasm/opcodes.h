/* opcodes.h - the instruction set as an enum and as tables, generated from opcodes.def. */
#ifndef WASM_OPCODES_H
#define WASM_OPCODES_H

#include <stdint.h>

/* What follows an opcode in the binary format (specification, Instructions). All indices and
 * lengths are LEB128. */
enum immediates {
    IMM_NONE,
    IMM_BLOCK,         /* block type: one byte or a signed 33-bit type index */
    IMM_LABEL,         /* label index */
    IMM_LABELS,        /* vector of label indices, then the default one */
    IMM_FUNC,          /* function index */
    IMM_TYPE_TABLE,    /* type index, table index */
    IMM_TYPES,         /* vector of value types */
    IMM_LOCAL,         /* local index */
    IMM_GLOBAL,        /* global index */
    IMM_TABLE,         /* table index */
    IMM_TABLE_TABLE,   /* destination table, source table */
    IMM_ELEM_TABLE,    /* element segment, table */
    IMM_ELEM,          /* element segment */
    IMM_MEMARG,        /* log2 of the alignment, offset */
    IMM_MEMORY,        /* memory index (a zero byte) */
    IMM_MEMORY_MEMORY, /* two of them */
    IMM_DATA_MEMORY,   /* data segment, memory index */
    IMM_DATA,          /* data segment */
    IMM_I32,           /* signed 32-bit */
    IMM_I64,           /* signed 64-bit */
    IMM_F32,           /* four bytes */
    IMM_F64,           /* eight bytes */
    IMM_REFTYPE        /* reference type */
};

enum opcode {
#define OPCODE(name, text, code, immediates, signature) WASM_##name = (code),
#include "wasm/opcodes.def"
#undef OPCODE
};

struct opcode_info {
    const char *text;      /* as in the text format; NULL: not an instruction */
    const char *signature; /* as in opcodes.def */
    uint8_t immediates;    /* enum immediates */
};

/* The description of `opcode` (0xFC00 + n for the prefixed ones), or NULL when there is none. */
const struct opcode_info *opcode_info(uint32_t opcode);

/* For code that has been validated: reads an opcode; moves behind its immediates. */
uint32_t opcode_read(const uint8_t **at);
void immediates_skip(const uint8_t **at, uint32_t immediates);

#endif
