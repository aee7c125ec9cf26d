/* sealed/ - the runtime of sealed modules: exec/execution.h over code that the host runs. Compiled
 * into yadokari-sealed.wasm only, in place of the interpreter. Uses exec/, seal/layout.h, lower/,
 * wasm/, base/.
 *
 * sealed.h - what sealed code and its runtime are to each other.
 *
 *     execution.c  enters and resumes the guest; polls; host calls
 *     records.c    frames on their way out of the host's stack and back
 *     state.c      instructions that change memory, tables and segments
 *     memory.c     the guest's memory and the runtime's heap
 *     reach.c      the runtime's way to the guest's memory
 *
 * The runtime is linked before there is a guest. seal/linker.c resolves the imports below by
 * functions made for the guest, and gives the guest's code the functions of seal/seal.h. */
#ifndef SEALED_SEALED_H
#define SEALED_SEALED_H

#include "base/buffer.h"
#include "exec/execution.h"
#include "exec/sites.h"
#include "seal/layout.h"

#define GUEST(name) __attribute__((__import_module__("guest"), __import_name__(#name)))
/* Defines a function of seal.h's RUNTIME_FUNCTIONS. */
#define SEALED(name, result, ...)                                                        \
    result sealed_##name(__VA_ARGS__) __attribute__((__export_name__("sealed_" #name))); \
    result sealed_##name(__VA_ARGS__)

extern uint32_t sealed_layout[LAYOUT_COUNT];
static inline uint8_t *sealed_address(enum layout_field field)
{
    return (uint8_t *)(uintptr_t)sealed_layout[field]; // NOLINT(performance-no-int-to-ptr)
}

/* Arguments and results of calls between the two, from index 0; references as function index. */
extern uint64_t sealed_values[SLOTS_COUNT];

/* ---- made for the guest */

/* Calls a function that the module exports or starts with. */
GUEST(enter) void guest_enter(uint32_t funcidx);
/* Calls the resume copy of `funcidx`. `like`: the module's first own function with the same
 * results. */
GUEST(resume) void guest_resume(uint32_t funcidx, uint32_t like);
/* All globals, to and from a slot each; immutable ones are not set. */
GUEST(globals_out) void guest_globals_out(uint64_t *to);
GUEST(globals_in) void guest_globals_in(const uint64_t *from);
GUEST(fuel) int32_t guest_fuel(void);
GUEST(set_fuel) void guest_set_fuel(int32_t fuel);
GUEST(set_unwinding) void guest_set_unwinding(int32_t unwinding);
/* Only where the guest has a memory of its own (LAYOUT_MEMORY_IS_APART): the instructions on it;
 * bytes out of it and into it. */
GUEST(memory_size) uint32_t guest_memory_size(void);
GUEST(memory_grow) uint32_t guest_memory_grow(uint32_t pages);
GUEST(memory_fill) void guest_memory_fill(uint32_t at, uint32_t byte, size_t size);
GUEST(memory_out) void guest_memory_out(void *to, uint32_t from, size_t size);
GUEST(memory_in) void guest_memory_in(uint32_t to, const void *from, size_t size);

/* ---- records.c: see seal/seal.h for the two forms of a record */

struct record {
    uint32_t funcidx, siteidx;
    size_t start, count; /* in `slots` */
    bool full;
};

/* Frames that are not on the host's stack: while the guest runs, those that its innermost frame
 * will return to. */
struct records {
    struct buffer list;  /* struct record, outermost first */
    struct buffer slots; /* uint64_t, in the same order */
    struct buffer full;  /* the full record given last */
    struct buffer globals;
    uint32_t kept; /* while unwinding: those that were there before; then innermost first */
};

void records_clear(struct execution *execution);
uint32_t records_count(const struct execution *execution);
const struct record *records_at(const struct execution *execution, uint32_t index);
/* Room for the record of a frame; if it is dense, and a slot behind it. NULL when memory runs out.
 */
uint64_t *records_push(struct execution *execution, uint32_t funcidx, uint32_t siteidx, bool full,
                       struct error *error);
/* Frames begin to be unwound, the innermost first; all have been. */
void records_unwind(struct execution *execution);
void records_unwound(struct execution *execution);
/* The innermost frame, in full; it is no record any more. */
const uint64_t *records_take(struct execution *execution, struct error *error);

/* A value between the form of exec/ and a slot of a record, in which references are numbers. */
uint64_t slot_of(const struct instance *instance, valtype type, union value value);
union value slot_value(const struct instance *instance, valtype type, uint64_t slot);

/* Whether a restored table that the guest never changes is what sealed code has of it. */
bool sealed_check_table(struct instance *instance, struct error *error);

/* The run that is going on; there is one. */
struct execution *sealed_running(void);
/* Ends the program: the guest's frames are on the host's stack. */
_Noreturn void sealed_end(enum run_status status);
_Noreturn void sealed_fail(enum trap trap, const char *message);

#endif
