#include "exec/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/function.h"
#include "lower/code.h"
#include "lower/liveness.h"
#include "lower/notes.h"

/* Of a function, see site_maps_reach. */
struct reach {
    uint32_t code; /* up to where, without it, its sites are asked for; 0: all of them */
    const uint8_t *notes;
};

struct site_maps {
    struct site_map **of; /* by function index */
    struct reach *reach;  /* likewise */
    uint32_t nfuncs;
    bool liveness;
    struct frame_below { /* the frame pushed last */
        const struct site *site;
        uint32_t funcidx;
    } below;
};

/* Making the maps. */

static bool keep_site(void *context, const struct site *site)
{
    struct site_map *map = context;
    uint32_t start = (uint32_t)(map->operands.size / sizeof(struct operand));
    size_t size = site->noperands * sizeof(struct operand);
    if (site->code > map->reach)
        return false;
    if (map->row.size < size)
        buffer_extend(&map->row, size - map->row.size);
    buffer_put(&map->sites, site, sizeof *site);
    buffer_put(&map->starts, &start, sizeof start);
    if (site->shared < site->noperands)
        buffer_put(&map->operands, site->operands + site->shared,
                   (site->noperands - site->shared) * sizeof(struct operand));
    return true;
}

static bool keep_live_site(void *context, const struct site *site, const uint64_t *live)
{
    struct site_map *map = context;
    if (!keep_site(context, site))
        return false;
    buffer_put(&map->live, live, map->live_words * sizeof *live);
    return true;
}

static void map_free(struct site_map *map)
{
    if (!map)
        return;
    buffer_free(&map->sites);
    buffer_free(&map->operands);
    buffer_free(&map->row);
    buffer_free(&map->starts);
    buffer_free(&map->live);
    free(map->local_types);
    free(map);
}

void site_maps_free(struct site_maps *maps)
{
    if (!maps)
        return;
    for (uint32_t i = 0; i < maps->nfuncs; i++)
        map_free(maps->of[i]);
    free(maps->of);
    free(maps->reach);
    free(maps);
}

struct site_maps *site_maps_create(uint32_t nfuncs, bool liveness)
{
    struct site_maps *maps = calloc(1, sizeof *maps);
    if (!maps)
        return NULL;
    maps->nfuncs = nfuncs;
    maps->liveness = liveness;
    maps->of = calloc((size_t)nfuncs + 1, sizeof(struct site_map *));
    maps->reach = calloc((size_t)nfuncs + 1, sizeof *maps->reach);
    if (maps->of && maps->reach)
        return maps;
    maps->nfuncs = 0;
    site_maps_free(maps);
    return NULL;
}

void site_maps_reach(struct site_maps *maps, uint32_t funcidx, uint32_t code, const uint8_t *notes)
{
    struct reach *reach = &maps->reach[funcidx];
    if (reach->code <= code)
        *reach = (struct reach){code + 1, notes};
}

/* `notes` may be NULL; they do not tell what is live. */
static bool map_fill(struct site_map *map, const struct module *module, bool liveness,
                     const uint8_t *notes, struct error *error)
{
    uint32_t nlocals = module->funcs[map->funcidx].nlocals;
    map->live_words = (nlocals + 63) / 64;
    map->local_types = malloc((size_t)nlocals + 1);
    if (!map->local_types)
        return false;
    lower_local_types(module, map->funcidx, map->local_types);
    return (liveness ? lower_liveness(module, map->funcidx, keep_live_site, map, error)
            : notes  ? site_notes_read(notes, keep_site, map)
                     : lower_sites(module, map->funcidx, keep_site, map, error)) &&
           !map->sites.failed && !map->operands.failed && !map->starts.failed &&
           !map->live.failed && !map->row.failed;
}

struct site_map *site_map_of(struct site_maps *maps, const struct module *module, uint32_t funcidx,
                             struct error *error)
{
    if (maps->of[funcidx])
        return maps->of[funcidx];
    struct site_map *map = calloc(1, sizeof *map);
    if (map) {
        map->funcidx = funcidx;
        map->reach = maps->reach[funcidx].code - 1;
        if (map_fill(map, module, maps->liveness, maps->reach[funcidx].notes, error)) {
            maps->of[funcidx] = map;
            return map;
        }
    }
    map_free(map);
    error_set(error, ERROR_MEMORY, "no memory for the sites of function %u", funcidx);
    return NULL;
}

