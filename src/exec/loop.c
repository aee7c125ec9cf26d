/* loop.c - the interpreter's loop as one `switch` in one function: a Wasm host compiles that to faster
 * code than tail calls (docs/design.md). */
#include "exec/loop.h"

/* For the build that counts instructions (bench/counts). */
#ifndef BEFORE_INSTRUCTION
#    define BEFORE_INSTRUCTION(pc)
#endif

#define NEXT  break;
#define LEAVE goto leave;
#define BEGIN(name)    \
    case CODE_##name: \
    code_##name: __attribute__((unused)); {
#define END        }
#define JOIN(name) goto code_##name;

NO_CALLS enum loop_end interpret(struct execution *execution)
{
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    int32_t fuel = execution->fuel;
    const struct memory *own = execution->instance->memory;
    uint8_t *memory = own ? own->base : NULL;
    const uint64_t memory_size = own ? own->size : 0;
    begin_loop(execution);
    for (;;) {
        BEFORE_INSTRUCTION(pc)
        switch (half(pc)) {
#include "exec/instructions.h"
        default: __builtin_unreachable();
        }
    }

leave:
    execution->pc = pc;
    execution->fp = fp;
    execution->fuel = fuel;
    return here.end;
}
