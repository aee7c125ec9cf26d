/* lowering.h - the state of lowering one function; internal to lower/.
 *
 * Lowering is one pass over the bytecode with a model of its operand stack. An operand that is a
 * constant or a local's value is not put anywhere until somebody needs it in a register: most
 * instructions take it from where it is. All others lie in the slot of their height, so every
 * operand's place is known at each instruction, and with it each site. */
#ifndef LOWER_LOWERING_H
#define LOWER_LOWERING_H

#include "lower/code.h"
#include "lower/technique.h"
#include "wasm/walk.h"

#define NONE UINT32_MAX

struct entry {
    valtype type;
    uint8_t place;  /* enum operand_place */
    uint32_t local; /* OPERAND_LOCAL */
    uint64_t bits;  /* OPERAND_CONST */
};

/* An operand that has been popped, with the height at which it stood. */
struct popped {
    struct entry entry;
    uint32_t height;
};

/* A block that has been entered. */
struct label {
    uint8_t opcode;  /* WASM_BLOCK, WASM_LOOP, WASM_IF, WASM_ELSE, or WASM_END for the function */
    uint32_t height; /* of the operand stack below the parameters */
    const valtype *params;
    uint32_t nparams;
    const valtype *results;
    uint32_t nresults;
    uint32_t loop;       /* register code of a loop's start */
    uint32_t fixups;     /* forward branches to the end: head of a list in lowering.fixups */
    uint32_t else_fixup; /* an `if`'s branch to its `else` */
};

/* A displacement that is not known yet. */
struct fixup {
    uint32_t instruction;
    uint32_t field;
    uint32_t next;
};

/* A condition, as the branch that it becomes. */
struct condition {
    uint32_t code;    /* a comparison's code, or CODE_BR_IF for a register */
    uint32_t negated; /* the same for the opposite */
    uint16_t a, b;
    uint32_t constant;
};

struct lowering {
    const struct module *module;
    const struct func *func;
    const struct functype *type;
    struct frame_layout frame;
    const struct binding *binding; /* NULL: addresses are left zero (sites only) */
    struct reader reader;          /* at the next instruction */
    uint32_t offset;               /* of the instruction that is being lowered */

    struct buffer *code;
    struct buffer entries; /* struct entry */
    struct buffer labels;  /* struct label */
    struct buffer fixups;  /* struct fixup */
    struct buffer places;  /* struct operand, for site visits */
    uint32_t height;
    valtype *local_types;
    uint32_t *aliases; /* for each local, how many entries stand for its value */
    bool unreachable;
    uint32_t last;      /* the last instruction when its A is a result, else NONE */
    uint32_t last_site; /* register code of the last loop or entry site */
    uint32_t scratch;   /* of a wide frame: how many scratch slots have been given out */
    uint32_t steady;    /* so many operands have not changed since the last site */

    site_visitor visit;
    void *context;
    bool stopped;                     /* the visitor wants no more */
    uint32_t position_code, position; /* lower_position: asked for, found */
    bool seeks;                       /* it: what comes behind is not wanted */
};

/* emit.c: operands and single instructions. */
static inline struct entry *entry_at(struct lowering *l, uint32_t height)
{
    return (struct entry *)(void *)l->entries.data + height;
}
static inline uint32_t slot_at(const struct lowering *l, uint32_t height)
{
    return l->frame.operands + height * SLOT_SIZE;
}
/* Where an operand that is no constant is. */
static inline uint32_t slot_of(const struct lowering *l, struct popped operand)
{
    return operand.entry.place == OPERAND_LOCAL ? frame_local(&l->frame, operand.entry.local)
                                                : slot_at(l, operand.height);
}
/* Only in a wide frame there are others. */
static inline bool is_near(uint32_t slot)
{
    return slot < REGISTERS * SLOT_SIZE;
}

/* Appends an instruction with everything but the code zero and returns it for filling in (a
 * scratch area when memory ran out). It is not a candidate for `last`. */
