/* rebuild.c - sections as a guest. The mirror image of capture.c.
 *
 * A snapshot is untrusted: every value is checked against the module before it is believed. Memory
 * is asked for only after the bytes that justify it have been seen. */
#include <stdlib.h>

#include "exec/reach.h"
#include "state/block.h"
#include "state/call.h"
#include "state/cursor.h"
#include "state/memory.h"
#include "state/replica.h"
#include "state/snapshot.h"

/* ---- frames */

static bool restore_frame(struct cursor *cursor, struct execution *execution, struct buffer *values)
{
    const uint8_t *start = cursor->at;
    struct frame frame = {.funcidx = cursor_u32(cursor)};
    uint8_t kind = cursor_u8(cursor);
    frame.offset = cursor_u32(cursor);
    frame.nlocals = cursor_u32(cursor);
    frame.noperands = cursor_u32(cursor);
    if (kind > SITE_HOST_CALL)
        return cursor_refuse(cursor, "has a frame at an unknown kind of site");
    frame.kind = (enum site_kind)kind;
    uint64_t count = (uint64_t)frame.nlocals + frame.noperands;
    if (!cursor->good || count > cursor_room(cursor, 5))
        return cursor_refuse(cursor, "ends too early");
    values->size = 0;
    struct typed_value *all =
        (struct typed_value *)(void *)buffer_extend(values, ((size_t)count + 1) * sizeof *all);
    if (!all)
        return error_set(cursor->error, ERROR_MEMORY, "no memory for a frame");
    for (uint64_t i = 0; i < count; i++)
        if (!cursor_value(cursor, &all[i]))
            return false;
    frame.values = all;
    return execution_push_frame(execution, &frame, cursor->error) || cursor_explain(cursor, start);
}

static bool same_results(const struct functype *a, const struct functype *b)
{
    return a->nresults == b->nresults &&
           (a->nresults == 0 ||
            memcmp(a->types + a->nparams, b->types + b->nparams, a->nresults) == 0);
}

/* The outermost frame is what was called, or what that has tail-called: whoever reads the results
 * relies on their types. */
static bool check_outermost(struct cursor cursor, const struct module *module, uint32_t called)
{
    uint32_t funcidx = cursor_u32(&cursor);
    if (!cursor.good)
        return false;
    if (funcidx == called ||
        (module->has_tail_calls && funcidx < module->nfuncs &&
         same_results(module_functype(module, funcidx), module_functype(module, called))))
        return true;
    cursor.at -= 4;
    return cursor_refuse(&cursor, "has another function outermost than what runs");
}

static bool restore_frames(const struct snapshot *snapshot, struct execution *execution,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_FRAMES, &snapshot->frames, error);
    struct buffer values = {0};
    const struct module *module = execution->instance->module;
    uint32_t count = cursor_u32(&cursor);
    bool good = count == 0
                    ? cursor.good
                    : check_outermost(cursor, module,
                                      snapshot->started                    ? snapshot->entry
                                      : snapshot->stage == INITIALIZE_RUNS ? snapshot->initialize
                                                                           : module->start);
    for (; good && count > 0; count--)
        good = restore_frame(&cursor, execution, &values);
    buffer_free(&values);
    good = good && cursor_end(&cursor);
    /* also frees what pushing has kept */
    bool sealed = execution_seal_frames(execution, good ? error : NULL);
    return good && (sealed || cursor_explain(&cursor, cursor.at));
}

/* ---- memory: checked as a whole first, then copied, when everything else has been checked too: only
 * here can a small file ask for much. */

static bool check_blocks(struct cursor *cursor, uint32_t count)
{
    for (; count > 0; count--)
        if (block_is_zero(cursor_take(cursor, BLOCK_SIZE)))
            return cursor_refuse(cursor, "has a block of zeros only");
    return true;
}

/* Runs ascend through all parts of the memory; `next` is the block after those before. */
static bool check_runs(struct cursor *cursor, uint32_t runs, uint64_t blocks, uint64_t *next)
{
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = cursor_u32(cursor), count = cursor_u32(cursor);
        if (!cursor->good)
            return false;
        if (count == 0 || first < *next + (i > 0) || (uint64_t)first + count > blocks)
            return cursor_refuse(cursor, "has runs of blocks that overlap, touch or lie outside");
        *next = (uint64_t)first + count;
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        if (!check_blocks(cursor, count))
            return false;
    }
    return cursor_end(cursor);
}

