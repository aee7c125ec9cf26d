/* slow.c - the instructions that call something: the loop ends at them (LOOP_SLOW) and begins again
 * after them. */
#include "exec/access.h"

#define FIELD(at)  half(pc + (at))
#define WORD(at)   get_i32(pc + (at))
#define SLOT(at)   (execution->fp + FIELD(at))
#define VALUES(at) ((union value *)(void *)SLOT(at))

/* Ends the run with a trap, or moves on. */
static bool trap_or_next(struct execution *execution, enum trap trap, uint32_t length,
                         enum run_status *status)
{
    execution->trap = trap;
    execution->pc += length;
    if (trap == TRAP_NONE)
        return true;
    execution->pc -= length;
    *status = RUN_TRAP;
    return false;
}

/* What a call out of the instance came to. */
static bool foreign_done(struct execution *execution, enum call_result result,
                         enum run_status *status)
{
    switch (result) {
    case CALL_OK: return true;
    case CALL_TRAP: *status = RUN_TRAP; break;
    case CALL_EXIT: *status = RUN_EXIT; break;
    default: execution->stop = SITE_HOST_CALL; *status = RUN_STOPPED;
    }
    return false;
}

/* What a call_indirect calls; NULL: it traps. */
static struct function *find_callee(struct execution *execution, uint32_t tableidx, uint32_t index,
                                    const uint8_t *signature)
{
    const struct instance *instance = execution->instance;
    const struct functype *type = &instance->module->types[signature - instance->signatures];
    const struct table *table = instance->tables[tableidx];
    struct function *callee = NULL;
    execution->trap = TRAP_UNDEFINED_ELEMENT;
    if (index >= table->size)
        return NULL;
    execution->trap = TRAP_UNINITIALIZED_ELEMENT;
    callee = (struct function *)table->elements[index];
    if (!callee)
        return NULL;
    execution->trap = TRAP_INDIRECT_TYPE;
    if (!functype_equal(type, callee->type))
        return NULL;
    execution->trap = TRAP_NONE;
    return callee;
}

/* Where a call or return has its operands: offsets in the frame. */
struct registers {
    uint32_t base;
    uint32_t index; /* of a call_indirect's; of a return: how many results there are */
    uint32_t link;  /* what a return needs */
    bool tail;      /* the call is one, too */
};

/* Goes to register code of this instance. */
static bool enter(struct execution *execution, const uint8_t *code, uint8_t *fp, struct link link,
                  enum run_status *status)
{
    if (!frame_enter(execution, code, fp, link)) {
        execution->trap = TRAP_STACK_EXHAUSTED;
        *status = RUN_TRAP;
        return false;
    }
    execution->stop = SITE_ENTRY;
    *status = RUN_OUT_OF_FUEL;
    return --execution->fuel > 0;
}

static void leave(struct execution *execution, const struct registers *at, uint32_t count)
{
    struct link caller = get_link(execution->fp + at->link);
    memmove(execution->fp, execution->fp + at->base, count * (size_t)SLOT_SIZE);
    execution->fp -= caller.delta;
    execution->pc = caller.pc;
}

/* Calls what is not this instance's; after a tail call the frame returns with its results. */
static bool call_out(struct execution *execution, struct function *callee,
                     const struct registers *at, const uint8_t *behind, enum run_status *status)
{
    union value *values = (union value *)(void *)(execution->fp + at->base);
    if (!foreign_done(execution, call_foreign(execution, callee, values), status))
        return false;
    execution->pc = behind;
    if (at->tail)
        leave(execution, at, callee->type->nresults);
    return true;
}

/* The call at `pc`, or of which the instruction at `pc` is the first part. */
static bool slow_call(struct execution *execution, enum code code, const uint8_t *pc,
                      const struct registers *at, enum run_status *status)
{
    const uint8_t *behind = pc + code_length(code);
    uint8_t *fp = execution->fp;
    struct function *callee;
    switch (code) {
    case CODE_CALL:
        return enter(execution, address(pc + 4), fp + at->base, (struct link){behind, at->base},
                     status);
    case CODE_CALL_IMPORT: callee = address(pc + 4); break;
    case CODE_RETURN_CALL: callee = address(pc + 8); break;
    case CODE_CALL_INDIRECT:
        callee = find_callee(execution, WORD(8), get_i32(fp + at->index), address(pc + 12));
        break;
    default: /* CODE_RETURN_CALL_INDIRECT */
        callee = find_callee(execution, WORD(12), get_i32(fp + at->index), address(pc + 16));
    }
    if (!callee) {
        *status = RUN_TRAP;
        return false;
    }
    if (callee->instance != execution->instance || callee->target)
        return call_out(execution, callee, at, behind, status);
    if (!at->tail)
        return enter(execution, callee->code, fp + at->base, (struct link){behind, at->base},
                     status);
    struct link caller = get_link(fp + at->link);
    memmove(fp, fp + at->base, callee->type->nparams * (size_t)SLOT_SIZE);
    return enter(execution, callee->code, fp, caller, status);
}

