/* seal/ - the sealed tier: a guest becomes a module that any host runs at its own speed and that
 * can still be checkpointed. Uses lower/, wasm/ and base/, and of
 * wasi/ which imports can stop.
 *
 * seal.h - what the parts of the compiler share.
 *
 *     app.wasm ──▶ analysis.c  which functions can reach a poll, where polls stand
 *                  hot.c       a function as it usually runs
 *                  resume.c    a function that begins at any of its sites
 *                  linker.c    both, and the runtime (yadokari-sealed.wasm), as one module ──▶ app.sealed.wasm
 *
 * The sealed module's memory; every guest address gets memory_start added:
 *
 *     0                                                                        │ memory_start
 *     │ stack │ data │ heap │ the guest's module │ a snapshot (bake) │ a page    │ guest's memory, grows │
 *
 * The page belongs to hosts that keep a heap of their own behind what a module asks for
 * (host/wasi/memory.c): the module asks for memory up to the page, and the runtime grows it by the
 * page and the guest's memory.
 *
 * With multi_memory the guest's memory is memory 1, and nothing is added to its addresses.
 *
 * Its one table (hosts of 2017 have no second): the runtime's function pointers at their own
 * indices, one entry that is null, then every function of the guest that can be called indirectly.
 *
 * A frame that is unwound is a record of 8-byte slots in the runtime's memory:
 *
 *     dense, as hot code stores it:             the live locals by index │ from the bottom up the operands
 *                                               that have a slot of their own (OPERAND_SLOT in lower/site.h)
 *     full, as a resume copy loads and stores:  i32 site, i32 0 │ every local │ every operand
 *
 * A resume copy stores into a full record no more than what is live, in its place; the rest of it
 * is not defined.
 *
 * A site is named by its place in the order of lower_sites (lower/site.h). */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include "base/buffer.h"
#include "base/error.h"
#include "seal/live_sites.h"
#include "wasm/module.h"

struct seal_options {
    bool exact_fuel; /* poll and count at every safepoint, as the interpreter does: for tests */
    bool no_polls;   /* only to measure what polling costs */
    bool names;      /* keep the guest's function names */
    uint64_t heap;   /* bytes of the runtime's; 0: 16 MiB. A snapshot to be restored has to fit */
    /* What the host has beyond WebAssembly 1.0 (--features). */
    bool bulk_memory, tail_calls, sign_extension, saturating;
    bool multi_memory; /* the guest's memory is one of its own; implies bulk_memory */
};

/* A bit for each bool of it, in order. */
uint32_t seal_flags(const struct seal_options *options);

/* Loops count their rounds in a local and tell of STRIP at once. */
#define STRIP 1000

/* Functions that load one of so many slots of the record, and of so many types; that make one of so
 * many loads and stores of the guest, with an offset below that. */
enum { LOAD_SLOTS = 128, LOAD_TYPES = 4, ACCESS_OPCODES = 23, ACCESS_OFFSETS = 256 };

/* What the runtime module exports for sealed code; each is named "sealed_" and this.
 * NAME(name, parameters, results) in the letters of opcodes.def. */
