/* execution.c - starting and continuing a run, and calls that leave the instance. */
#include "exec/execution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/function.h"

/* Calls from one instance into another use the C stack; a guest never does. */
#define NESTED_MAX 200

static const uint16_t exit_instruction[2] = {CODE_EXIT, 0};
const uint8_t *const exit_code = (const uint8_t *)exit_instruction;

/* Results may reach above the innermost frame: a function has up to 1,000 of them. */
#define STACK_SLACK (1024 * SLOT_SIZE)

bool execution_init(struct execution *execution, struct instance *instance, uint32_t stack_size,
                    struct error *error)
{
    *execution = (struct execution){.instance = instance};
    if (stack_size < 4096)
        return error_set(error, ERROR_USAGE, "a stack of %u bytes; at least 4096 are needed",
                         stack_size);
    stack_size = (stack_size & ~(SLOT_SIZE - 1)) + instance->wide_frame;
    execution->stack = malloc((size_t)stack_size + STACK_SLACK);
    if (!execution->stack)
        return error_set(error, ERROR_MEMORY, "no memory for a stack of %u bytes", stack_size);
    execution->stack_end = execution->stack + stack_size;
    return true;
}

void execution_free(struct execution *execution)
{
    free(execution->stack);
    execution->stack = NULL;
}

static void put_value(uint8_t *slot, union value value)
{
    memcpy(slot, &value, sizeof value);
}

bool frame_enter(struct execution *execution, const uint8_t *code, uint8_t *fp, struct link link)
{
    const struct code_head *head = head_of(code);
    if ((size_t)(execution->stack_end - fp) < head->frame_size)
        return false;
    memset(fp + head->declared, 0, head->link - head->declared);
    memcpy(fp + head->link, &link, sizeof link);
    execution->fp = fp;
    execution->pc = code;
    return true;
}

/* Makes the frame of the outermost function, whose arguments are in place. */
static bool begin(struct execution *execution, struct function *function)
{
    uint8_t *fp = execution->stack;
    execution->fp = fp;
    execution->trap = TRAP_NONE;
    if (function->target || function->call) {
        uint16_t instruction[2] = {CODE_CALL_IMPORT, 0};
        memcpy(execution->bootstrap, instruction, sizeof instruction);
        memcpy(execution->bootstrap + 4, &(uintptr_t){(uintptr_t)function}, sizeof(uintptr_t));
        memcpy(execution->bootstrap + 4 + sizeof(uintptr_t), exit_code, 4);
        execution->pc = execution->bootstrap;
        return true;
    }
    execution->entering = true;
    return frame_enter(execution, function->code, fp, (struct link){exit_code, 0});
}

bool execution_call(struct execution *execution, uint32_t funcidx, const union value *arguments,
                    struct error *error)
{
    struct function *function = &execution->instance->functions[funcidx];
    for (uint32_t i = 0; i < function->type->nparams; i++)
        put_value(execution->stack + (size_t)i * SLOT_SIZE, arguments[i]);
    if (!begin(execution, function))
        return error_set(error, ERROR_MEMORY, "the stack is too small for function %u", funcidx);
    return true;
}

/* The loop and the slow instructions in turn. */
static enum run_status drive(struct execution *execution)
{
    enum run_status status;
    for (;;) {
        switch (interpret(execution)) {
        case LOOP_DONE: return RUN_DONE;
        case LOOP_TRAP: return RUN_TRAP;
        case LOOP_OUT_OF_FUEL: return RUN_OUT_OF_FUEL;
        default:
            if (!slow_instruction(execution, &status))
                return status;
        }
    }
}

enum run_status execution_run(struct execution *execution, uint32_t fuel)
{
    execution->fuel = (int32_t)fuel;
    enum run_status status = RUN_OUT_OF_FUEL;
    if (execution->entering) {
        execution->entering = false;
        execution->stop = SITE_ENTRY;
        execution->fuel--;
    }
    if (execution->fuel > 0)
        status = drive(execution);
    execution->fuel_used += fuel - (uint32_t)execution->fuel;
    return status;
}

/* The run itself adds what it was given and subtracts what is left. */
void execution_shorten(struct execution *execution)
{
    if (execution->fuel > 1) {
        execution->fuel_used -= (uint32_t)execution->fuel - 1;
        execution->fuel = 1;
    }
}

union value execution_result(const struct execution *execution, uint32_t index)
{
    union value value;
    memcpy(&value, execution->stack + (size_t)index * SLOT_SIZE, sizeof value);
    return value;
}

/* Functions of WASI do not ask to be made again where nobody could do so (wasi/pace.c). */
static void stopped_inside(struct execution *nested)
{
    nested->trap = TRAP_HOST;
    snprintf(nested->host_message, sizeof nested->host_message,
             "a host function stopped in a call from one instance into another");
}

/* Runs a function of another instance to its end, on the rest of the caller's stack: `values` are
 * its frame's first slots. */
static enum call_result call_instance(struct execution *execution, struct function *function,
                                      union value *values)
{
    if (execution->depth >= NESTED_MAX) {
        execution->trap = TRAP_STACK_EXHAUSTED;
        return CALL_TRAP;
    }
    struct execution nested = {.instance = function->instance,
                               .stack = (uint8_t *)values,
                               .stack_end = execution->stack_end,
                               .depth = execution->depth + 1};
    enum run_status status = RUN_TRAP;
    if (begin(&nested, function))
        do
            status = execution_run(&nested, INT32_MAX);
        while (status == RUN_OUT_OF_FUEL);
    else
        nested.trap = TRAP_STACK_EXHAUSTED;
    if (status == RUN_STOPPED)
        stopped_inside(&nested);
    execution->fuel_used += nested.fuel_used;
    execution->trap = nested.trap;
    execution->exit_code = nested.exit_code;
    memcpy(execution->host_message, nested.host_message, sizeof nested.host_message);
    return status == RUN_DONE ? CALL_OK : status == RUN_EXIT ? CALL_EXIT : CALL_TRAP;
}

enum call_result call_foreign(struct execution *execution, struct function *function,
                              union value *values)
{
    struct function *target = function->target ? function->target : function;
    if (target->call)
        return target->call(target->context, execution, values);
    return call_instance(execution, target, values);
}
