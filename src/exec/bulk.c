/* bulk.c - instructions on ranges of memories and tables (specification, Execution: memory.copy and
 * its relatives). Operands: destination, source or value, count. */
#include "exec/function.h"
#include "exec/reach.h"
#include "wasm/walk.h"

/* Bytes; about 0.1 ms. */
#define MOVED_MAX (1u << 20)

void execution_moved(struct execution *execution, uint64_t bytes)
{
    execution->moved += bytes < MOVED_MAX ? (uint32_t)bytes : MOVED_MAX;
    if (execution->moved < MOVED_MAX)
        return;
    execution->moved = 0;
    execution_shorten(execution);
}

static bool outside(uint64_t start, uint64_t count, uint64_t size)
{
    return start + count > size;
}

enum trap memory_copy(struct instance *instance, const union value *operands)
{
    struct memory *memory = instance->memory;
    uint32_t to = operands[0].i32, from = operands[1].i32, count = operands[2].i32;
    if (outside(to, count, memory->size) || outside(from, count, memory->size))
        return TRAP_MEMORY_BOUNDS;
    if (count)
        memmove(memory->base + to, memory->base + from, count);
    return TRAP_NONE;
}

enum trap memory_fill(struct instance *instance, const union value *operands)
{
    struct memory *memory = instance->memory;
    uint32_t to = operands[0].i32, count = operands[2].i32;
    if (outside(to, count, memory->size))
        return TRAP_MEMORY_BOUNDS;
    if (count)
        memset(memory->base + to, (uint8_t)operands[1].i32, count);
    return TRAP_NONE;
}

enum trap memory_init(struct instance *instance, uint32_t segment, const union value *operands)
{
    struct memory *memory = instance->memory;
    const struct data_segment *data = &instance->module->datas[segment];
    uint32_t to = operands[0].i32, from = operands[1].i32, count = operands[2].i32;
    uint32_t size = instance->dropped_datas[segment] ? 0 : data->bytes.size;
    if (outside(to, count, memory->size) || outside(from, count, size))
        return TRAP_MEMORY_BOUNDS;
    if (count)
        memory_put(memory, to, data->bytes.data + from, count);
    return TRAP_NONE;
}

enum trap table_init(struct instance *instance, uint32_t segment, uint32_t tableidx,
                     const union value *operands)
{
    struct table *table = instance->tables[tableidx];
    const struct elem_segment *elem = &instance->module->elems[segment];
    uint32_t to = operands[0].i32, from = operands[1].i32, count = operands[2].i32;
    uint32_t size = instance->dropped_elems[segment] ? 0 : elem->nelements;
    if (outside(to, count, table->size) || outside(from, count, size))
        return TRAP_TABLE_BOUNDS;
    struct reader at = walk_from(instance->module, elem->elements);
    for (uint32_t i = 0; count && i < from + count; i++) {
        reference value = elem->expressions ? constant_value(instance, elem->type, &at).ref
                                            : funcref_of(instance, leb_u32(&at.at));
        if (i >= from)
            table->elements[to + i - from] = value;
    }
    return TRAP_NONE;
}

enum trap table_copy(struct instance *instance, uint32_t toidx, uint32_t fromidx,
                     const union value *operands)
{
    struct table *to_table = instance->tables[toidx], *from_table = instance->tables[fromidx];
    uint32_t to = operands[0].i32, from = operands[1].i32, count = operands[2].i32;
    if (outside(to, count, to_table->size) || outside(from, count, from_table->size))
        return TRAP_TABLE_BOUNDS;
    memmove(to_table->elements + to, from_table->elements + from, count * sizeof(reference));
    return TRAP_NONE;
}

enum trap table_fill(struct instance *instance, uint32_t tableidx, const union value *operands)
{
    struct table *table = instance->tables[tableidx];
    uint32_t to = operands[0].i32, count = operands[2].i32;
    if (outside(to, count, table->size))
        return TRAP_TABLE_BOUNDS;
    for (uint32_t i = 0; i < count; i++)
        table->elements[to + i] = operands[1].ref;
    return TRAP_NONE;
}
