/* tail.c - the interpreter's loop as one function for each instruction, which ends by calling the
 * next one's: fastest where every such call is a jump of its own, natively and in hosts that
 * interpret in place (docs/performance.md). */
#include "exec/loop.h"

#define STATE const uint8_t *pc, uint8_t *fp, int32_t fuel, uint8_t *memory, uint64_t memory_size
#define TAIL_CALL(function)                                                           \
    {                                                                                 \
        __attribute__((musttail)) return function(pc, fp, fuel, memory, memory_size); \
    }
#define FUEL_LEFT  fuel
#define NEXT       TAIL_CALL(functions[half(pc)])
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
#include "lower/fused.def"

static instruction_function *const functions[CODE_COUNT] = {
#define FUSED(parts) AT_LINE(run_FUSED_, __LINE__),
#include "lower/fused.def"
#define FORM(name, length, kind) run_##name,
#include "lower/forms.def"
};

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
    begin_loop(execution);
    return functions[half(execution->pc)](execution->pc, execution->fp, execution->fuel,
                                          own ? own->base : NULL, own ? own->size : 0);
}
