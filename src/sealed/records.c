/* records.c - frames as records, and records as the frames of a snapshot.
 *
 * Records are kept in the dense form, with what is live; a dead value is zero or null wherever one
 * is asked for. */
#include "exec/function.h"
#include "sealed/sealed.h"

uint32_t records_count(const struct execution *execution)
{
    return (uint32_t)(execution->records->list.size / sizeof(struct record));
}

const struct record *records_at(const struct execution *execution, uint32_t index)
{
    return (const struct record *)(const void *)execution->records->list.data + index;
}

void records_clear(struct execution *execution)
{
    struct records *records = execution->records;
    records->list.size = records->slots.size = 0;
    records->kept = 0;
    site_maps_free(execution->maps);
    execution->maps = NULL;
}

/* The module is an outline, when the guest was not restored. */
static struct site_map *map_in(struct site_maps *maps, const struct module *module,
                               uint32_t funcidx, struct error *error)
{
    return module_load_function(module, funcidx, error) ? site_map_of(maps, module, funcidx, error)
                                                        : NULL;
}

static struct site_map *map_of(struct execution *execution, uint32_t funcidx, struct error *error)
{
    const struct module *module = execution->instance->module;
    if (!execution->maps)
        execution->maps = site_maps_create(module->nfuncs, true);
    if (!execution->maps) {
        error_set(error, ERROR_MEMORY, "no memory for the guest's frames");
        return NULL;
    }
    return map_in(execution->maps, module, funcidx, error);
}

/* A resume copy loads and stores whatever lives at some site: a full record has room for the most
 * operands that the function can have. */
static uint32_t full_size(const struct module *module, uint32_t funcidx)
{
    const struct func *func = &module->funcs[funcidx];
    return 1 + func->nlocals + func->max_operands;
}

static uint32_t dense_size(struct site_map *map, uint32_t siteidx, uint32_t nlocals)
{
    const struct site *site = site_map_at(map, siteidx);
    const struct operand *operands = site_map_operands(map, site);
    uint32_t count = 0;
    for (uint32_t i = 0; i < nlocals; i++)
        count += site_map_is_live(map, siteidx, i);
    for (uint32_t i = 0; i < site->noperands; i++)
        count += operands[i].place == OPERAND_SLOT;
    return count;
}

uint64_t *records_push(struct execution *execution, uint32_t funcidx, uint32_t siteidx, bool full,
                       struct error *error)
{
    struct records *records = execution->records;
    struct site_map *map = map_of(execution, funcidx, error);
    if (!map)
        return NULL;
    const struct module *module = execution->instance->module;
    struct record record = {.funcidx = funcidx,
                            .siteidx = siteidx,
                            .start = records->slots.size / SLOT_SIZE,
                            .full = full};
    record.count = full ? full_size(module, funcidx)
                        : dense_size(map, siteidx, module->funcs[funcidx].nlocals) + (size_t)1;
    buffer_put(&records->list, &record, sizeof record);
    uint64_t *slots = (uint64_t *)(void *)buffer_extend(&records->slots, record.count * SLOT_SIZE);
    if (records->list.failed || records->slots.failed) {
        error_set(error, ERROR_MEMORY, "no memory for the guest's frames: they are too many");
        return NULL;
    }
    return slots;
}

void records_unwind(struct execution *execution)
{
    execution->records->kept = records_count(execution);
}

static void reverse(uint64_t *slots, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t first = slots[i];
        slots[i] = slots[count - 1 - i];
        slots[count - 1 - i] = first;
    }
}

void records_unwound(struct execution *execution)
{
    struct records *records = execution->records;
    struct record *list = (struct record *)(void *)records->list.data;
    uint64_t *slots = (uint64_t *)(void *)records->slots.data;
    uint32_t count = records_count(execution);
    if (count == 0)
        return;
    size_t start = records->kept < count ? list[records->kept].start : 0;
    if (records->kept < count)
        reverse(slots + start, records->slots.size / SLOT_SIZE - start);
    for (uint32_t i = records->kept, j = count; i + 1 < j; i++) {
        struct record first = list[i];
        list[i] = list[--j];
        list[j] = first;
    }
    for (uint32_t i = records->kept; i < count; i++) {
        list[i].start = start;
        reverse(slots + start, list[i].count);
        start += list[i].count;
    }
    if (execution->stop == SITE_HOST_CALL)
        return;
    const struct record *innermost = &list[count - 1];
    struct error error;
    const struct site_map *map = map_of(execution, innermost->funcidx, &error);
    execution->stop = map ? site_map_at(map, innermost->siteidx)->kind : SITE_LOOP;
}

/* The next slot of a record that is dense, or the one at `index` of one that is full. */
static uint64_t take(const struct record *record, const uint64_t **from, uint32_t index)
{
    return record->full ? (*from)[1 + index] : *(*from)++;
}

static uint64_t narrow(valtype type, uint64_t bits)
{
    return type == TYPE_I64 || type == TYPE_F64 ? bits : (uint32_t)bits;
}

/* Every local's slot, then every operand's. */
static void expand(const struct execution *execution, const struct record *record,
                   struct site_map *map, uint64_t *to)
{
    uint32_t nlocals = execution->instance->module->funcs[record->funcidx].nlocals;
    const struct site *site = site_map_at(map, record->siteidx);
    const struct operand *operands = site_map_operands(map, site);
    const uint64_t *from =
        (const uint64_t *)(const void *)execution->records->slots.data + record->start;
    for (uint32_t i = 0; i < nlocals; i++) {
        uint64_t dead = valtype_is_reference(map->local_types[i]) ? UINT32_MAX : 0;
        bool live = site_map_is_live(map, record->siteidx, i);
        to[i] = live ? narrow(map->local_types[i], take(record, &from, i)) : dead;
    }
    for (uint32_t i = 0; i < site->noperands; i++) {
        uint64_t bits = operands[i].place == OPERAND_SLOT    ? take(record, &from, nlocals + i)
                        : operands[i].place == OPERAND_LOCAL ? to[operands[i].at]
                                                             : operands[i].value;
        to[nlocals + i] = narrow(operands[i].type, bits);
    }
}