/* Looking them up. */

uint32_t site_map_count(const struct site_map *map)
{
    return (uint32_t)(map->sites.size / sizeof(struct site));
}

const struct site *site_map_at(const struct site_map *map, uint32_t index)
{
    return (const struct site *)(const void *)map->sites.data + index;
}

uint32_t site_map_index(const struct site_map *map, const struct site *site)
{
    return (uint32_t)(site - site_map_at(map, 0));
}

const struct operand *site_map_operands(struct site_map *map, const struct site *site)
{
    struct operand *row = (struct operand *)(void *)map->row.data;
    const struct operand *all = (const struct operand *)(const void *)map->operands.data;
    const uint32_t *starts = (const uint32_t *)(const void *)map->starts.data;
    if (map->row_of == site)
        return row;
    map->row_of = site;
    for (uint32_t need = site->noperands, i = site_map_index(map, site); need > 0; i--) {
        uint32_t shared = site_map_at(map, i)->shared;
        if (shared >= need)
            continue;
        memcpy(row + shared, all + starts[i], (need - shared) * sizeof *row);
        need = shared;
    }
    return row;
}

bool site_map_is_live(const struct site_map *map, uint32_t siteidx, uint32_t local)
{
    const uint64_t *live = (const uint64_t *)(const void *)map->live.data;
    return is_live(live + (size_t)siteidx * map->live_words, local);
}

const struct site *site_map_find(const struct site_map *map, enum site_kind kind, bool by_code,
                                 uint32_t key)
{
    uint32_t low = 0, high = site_map_count(map);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct site *site = site_map_at(map, middle);
        if ((by_code ? site->code : site->offset) < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < site_map_count(map); low++) {
        const struct site *site = site_map_at(map, low);
        if ((by_code ? site->code : site->offset) != key)
            break;
        if (site->kind == kind)
            return site;
    }
    return NULL;
}

/* Frames. */

bool frame_wrong(struct error *error, const struct frame *frame, const char *reason)
{
    return error_set(error, ERROR_SNAPSHOT, "frame of function %u at offset 0x%x: %s",
                     frame->funcidx, frame->offset, reason);
}

static bool check_value(const struct instance *instance, const struct frame *frame, valtype type,
                        const struct typed_value *value, struct error *error)
{
    union value bits;
    if (value->type != type)
        return frame_wrong(error, frame, "a value has another type than in the module");
    return value_in(instance, value, &bits) ||
           frame_wrong(error, frame, "a value that its type does not have");
}

static bool check_locals(const struct instance *instance, const struct site_map *map,
                         const struct frame *frame, struct error *error)
{
    uint32_t nparams = module_functype(instance->module, frame->funcidx)->nparams;
    for (uint32_t i = 0; i < frame->nlocals; i++) {
        const struct typed_value *value = &frame->values[i];
        uint64_t initial = valtype_is_reference(value->type) ? UINT32_MAX : 0;
        if (frame->kind == SITE_ENTRY && i >= nparams && value->bits != initial)
            return frame_wrong(error, frame,
                               "a declared local is not zero at the function's entry");
        if (!check_value(instance, frame, map->local_types[i], value, error))
            return false;
    }
    return true;
}

static bool check_operands(const struct instance *instance, const struct operand *operands,
                           const struct frame *frame, struct error *error)
{
    const struct typed_value *values = frame->values + frame->nlocals;
    for (uint32_t i = 0; i < frame->noperands; i++) {
        const struct operand *operand = &operands[i];
        if (operand->place == OPERAND_SLOT) {
            if (!check_value(instance, frame, operand->type, &values[i], error))
                return false;
            continue;
        }
        uint64_t expected =
            operand->place == OPERAND_CONST ? operand->value : frame->values[operand->at].bits;
        if (operand->type == TYPE_I32) /* it may be the low half of an i64 local */
            expected = (uint32_t)expected;
        if (values[i].type != operand->type || values[i].bits != expected)
            return frame_wrong(error, frame, "an operand differs from what the module computes");
    }
    return true;
}

/* Whether a frame that waits at `below` can have called `funcidx`, by a tail call at the end if
 * the module has such. */
