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

/* An opcode is its prefix, or 0, and its number. */
#define OPCODE_OF(prefix, number) ((uint32_t)(prefix) << 16 | (number))

enum opcode {
#define OPCODE(name, text, prefix, number, immediates, signature) \
    WASM_##name = OPCODE_OF(prefix, number),
#include "wasm/opcodes.def"
};

struct opcode_info {
    const char *text;      /* as in the text format; NULL: not an instruction */
    const char *signature; /* as in opcodes.def */
    uint8_t immediates;    /* enum immediates */
};

/* The numbers 0 to OPCODES - 1 for what may be an opcode; OPCODES for what is none. */
#define OPCODES_SINGLE   0x100u
#define OPCODES_PREFIXED 0x12u
#define OPCODES          (OPCODES_SINGLE + OPCODES_PREFIXED)
static inline uint32_t opcode_index(uint32_t opcode)
{
    if (opcode < OPCODES_SINGLE)
        return opcode;
    uint32_t number = opcode - OPCODE_OF(0xFC, 0);
    return number < OPCODES_PREFIXED ? OPCODES_SINGLE + number : OPCODES;
}

/* The description of an instruction; `text` is NULL when there is none. */
extern const struct opcode_info opcode_infos[OPCODES + 1];
static inline const struct opcode_info *opcode_info(uint32_t opcode)
{
    return &opcode_infos[opcode_index(opcode)];
}

#endif