/* One part: `pages` is what the parts before it say, or 0. */
static bool check_part(struct cursor *cursor, const struct memory *memory, uint32_t *pages,
                       uint64_t *next)
{
    uint8_t present = cursor_u8(cursor);
    uint32_t size = cursor_u32(cursor), runs = cursor_u32(cursor);
    if (!cursor->good)
        return false;
    if (present != (memory != NULL))
        return cursor_refuse(cursor, "does not fit the module, which has one memory or none");
    if (!memory)
        return (size | runs) == 0 ? cursor_end(cursor) : cursor_refuse(cursor, "is malformed");
    if (size < memory->pages || size > memory->max_pages)
        return error_set_at(
            cursor->error, ERROR_SNAPSHOT,
            (uint64_t)((cursor->place ? cursor->place : cursor->at) - cursor->snapshot->bytes),
            "snapshot refused: section memory has %u pages; the module allows %u to "
            "%u here",
            size, memory->pages, memory->max_pages);
    if (*next && (size != *pages || runs == 0))
        return cursor_refuse(cursor, "has parts that do not belong together");
    *pages = size;
    return check_runs(cursor, runs, (uint64_t)size * BLOCKS_PER_PAGE, next);
}

static bool check_memory(struct memory_parts *parts, const struct memory *memory, uint32_t *pages)
{
    struct cursor cursor;
    uint64_t next = 0;
    bool good, first = true;
    for (; memory_parts_next(parts, &cursor, &good); first = false) {
        if (!first && next == 0)
            return cursor_refuse(&cursor, "has parts that do not belong together");
        if (!check_part(&cursor, memory, pages, &next))
            return false;
    }
    return good;
}

/* What check_memory has found good. */
static bool copy_memory(struct memory_parts *parts, struct memory *memory)
{
    struct cursor cursor;
    bool good;
    while (memory_parts_next(parts, &cursor, &good)) {
        cursor_take(&cursor, 5);
        for (uint32_t runs = cursor_u32(&cursor); memory && runs > 0; runs--) {
            uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
            size_t size = (size_t)count * BLOCK_SIZE;
            memory_put(memory, first * BLOCK_SIZE, cursor_take(&cursor, size), size);
        }
    }
    return good;
}

bool memory_check(const struct snapshot *snapshot, const struct memory *memory, uint32_t *pages,
                  struct error *error)
{
    struct memory_parts parts;
    bool good = memory_parts_begin(&parts, snapshot, error);
    good = good && check_memory(&parts, memory, pages);
    memory_parts_end(&parts);
    return good;
}

static bool restore_memory(const struct snapshot *snapshot, struct instance *instance,
                           struct error *error)
{
    struct memory *memory = instance->memory;
    struct memory_parts parts = {0};
    uint32_t pages = 0;
    bool good = memory_check(snapshot, memory, &pages, error);
    if (good && memory && memory_grow(memory, pages - memory->pages) == UINT32_MAX)
        return error_set(error, ERROR_MEMORY, "no memory for the guest's %u pages", pages);
    good = good && memory_parts_begin(&parts, snapshot, error) && copy_memory(&parts, memory);
    memory_parts_end(&parts);
    return good;
}

/* ---- globals, tables, segments */

static bool is_value(const struct instance *instance, const struct typed_value *value,
                     union value bits)
{
    struct typed_value present;
    return value_out(instance, value->type, bits, &present, NULL) && present.bits == value->bits;
}

static bool restore_globals(const struct snapshot *snapshot, struct instance *instance,
                            struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_GLOBALS, &snapshot->globals, error);
    if (cursor_u32(&cursor) != instance->module->nglobals)
        return cursor_refuse(&cursor, "has another number of globals than the module");
    for (uint32_t i = 0; cursor.good && i < instance->module->nglobals; i++) {
        struct global_instance *global = instance->globals[i];
        struct typed_value value;
        union value bits;
        if (!cursor_value(&cursor, &value))
            return false;
        if (value.type != global->type.type || !value_in(instance, &value, &bits))
            return cursor_refuse(&cursor, "has a global that the module cannot have");
        if (!global->type.mutable && !is_value(instance, &value, global->value))
            return cursor_refuse(&cursor, "changes an immutable global");
        global->value = bits;
    }
    return cursor_end(&cursor);
}

