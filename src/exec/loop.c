/* loop.c - the interpreter's loop as one function: a Wasm host compiles that to faster code than
 * tail calls (docs/design.md). Several places go to the next instruction, chosen by its address: a
 * CPU that predicts an indirect jump by where it stands then knows more than "some instruction
 * follows" (docs/performance.md). */
#include "exec/loop.h"

/* For the build that counts instructions (bench/counts). */
#ifndef BEFORE_INSTRUCTION
#    define BEFORE_INSTRUCTION(pc)
#endif

#define FUEL_LEFT  here.fuel
#define NEXT       goto next;
#define LEAVE(way) goto way;
#define BEGIN(name) \
    code_##name:    \
    {
#define END        }
#define JOIN(name) goto code_##name;

NO_CALLS enum loop_end interpret(struct execution *execution)
{
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    const struct memory *own = execution->instance->memory;
    uint8_t *memory = own ? own->base : NULL;
    const uint64_t memory_size = own ? own->size : 0;
    begin_loop(execution);
    here.fuel = execution->fuel;

next:
    BEFORE_INSTRUCTION(pc)
    if ((uintptr_t)pc & 8) {
        if ((uintptr_t)pc & 4)
#include "exec/dispatch.h"
            else
#include "exec/dispatch.h"
    } else {
        if ((uintptr_t)pc & 4)
#include "exec/dispatch.h"
            else
#include "exec/dispatch.h"
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
