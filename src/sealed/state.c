/* state.c - instructions on memory, tables and segments that sealed code leaves to the runtime:
 * those that old hosts lack, and those that change what a snapshot holds of the instance. */
#include <string.h>

#include "exec/function.h"
#include "sealed/sealed.h"
#include "wasm/walk.h"

static struct instance *instance(void)
{
    return sealed_running()->instance;
}

static void check(enum trap trap)
{
    if (trap != TRAP_NONE)
        sealed_fail(trap, NULL);
}

SEALED(trap, _Noreturn void, uint32_t trap)
{
    sealed_fail((enum trap)trap, NULL);
}

/* Memory. */

SEALED(moved, void, uint32_t bytes)
{
    execution_moved(sealed_running(), bytes);
}

SEALED(memory_grow, uint32_t, uint32_t delta)
{
    uint32_t old;
    sealed_moved(instance()->memory->pages << 16);
    check(memory_grow_limited(instance()->memory, delta, &old));
    return old;
}

SEALED(memory_copy, void, uint32_t to, uint32_t from, uint32_t count)
{
    sealed_moved(count);
    check(memory_copy(instance(), (union value[]){{to}, {from}, {count}}));
}

SEALED(memory_fill, void, uint32_t to, uint32_t byte, uint32_t count)
{
    sealed_moved(count);
    check(memory_fill(instance(), (union value[]){{to}, {byte}, {count}}));
}

SEALED(memory_init, void, uint32_t segment, uint32_t to, uint32_t from, uint32_t count)
{
    sealed_moved(count);
    check(memory_init(instance(), segment, (union value[]){{to}, {from}, {count}}));
}

SEALED(data_drop, void, uint32_t segment)
{
    instance()->dropped_datas[segment] = true;
}

/* Tables. */

static reference reference_in(uint32_t table, uint32_t number)
{
    return slot_value(instance(), instance()->tables[table]->type.element, number).ref;
}

static reference *element(uint32_t tableidx, uint32_t index)
{
    struct table *table = instance()->tables[tableidx];
    if (index >= table->size)
        sealed_fail(TRAP_TABLE_BOUNDS, NULL);
    return &table->elements[index];
}

SEALED(table_get, uint32_t, uint32_t table, uint32_t index)
{
    union value value = {.ref = *element(table, index)};
    return (uint32_t)slot_of(instance(), instance()->tables[table]->type.element, value);
}

/* Traps as call_indirect does where there is nothing to call, or something of another type: sealed,
 * types that differ in references or in several results are one. */
SEALED(table_callee, uint32_t, uint32_t table, uint32_t index, uint32_t typeidx)
{
    if (index >= instance()->tables[table]->size)
        sealed_fail(TRAP_UNDEFINED_ELEMENT, NULL);
    uint32_t funcidx = sealed_table_get(table, index);
    if (funcidx == UINT32_MAX)
        sealed_fail(TRAP_UNINITIALIZED_ELEMENT, NULL);
    const struct module *module = instance()->module;
    if (module_functype(module, funcidx)->canonical != module->types[typeidx].canonical)
        sealed_fail(TRAP_INDIRECT_TYPE, NULL);
    return funcidx;
}

SEALED(table_set, void, uint32_t table, uint32_t index, uint32_t value)
{
    *element(table, index) = reference_in(table, value);
}

SEALED(table_size, uint32_t, uint32_t table)
{
    return instance()->tables[table]->size;
}

SEALED(table_grow, uint32_t, uint32_t table, uint32_t value, uint32_t count)
{
    return table_grow(instance()->tables[table], count, reference_in(table, value));
}

SEALED(table_fill, void, uint32_t table, uint32_t index, uint32_t value, uint32_t count)
{
    union value operands[] = {{index}, {.ref = reference_in(table, value)}, {count}};
    sealed_moved(count);
    check(table_fill(instance(), table, operands));
}

SEALED(table_copy, void, uint32_t to_table, uint32_t from_table, uint32_t to, uint32_t from,
       uint32_t count)
{
    sealed_moved(count);
    check(table_copy(instance(), to_table, from_table, (union value[]){{to}, {from}, {count}}));
}

SEALED(table_init, void, uint32_t table, uint32_t segment, uint32_t to, uint32_t from,
       uint32_t count)
{
    check(table_init(instance(), segment, table, (union value[]){{to}, {from}, {count}}));
}

static bool fill_anew(struct instance *instance, struct table *table)
{
    const struct module *module = instance->module;
    struct table *own = instance->tables[0];
    enum trap trap = TRAP_NONE;
    instance->tables[0] = table;
    for (uint32_t i = 0; trap == TRAP_NONE && i < module->nelems; i++) {
        const struct elem_segment *elem = &module->elems[i];
        struct reader offset = walk_from(module, elem->offset);
        bool dropped = instance->dropped_elems[i];
        if (elem->mode != SEGMENT_ACTIVE || elem->table != 0)
            continue;
        instance->dropped_elems[i] = false;
        trap = table_init(
            instance, i, 0,
            (union value[]){constant_value(instance, TYPE_I32, &offset), {0}, {elem->nelements}});
        instance->dropped_elems[i] = dropped;
    }
    instance->tables[0] = own;
    return trap == TRAP_NONE;
}

bool sealed_check_table(struct instance *instance, struct error *error)
{
    const struct table *own = instance->tables[0];
    struct table table;
    if (!sealed_layout[LAYOUT_TABLE_IS_FIXED])
        return true;
    if (!table_create(&table, &instance->module->tables[0], error))
        return false;
    bool same = fill_anew(instance, &table) && own->size == table.size &&
                memcmp(own->elements, table.elements, table.size * sizeof *table.elements) == 0;
    table_destroy(&table);
    return same || error_set(error, ERROR_SNAPSHOT,
                             "snapshot refused: table 0 is not as the module makes it, which "
                             "never changes it");
}

SEALED(elem_drop, void, uint32_t segment)
{
    instance()->dropped_elems[segment] = true;
}
