/* validator.h - the state of the validation algorithm; internal to validate.c, instructions.c and
 * validator.c. (Specification, Appendix, Validation Algorithm.)
 *
 *      controls    │ body │ block │ loop │         one for each open block; `top` is the innermost
 *                      │       │       │ height
 *      operands    │ i32   i32 │ i64 │ f32 f64 │   a byte for each value: its type, or UNKNOWN
 *                                              ▲   where unreachable code leaves it open
 *                                              height
 */
#ifndef WASM_VALIDATOR_H
#define WASM_VALIDATOR_H

#include "base/buffer.h"
#include "wasm/decoding.h"
#include "wasm/walk.h"

#define UNKNOWN 0

/* A call or a block can push 1,000 values with two bytes of code: this bounds the memory. */
#define OPERANDS_MAX 1000000u
#define LOCALS_MAX   50000u

/* Locals up to this one are looked up in an array, those above it in the runs of the declaration:
 * five bytes can declare 50,000 locals, and time must not depend on that. */
#define NEAR_LOCALS 128u

struct control {
    const struct functype *type;
    uint32_t height; /* of the operand stack below the block's parameters */
    uint8_t opcode;  /* WASM_BLOCK, WASM_LOOP, WASM_IF, WASM_ELSE; WASM_END: the body itself */
    bool unreachable;
};

/* A run of equal declared locals: those below `end` that are in no run before it. */
struct local_run {
    uint32_t end;
    valtype type;
};

/* An instruction whose types do not depend on its context, unpacked from opcodes.def. */
struct plain {
    valtype params[3];
    uint8_t nparams;
    valtype result; /* UNKNOWN: none */
};

struct validator {
    struct decoding *d;
    struct module *module;
    struct reader *reader;
    struct instruction instruction;

    valtype *operands;
    uint32_t height, capacity, max_operands;
    struct control *controls, *top;
    uint32_t ncontrols, controls_capacity;

    const struct functype *type; /* of the function */
    uint32_t nlocals;
    valtype near_locals[NEAR_LOCALS];
    struct buffer runs; /* struct local_run */

    struct plain plains[OPCODES + 1];
};

/* Errors at the instruction; each returns false. */
bool validate_mismatch(struct validator *v, valtype expected, valtype found);

static inline bool validate_invalid(struct validator *v, const char *message)
{
    return fail(v->reader, v->instruction.start, ERROR_INVALID, message);
}

static inline bool validate_unknown(struct validator *v, const char *what, uint32_t index)
{
    fail_unknown(v->reader, v->instruction.start, what, index);
    return false;
}

/* The function type of a block that takes nothing and leaves one value, or none (UNKNOWN). */
const struct functype *block_of(valtype result);

/* Operands. These are the appendix' push_val, pop_val, push_vals, pop_vals. */
bool operands_grow(struct validator *v, uint32_t count);
bool pop_from_empty(struct validator *v);
bool pop_types(struct validator *v, const valtype *types, uint32_t count);
bool push_types(struct validator *v, const valtype *types, uint32_t count);
/* Checks the topmost operands against `types` without taking them off. */
bool check_types(struct validator *v, const valtype *types, uint32_t count);

static inline bool push(struct validator *v, valtype type)
{
    if (v->height == v->capacity && !operands_grow(v, 1))
        return false;
    v->operands[v->height++] = type;
    if (v->height > v->max_operands)
        v->max_operands = v->height;
    return true;
}

static inline bool pop_any(struct validator *v, valtype *type)
{
    if (v->height == v->top->height) {
        *type = UNKNOWN;
        return v->top->unreachable || pop_from_empty(v);
    }
    *type = v->operands[--v->height];
    return true;
}

static inline bool pop(struct validator *v, valtype expected)
{
    valtype type;
    if (!pop_any(v, &type))
        return false;
    return type == expected || type == UNKNOWN || validate_mismatch(v, expected, type);
}

/* Blocks: push_ctrl, pop_ctrl, label_types and unreachable of the appendix. */
bool push_control(struct validator *v, enum opcode opcode, const struct functype *type);
bool pop_control(struct validator *v, struct control *control);
const valtype *label_types(const struct control *control, uint32_t *count);

static inline void set_unreachable(struct validator *v)
{
    v->height = v->top->height;
    v->top->unreachable = true;
}

/* The type of a local that exists. */
valtype local_type(const struct validator *v, uint32_t index);

/* Validates the instruction that has been read. */
bool validate_instruction(struct validator *v);

#endif