static uint32_t full_count(const struct execution *execution, const struct record *record,
                           const struct site_map *map)
{
    return execution->instance->module->funcs[record->funcidx].nlocals +
           site_map_at(map, record->siteidx)->noperands;
}

const uint64_t *records_take(struct execution *execution, struct error *error)
{
    struct records *records = execution->records;
    const struct record *record = records_at(execution, records_count(execution) - 1);
    struct site_map *map = map_of(execution, record->funcidx, error);
    if (!map)
        return NULL;
    size_t size = (size_t)full_size(execution->instance->module, record->funcidx) * SLOT_SIZE;
    records->full.size = 0;
    uint64_t *full = (uint64_t *)(void *)buffer_extend(&records->full, size);
    if (!full) {
        error_set(error, ERROR_MEMORY, "no memory for the guest's frames");
        return NULL;
    }
    memset(full, 0, size);
    full[0] = record->siteidx;
    expand(execution, record, map, full + 1);
    records->slots.size = record->start * SLOT_SIZE;
    records->list.size -= sizeof *record;
    if (records->list.size == 0)
        records_clear(execution);
    return full;
}

/* As the frames of a snapshot. */

static bool visit_record(const struct execution *execution, const struct record *record,
                         struct site_map *map, frame_visitor visit, void *context,
                         struct error *error)
{
    uint32_t nlocals = execution->instance->module->funcs[record->funcidx].nlocals;
    uint32_t count = full_count(execution, record, map);
    const struct site *site = site_map_at(map, record->siteidx);
    const struct operand *operands = site_map_operands(map, site);
    struct buffer slots = {0}, values = {0};
    uint64_t *slot = (uint64_t *)(void *)buffer_extend(&slots, (size_t)count * SLOT_SIZE);
    struct typed_value *value =
        (struct typed_value *)(void *)buffer_extend(&values, (size_t)count * sizeof *value);
    bool good = !slots.failed && !values.failed;
    if (good) {
        memset(value, 0, (size_t)count * sizeof *value);
        expand(execution, record, map, slot);
    }
    for (uint32_t i = 0; good && i < count; i++) {
        value[i].type = i < nlocals ? map->local_types[i] : operands[i - nlocals].type;
        value[i].bits = slot[i];
    }
    struct frame frame = {.funcidx = record->funcidx,
                          .kind = site->kind,
                          .offset = site->offset,
                          .nlocals = nlocals,
                          .noperands = site->noperands,
                          .values = value};
    if (!good)
        error_set(error, ERROR_MEMORY, "no memory for the values of a frame");
    good = good && visit(context, &frame);
    buffer_free(&slots);
    buffer_free(&values);
    return good;
}

bool execution_frames(const struct execution *execution, frame_visitor visit, void *context,
                      struct error *error)
{
    uint32_t count = records_count(execution);
    bool good = count > 0 || error_set(error, ERROR_UNSUPPORTED, "the guest is not running");
    struct site_maps *maps = site_maps_create(execution->instance->module->nfuncs, true);
    if (!maps)
        good = error_set(error, ERROR_MEMORY, "no memory to look at the frames");
    for (uint32_t i = 0; good && i < count; i++) {
        const struct record *record = records_at(execution, i);
        struct site_map *map = map_in(maps, execution->instance->module, record->funcidx, error);
        good = map && visit_record(execution, record, map, visit, context, error);
    }
    site_maps_free(maps);
    return good;
}

uint32_t execution_depth(const struct execution *execution)
{
    return records_count(execution);
}

/* While it runs, these are the frames below those on the host's stack. */
void execution_backtrace(const struct execution *execution, trace_visitor visit, void *context)
{
    uint32_t count = records_count(execution);
    struct site_maps *maps = site_maps_create(execution->instance->module->nfuncs, true);
    bool more = true;
    for (uint32_t i = 0; maps && more && i < count; i++) {
        const struct record *record = records_at(execution, count - 1 - i);
        const struct site_map *map =
            map_in(maps, execution->instance->module, record->funcidx, NULL);
        if (map)
            more = visit(context, i, record->funcidx, site_map_at(map, record->siteidx)->offset);
    }
    site_maps_free(maps);
}

/* And back. */

bool execution_push_frame(struct execution *execution, const struct frame *frame,
                          struct error *error)
{
    if (!execution->maps)
        execution->maps = site_maps_create(execution->instance->module->nfuncs, true);
    if (!execution->maps)
        return error_set(error, ERROR_MEMORY, "no memory to rebuild the frames");
    struct site_map *map;
    const struct site *site = frame_check(execution->maps, execution->instance, frame, &map, error);
    if (!site)
        return false;
    uint32_t siteidx = site_map_index(map, site);
    uint64_t *slots = records_push(execution, frame->funcidx, siteidx, false, error);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < frame->nlocals; i++)
        if (site_map_is_live(map, siteidx, i))
            *slots++ = frame->values[i].bits;
    const struct operand *operands = site_map_operands(map, site);
    for (uint32_t i = 0; i < frame->noperands; i++)
        if (operands[i].place == OPERAND_SLOT)
            *slots++ = frame->values[frame->nlocals + i].bits;
    frame_pushed(execution->maps, frame, site);
    return true;
}

bool execution_seal_frames(struct execution *execution, struct error *error)
{
    return frames_complete(execution->maps, &execution->stop, error);
}
