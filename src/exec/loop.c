/* loop.c - the interpreter's loop as one function: a Wasm host compiles that to faster code than
 * tail calls (docs/design.md). One `switch` goes to all instructions: with several, by the
 * instruction's address, large programs were a fifth slower (docs/performance.md). */
#include "exec/loop.h"

/* For the build that counts instructions (bench/counts). */
#ifndef BEFORE_INSTRUCTION
#    define BEFORE_INSTRUCTION(pc)
#endif
/* A store that only pushes what follows: with it the jump to the next instruction lies within one
 * cache line in Wasmtime's machine code (bench/layout.py). bench/bench.py has others in its place. */
#ifndef BEFORE_LOOP
#    define BEFORE_LOOP (*(volatile int *)&here.end = 0)
#endif

#define FUEL_LEFT  here.fuel
#define NEXT       goto next;
#define BACK       goto back;
#define LEAVE(way) goto way;
#define BEGIN(name) \
    code_##name:    \
    {
#define END        }
#define JOIN(name) goto code_##name;

/* Apart from `interpret`, whose own variables would take registers here. First in the module, and
 * not static, which would put it behind: where it comes to lie matters (CMakeLists.txt). */
enum loop_end run_loop(struct execution *execution);
NO_CALLS __attribute__((noinline)) enum loop_end run_loop(struct execution *execution)
{
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    const struct memory *own = execution->instance->memory;
    uint8_t *memory = biased(own);
    const uint64_t memory_size = own ? own->size : 0;

    (void)(BEFORE_LOOP);
    goto next;
back: /* one piece of code for all branches back: theirs would be 3 KB */
    FUEL(out_of_fuel)
next:
    BEFORE_INSTRUCTION(pc)
    switch (half(pc)) {
#define FORM(name, length, kind) \
    case CODE_##name: goto code_##name;
#include "lower/forms.def"
#define FUSED(parts) \
    case AT_LINE(CODE_FUSED_, __LINE__): goto AT_LINE(code_FUSED_, __LINE__);
#include "lower/generated/fused.def"
    case CODE_NONE: goto code_UNREACHABLE; /* no gaps, and a default of their own: compilers */
    default: goto code_EXIT;               /* would subtract something first */
    }

#include "exec/instructions.h"

#define WAY(name, action) \
    name:                 \
    action;               \
    APART                 \
    goto leave;
    WAYS_OUT(WAY)
leave:
    execution->pc = pc;
    execution->fp = fp;
    execution->fuel = here.fuel;
    return here.end;
}

enum loop_end interpret(struct execution *execution)
{
    begin_loop(execution);
    here.fuel = execution->fuel;
    return run_loop(execution);
}
