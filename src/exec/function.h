/* function.h - a function as the interpreter calls it; internal to exec/. */
#ifndef EXEC_FUNCTION_H
#define EXEC_FUNCTION_H

#include "exec/execution.h"
#include "lower/code.h"

/* What a call needs to know of a function stands right before the first instruction, so that a
 * call's instruction has one address and waits for no second one. */
struct code_head {
    uint32_t frame_size; /* offsets and sizes in bytes, see frame_layout */
    uint32_t link;
    uint32_t declared; /* locals that are not parameters: from here to the link */
};

/* A funcref is a pointer to one of these. An instance has an array of them, imports first. */
struct function {
    /* Where a call begins: `stub` until the function's first call, then its register code, behind
     * which its sites are noted. First, for lowering (struct binding). */
    const uint8_t *code;
    /* call_indirect compares this with the address in its instruction: equal means a function of
     * this instance with that very type, which can be entered at once. NULL for imports. */
    const uint8_t *signature;
    struct code_head head;
    uint16_t stub[2]; /* CODE_LOWER; right behind the head, as any code */
    uint32_t index;   /* in the instance's index space */
    uint32_t code_size;
    const struct functype *type;
    struct instance *instance; /* NULL: a function of the embedder */
    /* An import: what is really called. A function of the embedder: `call`. */
    struct function *target;
    host_function call;
    void *context;
};

_Static_assert(offsetof(struct function, stub) ==
                   offsetof(struct function, head) + sizeof(struct code_head),
               "a stub has its head before it, as any code");

static inline const struct code_head *head_of(const uint8_t *code)
{
    return (const struct code_head *)(const void *)(code - sizeof(struct code_head));
}

static inline struct function *function_of_stub(const uint8_t *pc)
{
    return (struct function *)(uintptr_t)(pc - offsetof(struct function, stub));
}

/* Makes a function's register code if it has none. False when memory runs out. */
bool function_lower(struct function *function);

/* Makes the frame at `fp` of the function with that register code, whose arguments are there, and
 * goes to its first instruction. False: there is no room. */
bool frame_enter(struct execution *execution, const uint8_t *code, uint8_t *fp, struct link link);

/* Calls `function`, which is not one of the running instance's own: an import, or a function of
 * another instance or of the embedder. `values` are arguments and results. */
enum call_result call_foreign(struct execution *execution, struct function *function,
                              union value *values);

/* The register code that ends a run. */
extern const uint8_t *const exit_code;

/* loop.c or tail.c: runs from execution->pc with execution->fuel until something ends it. */
enum loop_end { LOOP_DONE, LOOP_TRAP, LOOP_OUT_OF_FUEL, LOOP_SLOW };
enum loop_end interpret(struct execution *execution);

/* slow.c: does the instruction at execution->pc. False when the run ends there, with its status. */
bool slow_instruction(struct execution *execution, enum run_status *status);

/* bulk.c: instructions on whole ranges of memories and tables; `operands` are the slots. */
enum trap memory_init(struct instance *instance, uint32_t segment, const union value *operands);
enum trap memory_copy(struct instance *instance, const union value *operands);
enum trap memory_fill(struct instance *instance, const union value *operands);
enum trap table_init(struct instance *instance, uint32_t segment, uint32_t table,
                     const union value *operands);
enum trap table_copy(struct instance *instance, uint32_t to, uint32_t from,
                     const union value *operands);
enum trap table_fill(struct instance *instance, uint32_t table, const union value *operands);

/* evaluate.c: what a validated constant expression of `type` gives; the reader moves behind its `end`. */
struct reader;
union value constant_value(const struct instance *instance, valtype type, struct reader *at);

#endif
