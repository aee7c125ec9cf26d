/* walk.h - the one walker over bytecode: whoever looks at instructions reads them here, with their
 * immediates.
 *
 *     bytes ──walk_next──▶ struct instruction ──▶ validator, lower/, seal/
 *
 * In code that has not been validated it finds what is malformed and what is no instruction. What an
 * index means, and whether it is one of something, is the validator's. */
#ifndef WASM_WALK_H
#define WASM_WALK_H

#include "wasm/module.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

struct instruction {
    const uint8_t *start; /* its first byte */
    enum opcode opcode;
    valtype type; /* of a reference type, a typed select; of a block its result, 0: none */
    union {
        uint32_t index; /* the first or only one; the label of a branch */
        uint32_t align; /* of a memarg, as log2 */
        uint32_t count; /* of a vector */
    };
    union {
        uint32_t second; /* index */
        uint32_t offset; /* of a memarg */
    };
    union {
        uint64_t bits;         /* of a constant */
        int64_t block;         /* of a block type the type index; negative: see `type` */
        const uint8_t *labels; /* of a br_table, count + 1: read them by leb_u32 */
    };
};

/* Reads an instruction. False, with an error, at what is none: never in code that has been validated. */
bool walk_next(struct reader *reader, struct instruction *instruction);

/* For code that has been validated: its reader, from that offset in the module. */
static inline struct reader walk_from(const struct module *module, uint32_t offset)
{
    return (struct reader){module->bytes, module->bytes + offset, module->bytes + module->size,
                           NULL};
}
static inline struct reader walk_body(const struct module *module, const struct func *func)
{
    return (struct reader){module->bytes, module->bytes + func->code,
                           module->bytes + func->code_end, NULL};
}

/* By how many it changes the blocks that are open: 1, 0 or -1. */
int walk_depth(enum opcode opcode);

/* Passes over validated code that cannot be reached, up to the `else` or `end` of the block that it
 * is in. */
void walk_unreachable(struct reader *reader);

#endif