static bool restore_table(struct cursor *cursor, struct instance *instance, struct table *table)
{
    uint8_t type = cursor_u8(cursor);
    uint32_t size = cursor_u32(cursor);
    if (!cursor->good)
        return false;
    if (type != table->type.element || size < table->size || size > table->max)
        return cursor_refuse(cursor, "has a table that the module cannot have");
    if (size > cursor_room(cursor, 4))
        return cursor_refuse(cursor, "ends too early");
    if (table_grow(table, size - table->size, 0) == UINT32_MAX)
        return error_set(cursor->error, ERROR_MEMORY, "no memory for a table of %u elements", size);
    for (uint32_t i = 0; i < size; i++)
        if (!reference_of_bits(instance, type, cursor_u32(cursor), &table->elements[i]))
            return cursor_refuse(cursor, "has an element that is no reference of the module");
    return true;
}

static bool restore_tables(const struct snapshot *snapshot, struct instance *instance,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_TABLES, &snapshot->tables, error);
    if (cursor_u32(&cursor) != instance->module->ntables)
        return cursor_refuse(&cursor, "has another number of tables than the module");
    for (uint32_t i = 0; i < instance->module->ntables; i++)
        if (!restore_table(&cursor, instance, instance->tables[i]))
            return false;
    return cursor_end(&cursor);
}

/* Instantiation drops every segment that is not passive. */
static bool restore_segment(struct cursor *cursor, enum segment_mode mode, bool *dropped)
{
    uint8_t flag = cursor_u8(cursor);
    if (!cursor->good)
        return false;
    if (flag > 1 || (mode != SEGMENT_PASSIVE && !flag))
        return cursor_refuse(cursor, "has a segment in a state that the module cannot reach");
    *dropped = flag;
    return true;
}

static bool restore_segments(const struct snapshot *snapshot, struct instance *instance,
                             struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_SEGMENTS, &snapshot->segments, error);
    const struct module *module = instance->module;
    if (cursor_u32(&cursor) != module->nelems)
        return cursor_refuse(&cursor, "has another number of element segments than the module");
    for (uint32_t i = 0; i < module->nelems; i++)
        if (!restore_segment(&cursor, module->elems[i].mode, &instance->dropped_elems[i]))
            return false;
    if (cursor_u32(&cursor) != module->ndatas)
        return cursor_refuse(&cursor, "has another number of data segments than the module");
    for (uint32_t i = 0; i < module->ndatas; i++)
        if (!restore_segment(&cursor, module->datas[i].mode, &instance->dropped_datas[i]))
            return false;
    return cursor_end(&cursor);
}

/* ---- all of it */

/* `entry` may still have to be called, when the start function or `_initialize` returns. */
static bool check_run(const struct snapshot *snapshot, const struct instance *instance,
                      struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_RUN, &snapshot->run, error);
    const struct module *module = instance->module;
    if (snapshot->entry >= module->nfuncs ||
        (!snapshot->started && snapshot->stage != INITIALIZE_RUNS && !module->has_start))
        return cursor_refuse(&cursor, "names a function that the module does not have");
    if (snapshot->call.data)
        return check_call(snapshot, instance, error);
    if (!snapshot->started && module_functype(module, snapshot->entry)->nparams > 0)
        return cursor_refuse(&cursor, "is to go on with a function that takes arguments");
    return true;
}

/* All but the memory. */
static bool restore_rest(const struct snapshot *snapshot, struct instance *instance,
                         struct execution *execution, struct error *error)
{
    if (!check_run(snapshot, instance, error) || !restore_frames(snapshot, execution, error) ||
        !restore_globals(snapshot, instance, error) || !restore_tables(snapshot, instance, error) ||
        !restore_segments(snapshot, instance, error))
        return false;
    execution->fuel_used = snapshot->fuel_used;
    return true;
}

bool snapshot_restore(const struct snapshot *snapshot, struct instance *instance,
                      struct execution *execution, struct error *error)
{
    if (snapshot->base.data)
        return error_set_at(error, ERROR_SNAPSHOT, HEADER_SIZE,
                            "snapshot refused: it holds only changes since another snapshot");
    return restore_rest(snapshot, instance, execution, error) &&
           restore_memory(snapshot, instance, error);
}

bool snapshot_restore_onto(const struct replica *replica, const struct snapshot *snapshot,
                           struct instance *instance, struct execution *execution,
                           struct error *error)
{
    uint8_t id[DIGEST_SIZE];
    snapshot_id(snapshot, id);
    if (memcmp(id, replica->id, sizeof id) != 0)
        return error_set_at(error, ERROR_SNAPSHOT, 0,
                            "snapshot refused: its memory is another snapshot's");
    return restore_rest(snapshot, instance, execution, error);
}