/* A call or return of a wide frame. */
static bool slow_wide(struct execution *execution, enum run_status *status)
{
    const uint8_t *pc = execution->pc;
    enum code code = (enum code)FIELD(2);
    bool tail = code == CODE_RETURN_CALL || code == CODE_RETURN_CALL_INDIRECT;
    struct registers at = {WORD(4), WORD(8), WORD(12), tail};
    if (code == CODE_RETURN_MANY) {
        leave(execution, &at, at.index);
        return true;
    }
    return slow_call(execution, code, pc + LENGTH_WIDE, &at, status);
}

static enum trap table_get(struct execution *execution, const uint8_t *pc)
{
    const struct table *table = execution->instance->tables[WORD(8)];
    uint32_t index = get_i32(SLOT(4));
    if (index >= table->size)
        return TRAP_TABLE_BOUNDS;
    put_ref(SLOT(2), table->elements[index]);
    return TRAP_NONE;
}

static enum trap table_set(struct execution *execution, const uint8_t *pc)
{
    struct table *table = execution->instance->tables[WORD(8)];
    uint32_t index = get_i32(SLOT(2));
    if (index >= table->size)
        return TRAP_TABLE_BOUNDS;
    table->elements[index] = get_ref(SLOT(4));
    return TRAP_NONE;
}

static enum trap grow(struct execution *execution, const uint8_t *pc)
{
    uint32_t old = 0;
    enum trap trap = memory_grow_limited(execution->instance->memory, get_i32(SLOT(4)), &old);
    if (trap == TRAP_NONE)
        put_i32(SLOT(2), old);
    return trap;
}

/* How many bytes these instructions move. A memory that grows may have to move as a whole. */
static uint64_t size_of_bulk(const struct execution *execution, const uint8_t *pc)
{
    switch (half(pc)) {
    case CODE_MEMORY_GROW: return execution->instance->memory->size;
    case CODE_MEMORY_INIT:
    case CODE_MEMORY_COPY:
    case CODE_MEMORY_FILL: return VALUES(2)[2].i32;
    case CODE_TABLE_FILL:
    case CODE_TABLE_INIT:
    case CODE_TABLE_COPY: return VALUES(2)[2].i32 * (uint64_t)sizeof(reference);
    default: return 0;
    }
}

/* Memory and tables: what these instructions come to. */
static enum trap bulk(struct execution *execution, const uint8_t *pc)
{
    struct instance *instance = execution->instance;
    execution_moved(execution, size_of_bulk(execution, pc));
    switch (half(pc)) {
    case CODE_MEMORY_GROW: return grow(execution, pc);
    case CODE_MEMORY_INIT: return memory_init(instance, WORD(4), VALUES(2));
    case CODE_MEMORY_COPY: return memory_copy(instance, VALUES(2));
    case CODE_MEMORY_FILL: return memory_fill(instance, VALUES(2));
    case CODE_DATA_DROP: instance->dropped_datas[WORD(4)] = true; return TRAP_NONE;
    case CODE_TABLE_GET: return table_get(execution, pc);
    case CODE_TABLE_SET: return table_set(execution, pc);
    case CODE_TABLE_SIZE: put_i32(SLOT(2), instance->tables[WORD(4)]->size); return TRAP_NONE;
    case CODE_TABLE_GROW:
        put_i32(SLOT(2), table_grow(instance->tables[WORD(4)], get_i32(SLOT(2) + SLOT_SIZE),
                                    get_ref(SLOT(2))));
        return TRAP_NONE;
    case CODE_TABLE_FILL: return table_fill(instance, WORD(4), VALUES(2));
    case CODE_TABLE_INIT: return table_init(instance, WORD(4), WORD(8), VALUES(2));
    case CODE_TABLE_COPY: return table_copy(instance, WORD(4), WORD(8), VALUES(2));
    default: /* CODE_ELEM_DROP */ instance->dropped_elems[WORD(4)] = true; return TRAP_NONE;
    }
}

/* The stub of a function: lowers it. The call that led here goes to the register code itself from
 * now on; what else has the stub's address finds its way here once. */
static bool leave_stub(struct execution *execution)
{
    const uint8_t *stub = execution->pc;
    struct function *function = function_of_stub(stub);
    if (!function_lower(function))
        return false;
    uint8_t *caller = (uint8_t *)(uintptr_t)get_link(execution->fp + function->head.link).pc;
    if (caller != exit_code && address(caller - sizeof stub) == stub)
        memcpy(caller - sizeof stub, &function->code, sizeof function->code);
    execution->pc = function->code;
    return true;
}

bool slow_instruction(struct execution *execution, enum run_status *status)
{
    const uint8_t *pc = execution->pc;
    enum code code = (enum code)half(pc);
    switch (code) {
    case CODE_CALL_IMPORT:
    case CODE_CALL_INDIRECT:
        return slow_call(execution, code, pc, &(struct registers){FIELD(2), FIELD(4), 0, false},
                         status);
    case CODE_RETURN_CALL_INDIRECT:
        return slow_call(execution, code, pc,
                         &(struct registers){FIELD(2), FIELD(4), FIELD(8), true}, status);
    case CODE_WIDE: return slow_wide(execution, status);
    case CODE_LOWER:
        return leave_stub(execution) || trap_or_next(execution, TRAP_OUT_OF_MEMORY, 0, status);
    default: return trap_or_next(execution, bulk(execution, pc), code_length(code), status);
    }
}
