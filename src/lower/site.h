/* site.h - safepoints: the places in the bytecode at which a guest can be stopped, and where in a
 * frame each value of the guest lies at that place.
 *
 * A site is a function of the bytecode alone. Register code is not: it may change with every
 * version of Yadokari. So the map between the two is stored in no file; lowering the function again
 * yields it (lower_sites). While a guest runs, it is noted (notes.h). */
#ifndef LOWER_SITE_H
#define LOWER_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "wasm/module.h"

/* The numbers stand in snapshots: never change one. */
enum site_kind {
    /* The function has been entered; nothing of its body has run. `offset` is that of its first
     * instruction. No operands. */
    SITE_ENTRY = 0,
    /* A branch back to a `loop` has been taken. `offset` is that of the `loop` opcode. The
     * operands are those at the start of the loop's body, its parameters included. */
    SITE_LOOP = 1,
    /* A call of a function of the guest that has not returned. `offset` is that of the call
     * instruction. The operands are without its arguments (and table index). */
    SITE_CALL = 2,
    /* A call of a host function that is about to be made (again). `offset` is that of the call
     * instruction. The operands are with its arguments (and table index). */
    SITE_HOST_CALL = 3
};

const char *site_kind_name(enum site_kind kind);

/* Where an operand is at a site. */
enum operand_place {
    OPERAND_SLOT,  /* in its own slot of the frame */
    OPERAND_LOCAL, /* it equals a local's present value, and has no slot of its own */
    OPERAND_CONST  /* it is a constant of the bytecode */
};

struct operand {
    valtype type;
    uint8_t place;  /* enum operand_place */
    uint32_t at;    /* OPERAND_SLOT: offset in the frame in bytes; OPERAND_LOCAL: the local */
    uint64_t value; /* OPERAND_CONST: the bits */
};

struct site {
    enum site_kind kind;
    uint32_t offset; /* byte offset in the module */
    uint32_t code;   /* offset in the register code at which execution goes on */
    uint32_t callee; /* of a direct call: the function index; otherwise UINT32_MAX */
    uint32_t type;   /* of a call: index of the callee's type */
    uint32_t noperands;
    uint32_t shared; /* so many of them, from the bottom up, are those of the site visited before */
    const struct operand *operands; /* from the bottom of the stack up; valid during the visit */
};

/* Returns false to end the enumeration. */
typedef bool (*site_visitor)(void *context, const struct site *site);

/* Visits every site of a function in the order of the bytecode. Unreachable code has none.
 * Fails only when memory runs out. */
bool lower_sites(const struct module *module, uint32_t funcidx, site_visitor visit, void *context,
                 struct error *error);

#endif
