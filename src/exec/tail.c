/* tail.c - the interpreter's loop as one function for each instruction, which ends by calling the
 * next one's: fastest where every such call is a jump of its own, natively, in hosts that
 * interpret in place and in V8 (docs/performance.md). */
#include <stdlib.h>

#include "exec/loop.h"

#define STATE const uint8_t *pc, uint8_t *fp, int32_t fuel, uint8_t *memory, uint64_t memory_size
#define TAIL_CALL(function)                                                           \
    {                                                                                 \
        __attribute__((musttail)) return function(pc, fp, fuel, memory, memory_size); \
    }
#define FUEL_LEFT  fuel
#define NEXT       TAIL_CALL(FUNCTION(half(pc)))
#define BACK       FUEL(out_of_fuel) NEXT
#define LEAVE(way) TAIL_CALL(way)
#define BEGIN(name)                                 \
    NO_CALLS static enum loop_end run_##name(STATE) \
    {
#define END        }
#define JOIN(name) TAIL_CALL(run_##name)

typedef enum loop_end instruction_function(STATE);
#define FORM(name, length, kind) static instruction_function run_##name;
#include "lower/forms.def"
#define FUSED(parts) static instruction_function AT_LINE(run_FUSED_, __LINE__);
#include "lower/generated/fused.def"

__attribute__((used)) static instruction_function *const functions[CODE_COUNT] = {
    [CODE_NONE] = NULL,
#define FUSED(parts) AT_LINE(run_FUSED_, __LINE__),
#include "lower/generated/fused.def"
#define FORM(name, length, kind) run_##name,
#include "lower/forms.def"
};

/* In WebAssembly a function's address is its place in the module's table, which the linker fills
 * from 1 on as it meets addresses: those of `functions` first (CMakeLists.txt; `interpret` looks).
 * So a code is the address, and nothing has to be loaded. */
#ifdef __wasm__
#    define FUNCTION(code) ((instruction_function *)(uintptr_t)(code))
#else
#    define FUNCTION(code) functions[code]
#endif

static enum loop_end leave(STATE)
{
    (void)memory;
    (void)memory_size;
    here.execution->pc = pc;
    here.execution->fp = fp;
    here.execution->fuel = fuel;
    return here.end;
}

#define WAY(name, action)            \
    static enum loop_end name(STATE) \
    {                                \
        action;                      \
        TAIL_CALL(leave)             \
    }
WAYS_OUT(WAY)

#include "exec/instructions.h"

enum loop_end interpret(struct execution *execution)
{
    const struct memory *own = execution->instance->memory;
    /* volatile: named here, the last function would be the first that the linker meets. */
    instruction_function *const volatile *last = &functions[CODE_COUNT - 1];
    if (FUNCTION(CODE_COUNT - 1) != *last)
        abort();
    begin_loop(execution);
    return FUNCTION(half(execution->pc))(execution->pc, execution->fp, execution->fuel, biased(own),
                                         own ? own->size : 0);
}
