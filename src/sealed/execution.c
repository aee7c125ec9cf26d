/* execution.c - a run of sealed code.
 *
 * The guest's frames are the host's. At a poll the runtime may look at its clock and triggers and
 * go on; to stop, it sets the unwinding flag, and every frame, the innermost first, leaves a record
 * and returns. Then the run is where the interpreter's would be: at a safepoint, with frames to
 * look at. */
#include <stdlib.h>
#include <string.h>

#include "exec/function.h"
#include "seal/seal.h"
#include "sealed/sealed.h"

uint32_t sealed_layout[LAYOUT_COUNT];
uint64_t sealed_values[SLOTS_COUNT];

static struct execution *running;

struct execution *sealed_running(void)
{
    return running;
}

uint64_t slot_of(const struct instance *instance, valtype type, union value value)
{
    struct typed_value typed;
    value_out(instance, type, value, &typed, NULL);
    return typed.bits;
}

union value slot_value(const struct instance *instance, valtype type, uint64_t slot)
{
    bool wide = type == TYPE_I64 || type == TYPE_F64;
    struct typed_value typed = {.type = type, .bits = wide ? slot : (uint32_t)slot};
    union value value;
    value_in(instance, &typed, &value);
    return value;
}

bool execution_init(struct execution *execution, struct instance *instance, uint32_t stack_size,
                    struct error *error)
{
    (void)stack_size; /* the host's */
    *execution = (struct execution){.instance = instance};
    execution->records = calloc(1, sizeof *execution->records);
    return (execution->records &&
            buffer_extend(&execution->records->globals,
                          ((size_t)instance->module->nglobals + 1) * sizeof(uint64_t))) ||
           error_set(error, ERROR_MEMORY, "no memory for the guest's frames");
}

void execution_free(struct execution *execution)
{
    struct records *records = execution->records;
    site_maps_free(execution->maps);
    if (records) {
        buffer_free(&records->list);
        buffer_free(&records->slots);
        buffer_free(&records->full);
        buffer_free(&records->globals);
        free(records);
    }
    execution->records = NULL;
    execution->maps = NULL;
}

bool execution_call(struct execution *execution, uint32_t funcidx, const union value *arguments,
                    struct error *error)
{
    (void)error;
    const struct functype *type = module_functype(execution->instance->module, funcidx);
    for (uint32_t i = 0; i < type->nparams; i++)
        sealed_values[i] = slot_of(execution->instance, type->types[i], arguments[i]);
    records_clear(execution);
    execution->trap = TRAP_NONE;
    execution->called = funcidx;
    execution->entering = true;
    return true;
}

/* The module's globals are the host's while the guest runs. */

static uint64_t *global_slots(const struct execution *execution)
{
    return (uint64_t *)(void *)execution->records->globals.data;
}

static void globals_in(const struct execution *execution)
{
    const struct instance *instance = execution->instance;
    uint64_t *slots = global_slots(execution);
    for (uint32_t i = 0; i < instance->module->nglobals; i++)
        slots[i] = slot_of(instance, instance->globals[i]->type.type, instance->globals[i]->value);
    guest_globals_in(slots);
}

static void globals_out(const struct execution *execution)
{
    const struct instance *instance = execution->instance;
    uint64_t *slots = global_slots(execution);
    guest_globals_out(slots);
    for (uint32_t i = 0; i < instance->module->nglobals; i++)
        instance->globals[i]->value =
            slot_value(instance, instance->globals[i]->type.type, slots[i]);
}

/* Fuel. */

static void give_fuel(struct execution *execution, uint32_t fuel)
{
    execution->fuel = (int32_t)fuel;
    guest_set_fuel(execution->fuel);
}

/* What has been used of the fuel given last. */
static void settle_fuel(struct execution *execution)
{
    int32_t left = guest_fuel();
    execution->fuel_used += (uint32_t)(execution->fuel - left);
    execution->fuel = left;
}

void execution_shorten(struct execution *execution)
{
    settle_fuel(execution);
    give_fuel(execution, 1);
}

/* Running. */

static bool same_results(const struct functype *a, const struct functype *b)
{
    return a->nresults == b->nresults &&
           memcmp(a->types + a->nparams, b->types + b->nparams, a->nresults) == 0;
}