uint8_t *emit(struct lowering *l, uint32_t code);
static inline void field16(uint8_t *instruction, uint32_t at, uint32_t value)
{
    uint16_t half = (uint16_t)value;
    memcpy(instruction + at, &half, sizeof half);
}
static inline void field32(uint8_t *instruction, uint32_t at, uint32_t value)
{
    memcpy(instruction + at, &value, sizeof value);
}
void field_pointer(uint8_t *instruction, uint32_t at, const void *pointer);

void push(struct lowering *l, struct entry entry);
void push_constant(struct lowering *l, valtype type, uint64_t bits);
/* Pushes an operand that lies in its slot, and returns the slot. */
uint32_t push_slot(struct lowering *l, valtype type);
/* Pushes the result of the instruction just emitted, which has its register in A. */
void push_result(struct lowering *l, uint8_t *instruction, valtype type);
struct popped pop(struct lowering *l);
/* The register in which an operand is; a constant is put into its slot first. */
uint16_t in_register(struct lowering *l, struct popped operand);
/* The register from which on the `count` (at most 3) operands from the present height up are, which
 * lie in their slots. */
uint16_t in_row(struct lowering *l, uint32_t count);
/* Pushes the result that an instruction left in such a register. */
void push_from(struct lowering *l, uint16_t from, valtype type);
/* In a wide frame: what stands before a call or return. */
void emit_wide(struct lowering *l, enum code which, uint32_t base, uint32_t index);
/* Puts the entry at `height` into its own slot. */
void materialize(struct lowering *l, uint32_t height);
/* Everything, or the topmost `count`. */
void materialize_all(struct lowering *l);
void materialize_top(struct lowering *l, uint32_t count);
/* Copies the topmost `count` to where they are, the price of a convention that moves them, in a
 * build without what spares that. */
void copy_top(struct lowering *l, uint32_t count);
static inline void copy_unless(struct lowering *l, enum technique technique, uint32_t count)
{
    if (!uses(technique))
        copy_top(l, count);
}
/* Emits register := operand. */
void move_to(struct lowering *l, uint32_t to, struct popped operand);

void lower_local_get(struct lowering *l, uint32_t local);
void lower_local_set(struct lowering *l, uint32_t local, bool tee);
void lower_binary(struct lowering *l, uint32_t rr, bool has_rk, bool commutes, valtype result);
void lower_compare(struct lowering *l, uint32_t rr, uint32_t swapped_rr, bool has_rk);
void lower_unary(struct lowering *l, uint32_t code, valtype result);
void lower_load(struct lowering *l, uint32_t code, uint32_t offset, valtype result);
void lower_store(struct lowering *l, uint32_t code, uint32_t offset);
/* i32.wrap_i64: the low half of a slot is where an i32 would be; nothing is emitted. */
void lower_wrap(struct lowering *l);
void lower_eqz(struct lowering *l, bool is_64);

/* Pops a condition; a comparison that was just emitted for it is taken back into the branch. */
struct condition pop_condition(struct lowering *l);
/* Appends the branch for a condition (or its opposite) and returns its offset; `loop` selects the
 * form that costs fuel. The displacement is at *field. */
uint32_t emit_branch(struct lowering *l, const struct condition *condition, bool opposite,
                     bool loop, uint32_t *field);
bool code_is_compare(uint32_t code, uint32_t *negated);

/* control.c */
void enter_function(struct lowering *l);
void lower_block(struct lowering *l, const struct instruction *block);
void lower_else(struct lowering *l);
void lower_end(struct lowering *l);
void lower_br(struct lowering *l, uint32_t depth);
void lower_br_if(struct lowering *l, uint32_t depth);
void lower_br_table(struct lowering *l, const struct instruction *branch);
void lower_return(struct lowering *l);
void lower_call(struct lowering *l, uint32_t funcidx, bool tail);
void lower_call_indirect(struct lowering *l, uint32_t typeidx, uint32_t table, bool tail);
/* Tells the visitor, if there is one, of a site whose operands are the present ones. */
void visit_site(struct lowering *l, struct site site);
static inline uint32_t label_count(const struct lowering *l)
{
    return (uint32_t)(l->labels.size / sizeof(struct label));
}

#endif