/* clang-format off */
#define RUNTIME_FUNCTIONS(NAME)                                                                \
    /* The fuel is used up (zero, or below unless exact_fuel). Afterwards the fuel is          \
     * positive, or the result is not zero and the unwinding flag is set. */                   \
    NAME(poll, "", "i")                                                                        \
    /* A loop has gone around STRIP times: takes that from the fuel, and polls when it is      \
     * used up. */                                                                             \
    NAME(strip, "", "i")                                                                       \
    /* A call of imported function `funcidx`; arguments from index 0 of the slots at           \
     * sealed_values, results likewise. Afterwards the unwinding flag may be 2: then nothing   \
     * was done, and the caller's frame is at the site of a host call, its arguments among     \
     * its operands. The first push_frame makes it 1. */                                       \
    NAME(host_call, "i", "")                                                                   \
    /* Unwinding: room for the dense record of a frame at `siteidx` of `funcidx`; the          \
     * address behind it. */                                                                   \
    NAME(push_frame, "ii", "i")                                                                \
    /* The same for a full record; the address where it begins. */                             \
    NAME(push_full_frame, "ii", "i")                                                           \
    /* The site of the frame that goes on, the innermost. The address of its full record is    \
     * in the last slot; its callee, if it had one, has returned: results from index 0 of      \
     * the slots. */                                                                           \
    NAME(next_frame, "", "i")                                                                  \
    /* An instruction of the host's own moves so many bytes (execution_moved). */              \
    NAME(moved, "i", "")                                                                       \
    NAME(memory_grow, "i", "i")                                                                \
    NAME(memory_copy, "iii", "")                                                               \
    NAME(memory_fill, "iii", "")                                                               \
    NAME(memory_init, "iiii", "") /* segment, then as the instruction */                       \
    NAME(data_drop, "i", "")                                                                   \
    /* References are function indices, UINT32_MAX for null. The table's index comes first. */ \
    NAME(table_get, "ii", "i")                                                                 \
    /* What a call_indirect of table, index and type calls. */                                 \
    NAME(table_callee, "iii", "i")                                                             \
    NAME(table_set, "iii", "")                                                                 \
    NAME(table_size, "i", "i")                                                                 \
    NAME(table_grow, "iii", "i")  /* table, value, count */                                    \
    NAME(table_fill, "iiii", "")  /* table, index, value, count */                             \
    NAME(table_copy, "iiiii", "") /* to, from, then as the instruction */                      \
    NAME(table_init, "iiiii", "") /* table, segment, then as the instruction */                \
    NAME(elem_drop, "i", "")                                                                   \
    /* Ends the program with this trap (enum trap in exec/instance.h). Does not return. */     \
    NAME(trap, "i", "")
/* clang-format on */

enum runtime_function {
#define NAME(name, parameters, results) RUNTIME_##name,
    RUNTIME_FUNCTIONS(NAME)
#undef NAME
        RUNTIME_COUNT
};

/* Index spaces of the sealed module, as sealed code needs them. Made by linker.c, complete before the
 * first body is emitted. */
enum { RUNTIME_MEMORY, GUEST_MEMORY }; /* with multi_memory, else 0 is both */
struct plan {
    const struct module *guest;
    const struct seal_options *options;
    uint32_t memory_start;           /* a multiple of 64 KiB; with multi_memory 0 */
    uint32_t runtime[RUNTIME_COUNT]; /* functions */
    uint32_t values;                 /* address of sealed_values */
    const uint32_t *hot; /* by the guest's funcidx; for an import, a function that calls it */
    const uint32_t
        *resume; /* by the guest's funcidx; UINT32_MAX for an import. Every function has one: the
                    interpreter's snapshots stop at sites where sealed code never does */
    const uint32_t *globals; /* by the guest's globalidx */
    uint32_t fuel;           /* global, mutable i32 */
    uint32_t unwinding;      /* global, mutable i32: 0, 1, or 2: see host_call */
    /* call_indirect: table index of the guest's function f is table_base + f for hot copies (null
     * in between where f cannot be called so), and resume_base + f for resume copies. table_base -
     * 1 is null. */
    uint32_t table_base, resume_base;
    /* The guest's table 0 has the elements it was made with for ever: the function at guest index i
     * lies at fixed_table + i, and behind its last element there is none. Else (tables that
     * change): table_get. */
    bool table_is_fixed;
    uint32_t fixed_table, fixed_table_size;

    uint32_t *functypes, *resume_types; /* by the guest's typeidx: see plan_functype */
    uint32_t *referenced_types; /* by the sealed module's: the guest's, see plan_type_is_checked */
    struct buffer types;        /* encoded function types, interned by plan_type */
    uint32_t ntypes;
    struct buffer
        helpers; /* made as they are asked for: struct helper; functions from first_helper on */
    uint32_t first_helper;
    uint32_t (*loads)[LOAD_TYPES], (*accesses)[ACCESS_OFFSETS]; /* helpers, or 0 */
    struct sites sites; /* of one function, which has two copies: see plan_sites */
    uint32_t sites_of;  /* its index */
};