/* One frame after the other, from the innermost outwards: each finds in sealed_values what the one
 * before has returned. */
static void resume(struct execution *execution)
{
    const struct module *module = execution->instance->module;
    execution->called = records_at(execution, 0)->funcidx;
    for (uint32_t count; (count = records_count(execution)) > 0 && !execution->unwinds;) {
        uint32_t funcidx = records_at(execution, count - 1)->funcidx;
        uint32_t like = module->nimported_funcs;
        while (!same_results(module_functype(module, like), module_functype(module, funcidx)))
            like++;
        guest_resume(funcidx, like);
    }
}

enum run_status execution_run(struct execution *execution, uint32_t fuel)
{
    running = execution;
    execution->unwinds = false;
    guest_set_unwinding(0);
    globals_in(execution);
    give_fuel(execution, fuel);
    bool entering = execution->entering;
    execution->entering = false;
    if (entering)
        guest_enter(execution->called);
    else
        resume(execution);
    settle_fuel(execution);
    globals_out(execution);
    if (!execution->unwinds)
        return RUN_DONE;
    records_unwound(execution);
    return execution->stop == SITE_HOST_CALL ? RUN_STOPPED : RUN_OUT_OF_FUEL;
}

union value execution_result(const struct execution *execution, uint32_t index)
{
    const struct instance *instance = execution->instance;
    const struct functype *type = module_functype(instance->module, execution->called);
    return slot_value(instance, type->types[type->nparams + index], sealed_values[index]);
}

_Noreturn void sealed_end(enum run_status status)
{
    settle_fuel(running);
    globals_out(running);
    running->end(running->context, status);
    abort();
}

_Noreturn void sealed_fail(enum trap trap, const char *message)
{
    running->trap = trap;
    if (message)
        memcpy(running->host_message, message, strnlen(message, sizeof running->host_message - 1));
    sealed_end(RUN_TRAP);
}

/* Called by the guest. */

static void begin_unwinding(enum site_kind stop)
{
    running->stop = stop;
    running->unwinds = true;
    records_unwind(running);
    guest_set_unwinding(stop == SITE_HOST_CALL ? 2 : 1);
}

static void poll(void)
{
    settle_fuel(running);
    uint32_t fuel = running->refuel ? running->refuel(running->context) : 0;
    if (fuel)
        give_fuel(running, fuel);
    else
        begin_unwinding(SITE_LOOP);
}

SEALED(poll, bool, void)
{
    poll();
    return running->unwinds;
}

SEALED(strip, bool, void)
{
    guest_set_fuel(guest_fuel() - STRIP);
    if (guest_fuel() <= 0)
        poll();
    return running->unwinds;
}

SEALED(host_call, void, uint32_t funcidx)
{
    struct function *function = &running->instance->functions[funcidx];
    switch (call_foreign(running, function, (union value *)(void *)sealed_values)) {
    case CALL_OK: break;
    case CALL_TRAP: sealed_end(RUN_TRAP);
    case CALL_EXIT: sealed_end(RUN_EXIT);
    default: begin_unwinding(SITE_HOST_CALL);
    }
}

enum call_result call_foreign(struct execution *execution, struct function *function,
                              union value *values)
{
    const struct function *target = function->target;
    return target->call(target->context, execution, values);
}

static uint64_t *push_frame(uint32_t funcidx, uint32_t siteidx, bool full)
{
    struct error error;
    guest_set_unwinding(1);
    uint64_t *slots = records_push(running, funcidx, siteidx, full, &error);
    if (!slots)
        sealed_fail(TRAP_HOST, error.message);
    return full ? slots : slots + records_at(running, records_count(running) - 1)->count - 1;
}

SEALED(push_frame, uint64_t *, uint32_t funcidx, uint32_t siteidx)
{
    return push_frame(funcidx, siteidx, false);
}

SEALED(push_full_frame, uint64_t *, uint32_t funcidx, uint32_t siteidx)
{
    return push_frame(funcidx, siteidx, true);
}

SEALED(next_frame, uint32_t, void)
{
    struct error error;
    const uint64_t *record = records_take(running, &error);
    if (!record)
        sealed_fail(TRAP_HOST, error.message);
    sealed_values[SLOTS_VALUES] = (uintptr_t)record;
    return (uint32_t)record[0];
}