static bool can_call(const struct module *module, const struct site *below, uint32_t funcidx)
{
    const struct functype *called = &module->types[below->type];
    const struct functype *type = module_functype(module, funcidx);
    if (below->callee == funcidx ||
        (below->callee == UINT32_MAX && called->canonical == type->canonical))
        return true;
    return module->has_tail_calls && called->nresults == type->nresults &&
           memcmp(called->types + called->nparams, type->types + type->nparams, type->nresults) ==
               0;
}

static bool check_below(const struct site_maps *maps, const struct module *module,
                        const struct frame *frame, struct error *error)
{
    const struct site *below = maps->below.site;
    if (!below)
        return true;
    if (below->kind != SITE_CALL)
        return frame_wrong(error, frame, "the frame below it is not at a call");
    return can_call(module, below, frame->funcidx) ||
           frame_wrong(error, frame, "the frame below it calls another function");
}

static const struct import *import_of(const struct module *module, uint32_t funcidx)
{
    const struct import *import = module->imports;
    while (import->kind != EXTERN_FUNC || import->index != funcidx)
        import++;
    return import;
}

/* Whether the imported function may be what stopped at that site. */
static bool may_stop_at(const struct instance *instance, const struct site *site, uint32_t funcidx)
{
    const struct module *module = instance->module;
    const struct func *func = &module->funcs[funcidx];
    bool called = site->callee == funcidx ||
                  (site->callee == UINT32_MAX && func->referenced &&
                   module->types[func->type].canonical == module->types[site->type].canonical);
    return called && !instance->functions[funcidx].target->never_stops;
}

/* Sealed code does not expect to be stopped where it never is. */
static bool check_host_call(const struct instance *instance, const struct frame *frame,
                            const struct site *site, struct error *error)
{
    const struct module *module = instance->module;
    for (uint32_t i = 0; i < module->nimported_funcs; i++)
        if (may_stop_at(instance, site, i))
            return true;
    if (site->callee == UINT32_MAX)
        return frame_wrong(error, frame,
                           "it waits in a call by which no host function that waits is called");
    struct span name = import_of(module, site->callee)->name;
    char reason[160];
    snprintf(reason, sizeof reason, "it waits in a call of %.*s, which never waits",
             (int)(name.size < 100 ? name.size : 100), (const char *)name.data);
    return frame_wrong(error, frame, reason);
}

static const struct site *check_site(struct site_maps *maps, const struct instance *instance,
                                     const struct frame *frame, struct site_map **map,
                                     struct error *error)
{
    const struct module *module = instance->module;
    const struct site *site = NULL;
    if (frame->funcidx < module->nimported_funcs || frame->funcidx >= module->nfuncs) {
        frame_wrong(error, frame, "no such function in the module");
        return NULL;
    }
    *map = site_map_of(maps, module, frame->funcidx, error);
    if (!*map)
        return NULL;
    site = site_map_find(*map, frame->kind, false, frame->offset);
    if (!site)
        frame_wrong(error, frame, "not a safepoint of that function");
    else if (frame->nlocals != module->funcs[frame->funcidx].nlocals ||
             frame->noperands != site->noperands)
        frame_wrong(error, frame, "another number of locals or operands than in the module");
    else if (site->kind != SITE_HOST_CALL || check_host_call(instance, frame, site, error))
        return site;
    return NULL;
}

const struct site *frame_check(struct site_maps *maps, const struct instance *instance,
                               const struct frame *frame, struct site_map **map,
                               struct error *error)
{
    const struct site *site = check_site(maps, instance, frame, map, error);
    bool good = site && check_below(maps, instance->module, frame, error) &&
                check_locals(instance, *map, frame, error) &&
                check_operands(instance, site_map_operands(*map, site), frame, error);
    return good ? site : NULL;
}

void frame_pushed(struct site_maps *maps, const struct frame *frame, const struct site *site)
{
    maps->below = (struct frame_below){site, frame->funcidx};
}

const struct site *frame_below(const struct site_maps *maps, uint32_t *funcidx)
{
    *funcidx = maps->below.funcidx;
    return maps->below.site;
}

bool frames_complete(const struct site_maps *maps, enum site_kind *kind, struct error *error)
{
    const struct site *innermost = maps ? maps->below.site : NULL;
    if (!innermost)
        return error_set(error, ERROR_SNAPSHOT, "there are no frames");
    if (innermost->kind == SITE_CALL)
        return error_set(error, ERROR_SNAPSHOT, "the innermost frame waits for a call");
    *kind = innermost->kind;
    return true;
}