/* The sites of a function, until those of another are asked for. */
bool plan_sites(struct plan *plan, uint32_t funcidx, struct sites *sites, struct error *error);

/* The index of a function type in the sealed module; references count as i32. Of more than one
 * result there is none: they are handed over in the slots at `values`, from index 0. */
uint32_t plan_type(struct plan *plan, const valtype *params, uint32_t nparams,
                   const valtype *results, uint32_t nresults);
/* The same in the letters of opcodes.def. */
uint32_t plan_type_of(struct plan *plan, const char *params, const char *results);
/* The type of the guest's type `typeidx`, and the one of a resume copy: no parameters, its results.
 */
uint32_t plan_functype(struct plan *plan, uint32_t typeidx);
uint32_t plan_resume_type(struct plan *plan, uint32_t typeidx);

/* Whether the host's check of an indirect call is the guest's: of the types that are this one when
 * sealed, no other has a function to which a reference exists. Else: table_callee. */
bool plan_type_is_checked(const struct plan *plan, uint32_t typeidx);

/* The index of a function of this type (of plan_type) and body, which is made when it is first
 * asked for. */
uint32_t plan_function(struct plan *plan, uint32_t type, const uint8_t *body, size_t size);

/* The function that stores its arguments, of the types `types` (at most 16), in slots from its
 * first argument, an address, on: (i32 address, values...) -> (). */
uint32_t plan_store_helper(struct plan *plan, const valtype *types, uint32_t count);
/* The same below that address, which it leaves less their size: (i32 address, values...) -> (i32).
 */
uint32_t plan_push_helper(struct plan *plan, const valtype *types, uint32_t count);
/* The function that loads the value of that type in a slot, below LOAD_SLOTS, of the record of the
 * frame that goes on: () -> (type). */
uint32_t plan_load_helper(struct plan *plan, valtype type, uint32_t slot);
/* A load or store of the guest's memory, with an offset that is below 4 GiB with memory_start. */
void plan_access(const struct plan *plan, struct buffer *code, uint32_t opcode, uint32_t align,
                 uint32_t offset);
/* The function that is one. */
uint32_t plan_access_helper(struct plan *plan, uint32_t opcode, uint32_t offset);

/* ---- analysis.c */

struct analysis; /* of the whole module */
bool analysis_make(struct analysis **analysis, const struct module *guest,
                   const struct seal_options *options, struct error *error);
void analysis_free(struct analysis *analysis);
/* Whether a frame of this function can be on the stack at a poll or a host call that stops: then
 * calls of it are followed by a look at the unwinding flag. True for imported functions that can
 * stop. */
bool analysis_can_unwind(const struct analysis *analysis, uint32_t funcidx);

/* ---- hot.c and resume.c: append a body (local declarations, instructions, `end`; no size before
 * it). */

bool seal_hot(struct plan *plan, const struct analysis *analysis, uint32_t funcidx,
              struct buffer *body, struct error *error);
bool seal_resume(struct plan *plan, const struct analysis *analysis, uint32_t funcidx,
                 struct buffer *body, struct error *error);

/* ---- seal.c */

/* yadokari-sealed.wasm. `trusted`: it is this installation's own, whose functions need not be
 * validated each time. */
struct seal_runtime {
    struct span bytes;
    bool trusted;
};

/* Seals `guest`, a loaded module, to begin with a snapshot of it (its bytes; empty: from the
 * start). Appends the sealed module to `output`. Linear in the guest's size. ERROR_UNSUPPORTED
 * names a feature that cannot be sealed. */
bool seal(const struct module *guest, const struct seal_runtime *runtime,
          const struct seal_options *options, struct span snapshot, struct buffer *output,
          struct error *error);

/* The module that a sealed one was made of, and how. False: `bytes` are not a sealed module. */
bool sealed_guest(const uint8_t *bytes, size_t size, struct span *guest,
                  struct seal_options *options);

#endif
