/* lower/ - from bytecode to register code, one function at a time. Uses wasm/ and base/.
 *
 * code.h - the register code: its instructions' layouts and the frame that they work on.
 *
 * An instruction is a run of 16-bit and 32-bit fields, 4-aligned, in the CPU's own byte order: it
 * never leaves the process. A register is the offset in bytes of a slot in the frame, so that the
 * interpreter adds it to the frame pointer and is there.
 *
 *      byte 0      2      4      6      8           12
 *     ┌──────┬──────┬──────┬──────┐
 *     │ code │  A   │  B   │  C   │                            A := B op C; select: + D at 8
 *     ├──────┼──────┼──────┼──────┼───────────┐
 *     │ code │  A   │  B   │      │ constant  │                A := B op constant
 *     ├──────┼──────┼──────┼──────┼───────────┘
 *     │ code │  A   │  B   │ end  │                            A := memory[B + offset]; to B + end
 *     ├──────┼──────┼──────┼──────┼───────────┐
 *     │ code │  A   │  B   │      │  offset   │                _FAR: an end above 65,535
 *     ├──────┼──────┼──────┴──────┼───────────┘
 *     │ code │  A   │     end     │                            _ABS: the address is a constant
 *     ├──────┼──────┼──────┬──────┼───────────┐
 *     │ code │  A   │  B   │      │displacem. │                branch if A op B
 *     ├──────┼──────┼──────┴──────┼───────────┤
 *     │ code │  A   │  constant   │displacem. │                branch if A op constant
 *     ├──────┼──────┼─────────────┼───────────┘
 *     │ code │  A   │displacement │                            br, br_if, br_unless
 *     ├──────┼──────┼─────────────┼───────────┬───
 *     │ code │  A   │   count n   │displacem. │ ... n + 1      br_table; the last is the default
 *     ├──────┼──────┼─────────────┴──────┐
 *     │ code │ base │ callee's code      │                     call; the callee's frame is at base
 *     ├──────┼──────┼─────────────┬──────┘
 *     │ code │  A   │    slot     │                           wide_get, wide_put: A := slot, slot := A
 *     ├──────┼──────┼─────────────┼───────────┬───────────┐
 *     │ code │which │    base     │ B or count│   link    │   wide: the call or return behind it
 *     └──────┴──────┴─────────────┴───────────┴───────────┘
 *
 * A displacement counts from the instruction's first byte. An end is the offset and what the access
 * takes: that is what has to be within the memory.
 *
 * A frame, each slot 8 bytes; `locals` includes the parameters:
 *
 *     │ locals ...              │ link │ operands ...                     │
 *     fp                        fp + link
 *                                            │ locals ... │ link │ ...
 *                                            the callee's frame: its parameters are the caller's
 *                                            operands, and its results come to stand there
 *
 * A wide frame has more slots than 16 bits reach. What lies beyond is copied to scratch slots, which
 * are within reach, and from there; calls and returns have their registers in a `wide` before them,
 * which leaves the loop. Its slots are what they are in any frame but for:
 *
 *     │ locals ... (8,000) │ scratch │ locals ... │ link │ operands ...
 */
#ifndef LOWER_CODE_H
#define LOWER_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "lower/notes.h"
#include "wasm/module.h"

/* A fused instruction is named after its line in fused.def: CODE_FUSED_57, code_FUSED_57. */
#define AT_LINE_(prefix, line) prefix##line
#define AT_LINE(prefix, line)  AT_LINE_(prefix, line)

enum code {
    CODE_NONE, /* in WebAssembly a function's address is never 0, and a code is one (exec/tail.c) */
#define FUSED(parts) AT_LINE(CODE_FUSED_, __LINE__),
#include "lower/generated/fused.def"
#define FORM(name, length, kind) CODE_##name,
#include "lower/forms.def"
    CODE_COUNT
};

/* Lengths in bytes. */
enum {
#define FORM(name, length, kind) LENGTH_##name = (length),
#include "lower/forms.def"
};

/* How a part hands on its result (fused.def): whether it is not written to its register. */
enum { PASSES_kept = false, PASSES_passed = true };

/* What a call leaves in the callee's frame. */
struct link {
    const uint8_t *pc; /* where the caller goes on */
    uint32_t delta;    /* callee's fp - caller's fp */
};

#define SLOT_SIZE 8u
/* More than a link takes where pointers have 32 bits: a frame has one size on every CPU, and so a
 * stack the same depth. */
#define LINK_SLOTS 2u
/* Slots that 16-bit offsets reach. A build of the tests has two: nearly all frames are wide. */
#ifndef REGISTERS
#    define REGISTERS (65536u / SLOT_SIZE)
#endif
/* Of a wide frame: for three operands of an instruction, and for what is copied. */
#define SCRATCH_SLOTS 4u

/* Where a function's frame has what. */
struct frame_layout {
    uint32_t nlocals;
    uint32_t nparams;
    bool wide;
    uint32_t scratch;  /* of a wide one: offset in bytes of its scratch slots */
    uint32_t link;     /* offset in bytes */
    uint32_t operands; /* offset in bytes of the first operand */
    uint32_t size;     /* bytes */
};

struct frame_layout frame_layout(const struct module *module, uint32_t funcidx);

/* The offset in bytes of a local. */
uint32_t frame_local(const struct frame_layout *layout, uint32_t local);

/* The addresses that go into register code. */
struct binding {
    const void *functions;     /* the whole index space; first in each, where its code begins */
    uint32_t function_size;    /* bytes of one of them */
    void *const *globals;      /* address of each global */
    const uint8_t *signatures; /* signatures + n stands for canonical type n (call_indirect) */
};

/* Lowers one function of a valid module. Appends to `code`, which must be empty, and notes its
 * sites. Fails only when memory runs out. */
bool lower_function(const struct module *module, uint32_t funcidx, const struct binding *binding,
                    struct buffer *code, struct site_notes *notes, struct error *error);

/* The bytecode offset of the instruction that the register code at `code_offset` came from. */
uint32_t lower_position(const struct module *module, uint32_t funcidx, uint32_t code_offset);

/* Writes the types of a function's locals, parameters first: func.nlocals of them. */
void lower_local_types(const struct module *module, uint32_t funcidx, valtype *types);

/* Joins instructions of a whole function's code that follow each other into fused ones (fused.def).
 * Only first fields change: offsets stay what they were, and every instruction can still be entered
 * by itself. `operands` is the frame's, from which on slots are temporary. */
void fuse_function(uint8_t *code, uint32_t size, uint32_t operands);

/* Length in bytes of one that is not fused; br_table adds 4 for each displacement. */
uint32_t code_length(enum code code);

/* Whether it is one of those that may be parts of fused ones and writes register A. */
bool code_has_result(enum code code);

#endif
