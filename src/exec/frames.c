/* frames.c - frames in the terms of the specification: out of a run, and back into one.
 *
 * Both directions go through the sites of the functions concerned (lower/site.h), which are made
 * once for each function and kept in a `struct site_maps` while the work lasts. */
#include <stdlib.h>
#include <string.h>

#include "exec/execution.h"
#include "exec/function.h"

/* All sites of one function, in the order of the bytecode: offsets and register code ascend. */
struct site_map {
    uint32_t funcidx;
    struct buffer sites;    /* struct site; `operands` is not used */
    struct buffer operands; /* struct operand of all sites */
    struct buffer starts;   /* uint32_t: index in `operands` of each site's first */
    valtype *local_types;
};

struct site_maps {
    struct site_map **of; /* by function index */
    uint32_t nfuncs;
    struct frame_below { /* the frame pushed last */
        const struct site *site;
        uint32_t funcidx;
    } below;
};

static bool keep_site(void *context, const struct site *site)
{
    struct site_map *map = context;
    uint32_t start = (uint32_t)(map->operands.size / sizeof(struct operand));
    buffer_put(&map->sites, site, sizeof *site);
    buffer_put(&map->starts, &start, sizeof start);
    buffer_put(&map->operands, site->operands, site->noperands * sizeof(struct operand));
    return true;
}

static void map_free(struct site_map *map)
{
    if (!map)
        return;
    buffer_free(&map->sites);
    buffer_free(&map->operands);
    buffer_free(&map->starts);
    free(map->local_types);
    free(map);
}

static void maps_free(struct site_maps *maps)
{
    if (!maps)
        return;
    for (uint32_t i = 0; i < maps->nfuncs; i++)
        map_free(maps->of[i]);
    free(maps->of);
    free(maps);
}

static struct site_maps *maps_create(uint32_t nfuncs)
{
    struct site_maps *maps = calloc(1, sizeof *maps);
    if (!maps)
        return NULL;
    maps->nfuncs = nfuncs;
    maps->of = calloc((size_t)nfuncs + 1, sizeof(struct site_map *));
    if (!maps->of) {
        free(maps);
        return NULL;
    }
    return maps;
}

static struct site_map *map_of(struct site_maps *maps, const struct module *module,
                               uint32_t funcidx, struct error *error)
{
    if (maps->of[funcidx])
        return maps->of[funcidx];
    struct site_map *map = calloc(1, sizeof *map);
    if (!map) {
        error_set(error, ERROR_MEMORY, "no memory for the sites of function %u", funcidx);
        return NULL;
    }
    map->funcidx = funcidx;
    map->local_types = malloc((size_t)module->funcs[funcidx].nlocals + 1);
    bool good = map->local_types && lower_sites(module, funcidx, keep_site, map, error);
    if (!good || map->sites.failed || map->operands.failed || map->starts.failed) {
        map_free(map);
        error_set(error, ERROR_MEMORY, "no memory for the sites of function %u", funcidx);
        return NULL;
    }
    lower_local_types(module, funcidx, map->local_types);
    maps->of[funcidx] = map;
    return map;
}

static uint32_t site_count(const struct site_map *map)
{
    return (uint32_t)(map->sites.size / sizeof(struct site));
}

static const struct site *site_at(const struct site_map *map, uint32_t index)
{
    return (const struct site *)(const void *)map->sites.data + index;
}

static const struct operand *site_operands(const struct site_map *map, const struct site *site)
{
    const struct site *first = site_at(map, 0);
    uint32_t start;
    if (site->noperands == 0)
        return NULL;
    memcpy(&start, map->starts.data + (size_t)(site - first) * sizeof start, sizeof start);
    return (const struct operand *)(const void *)map->operands.data + start;
}

/* The site of that kind at a bytecode offset (`by_code` false) or at register code, or NULL. */
static const struct site *find_site(const struct site_map *map, enum site_kind kind, bool by_code,
                                    uint32_t key)
{
    uint32_t low = 0, high = site_count(map);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct site *site = site_at(map, middle);
        if ((by_code ? site->code : site->offset) < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < site_count(map); low++) {
        const struct site *site = site_at(map, low);
        if ((by_code ? site->code : site->offset) != key)
            break;
        if (site->kind == kind)
            return site;
    }
    return NULL;
}

/* Where in which function a pc is. */

static int by_code_address(const void *a, const void *b)
{
    const struct function *const *x = a, *const *y = b;
    uintptr_t p = (uintptr_t)(*x)->code, q = (uintptr_t)(*y)->code;
    return (p > q) - (p < q);
}

struct code_index {
    const struct function **functions; /* those with register code, by its address */
    uint32_t count;
};

static bool code_index_make(struct code_index *index, const struct instance *instance,
                            struct error *error)
{
    const struct module *module = instance->module;
    index->count = 0;
    index->functions = malloc(((size_t)module->nfuncs + 1) * sizeof(const struct function *));
    if (!index->functions)
        return error_set(error, ERROR_MEMORY, "no memory to look at the frames");
    for (uint32_t i = 0; i < module->nfuncs; i++)
        if (instance->functions[i].code_size)
            index->functions[index->count++] = &instance->functions[i];
    qsort(index->functions, index->count, sizeof(const struct function *), by_code_address);
    return true;
}

/* The function whose register code holds `pc`, or whose stub it is; NULL for neither. `pc` may be
 * just behind the last instruction of a call that does not return. */
static const struct function *code_index_find(const struct code_index *index,
                                              const struct instance *instance, const uint8_t *pc)
{
    uintptr_t at = (uintptr_t)pc;
    if (at >= (uintptr_t)instance->functions &&
        at < (uintptr_t)(instance->functions + instance->module->nfuncs))
        return function_of_stub(pc);
    uint32_t low = 0, high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)index->functions[middle]->code <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct function *function = index->functions[low - 1];
    return at - (uintptr_t)function->code <= function->code_size ? function : NULL;
}

static uint32_t code_offset(const struct function *function, const uint8_t *pc)
{
    return function->code_size ? (uint32_t)(pc - function->code) : 0;
}

/* A frame as the interpreter has it. */
struct raw_frame {
    const struct function *function;
    const uint8_t *pc;
    const uint8_t *fp;
};

/* Collects the frames, innermost first, as struct raw_frame. */
static bool walk(const struct execution *execution, struct buffer *frames, struct error *error)
{
    struct code_index index;
    if (!code_index_make(&index, execution->instance, error))
        return false;
    const uint8_t *pc = execution->pc, *fp = execution->fp;
    for (;;) {
        struct raw_frame frame = {code_index_find(&index, execution->instance, pc), pc, fp};
        if (!frame.function)
            break; /* exit_code, or the bootstrap of an imported function */
        buffer_put(frames, &frame, sizeof frame);
        struct link link;
        memcpy(&link, fp + frame.function->link, sizeof link);
        pc = link.pc;
        fp -= link.delta;
    }
    free(index.functions);
    return !frames->failed || error_set(error, ERROR_MEMORY, "no memory to look at the frames");
}

uint32_t execution_depth(const struct execution *execution)
{
    struct buffer frames = {0};
    walk(execution, &frames, NULL);
    uint32_t depth = (uint32_t)(frames.size / sizeof(struct raw_frame));
    buffer_free(&frames);
    return depth;
}

void execution_backtrace(const struct execution *execution, trace_visitor visit, void *context)
{
    struct buffer frames = {0};
    const struct module *module = execution->instance->module;
    walk(execution, &frames, NULL);
    uint32_t depth = (uint32_t)(frames.size / sizeof(struct raw_frame));
    for (uint32_t i = 0; i < depth; i++) {
        struct raw_frame frame;
        memcpy(&frame, frames.data + i * sizeof frame, sizeof frame);
        uint32_t at = code_offset(frame.function, frame.pc);
        if (i > 0 && at > 0)
            at--; /* a return address: the call is just before it */
        visit(context, i, frame.function->index, lower_position(module, frame.function->index, at));
    }
    buffer_free(&frames);
}

/* Out of a run. */

struct capture {
    const struct execution *execution;
    struct site_maps *maps;
    struct buffer values;
};

static bool put_typed(struct capture *capture, const uint8_t *slot, valtype type,
                      struct error *error)
{
    struct typed_value value;
    union value bits;
    memcpy(&bits, slot, sizeof bits);
    if (!value_out(capture->execution->instance, type, bits, &value, error))
        return false;
    buffer_put(&capture->values, &value, sizeof value);
    return true;
}

static bool put_values(struct capture *capture, const struct site_map *map, const struct site *site,
                       const uint8_t *fp, uint32_t nlocals, struct error *error)
{
    capture->values.size = 0;
    for (uint32_t i = 0; i < nlocals; i++)
        if (!put_typed(capture, fp + (size_t)i * SLOT_SIZE, map->local_types[i], error))
            return false;
    const struct operand *operands = site_operands(map, site);
    for (uint32_t i = 0; i < site->noperands; i++) {
        struct typed_value constant;
        memset(&constant, 0, sizeof constant);
        constant.type = operands[i].type;
        constant.bits = operands[i].value;
        if (operands[i].place == OPERAND_CONST)
            buffer_put(&capture->values, &constant, sizeof constant);
        else if (!put_typed(capture, fp + operands[i].slot, operands[i].type, error))
            return false;
    }
    return !capture->values.failed ||
           error_set(error, ERROR_MEMORY, "no memory for the values of a frame");
}

static bool capture_frame(struct capture *capture, const struct raw_frame *raw, enum site_kind kind,
                          frame_visitor visit, void *context, struct error *error)
{
    const struct module *module = capture->execution->instance->module;
    uint32_t funcidx = raw->function->index;
    const struct site_map *map = map_of(capture->maps, module, funcidx, error);
    if (!map)
        return false;
    const struct site *site = find_site(map, kind, true, code_offset(raw->function, raw->pc));
    if (!site)
        return error_set(error, ERROR_UNSUPPORTED, "function %u is not at a safepoint", funcidx);
    uint32_t nlocals = module->funcs[funcidx].nlocals;
    if (!put_values(capture, map, site, raw->fp, nlocals, error))
        return false;
    struct frame frame = {
        .funcidx = funcidx,
        .kind = kind,
        .offset = site->offset,
        .nlocals = nlocals,
        .noperands = site->noperands,
        .values = (const struct typed_value *)(const void *)capture->values.data,
    };
    return visit(context, &frame);
}

bool execution_frames(const struct execution *execution, frame_visitor visit, void *context,
                      struct error *error)
{
    struct buffer frames = {0};
    struct capture capture = {.execution = execution};
    bool good = walk(execution, &frames, error);
    if (good && frames.size == 0)
        good = error_set(error, ERROR_UNSUPPORTED, "the guest is not running");
    capture.maps = good ? maps_create(execution->instance->module->nfuncs) : NULL;
    if (good && !capture.maps)
        good = error_set(error, ERROR_MEMORY, "no memory to look at the frames");
    for (size_t i = frames.size / sizeof(struct raw_frame); good && i-- > 0;) {
        struct raw_frame raw;
        memcpy(&raw, frames.data + i * sizeof raw, sizeof raw);
        good = capture_frame(&capture, &raw, i == 0 ? execution->stop : SITE_CALL, visit, context,
                             error);
    }
    buffer_free(&capture.values);
    buffer_free(&frames);
    maps_free(capture.maps);
    return good;
}

/* Back into a run. */

static bool wrong(struct error *error, const struct frame *frame, const char *reason)
{
    return error_set(error, ERROR_SNAPSHOT, "frame of function %u at offset 0x%x: %s",
                     frame->funcidx, frame->offset, reason);
}

static bool put_slot(const struct execution *execution, uint8_t *slot, valtype type,
                     const struct frame *frame, const struct typed_value *value,
                     struct error *error)
{
    union value bits;
    if (value->type != type)
        return wrong(error, frame, "a value has another type than in the module");
    if (!value_in(execution->instance, value, &bits))
        return wrong(error, frame, "a value that its type does not have");
    memcpy(slot, &bits, sizeof bits);
    return true;
}

static bool put_locals(struct execution *execution, uint8_t *fp, const struct site_map *map,
                       const struct frame *frame, struct error *error)
{
    const struct module *module = execution->instance->module;
    uint32_t nparams = module_functype(module, frame->funcidx)->nparams;
    for (uint32_t i = 0; i < frame->nlocals; i++) {
        const struct typed_value *value = &frame->values[i];
        uint64_t initial = valtype_is_reference(value->type) ? UINT32_MAX : 0;
        if (frame->kind == SITE_ENTRY && i >= nparams && value->bits != initial)
            return wrong(error, frame, "a declared local is not zero at the function's entry");
        if (!put_slot(execution, fp + (size_t)i * SLOT_SIZE, map->local_types[i], frame, value,
                      error))
            return false;
    }
    return true;
}

static bool put_operands(struct execution *execution, uint8_t *fp, const struct site_map *map,
                         const struct site *site, const struct frame *frame, struct error *error)
{
    const struct operand *operands = site_operands(map, site);
    const struct typed_value *values = frame->values + frame->nlocals;
    for (uint32_t i = 0; i < site->noperands; i++) {
        const struct operand *operand = &operands[i];
        if (operand->place == OPERAND_SLOT) {
            if (!put_slot(execution, fp + operand->slot, operand->type, frame, &values[i], error))
                return false;
            continue;
        }
        uint64_t expected = operand->place == OPERAND_CONST
                                ? operand->value
                                : frame->values[operand->slot / SLOT_SIZE].bits;
        if (operand->type == TYPE_I32) /* it may be the low half of an i64 local */
            expected = (uint32_t)expected;
        if (values[i].type != operand->type || values[i].bits != expected)
            return wrong(error, frame, "an operand differs from what the module computes");
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

static const struct site *check_frame(struct execution *execution, const struct frame *frame,
                                      struct site_map **map, struct error *error)
{
    const struct module *module = execution->instance->module;
    const struct site *site = NULL;
    if (frame->funcidx < module->nimported_funcs || frame->funcidx >= module->nfuncs) {
        wrong(error, frame, "no such function in the module");
        return NULL;
    }
    *map = map_of(execution->maps, module, frame->funcidx, error);
    if (!*map)
        return NULL;
    site = find_site(*map, frame->kind, false, frame->offset);
    if (!site)
        wrong(error, frame, "not a safepoint of that function");
    else if (frame->nlocals != module->funcs[frame->funcidx].nlocals ||
             frame->noperands != site->noperands)
        wrong(error, frame, "another number of locals or operands than in the module");
    else
        return site;
    return NULL;
}

/* The frame's place, above the one pushed before. */
static bool place_frame(struct execution *execution, const struct frame *frame, struct link *link,
                        uint8_t **fp, struct error *error)
{
    const struct frame_below *below = &execution->maps->below;
    *link = (struct link){exit_code, 0};
    *fp = execution->stack;
    if (below->site) {
        const struct function *caller = &execution->instance->functions[below->funcidx];
        if (below->site->kind != SITE_CALL)
            return wrong(error, frame, "the frame below it is not at a call");
        if (!can_call(execution->instance->module, below->site, frame->funcidx))
            return wrong(error, frame, "the frame below it calls another function");
        struct frame_layout layout;
        if (!frame_layout(execution->instance->module, below->funcidx, &layout, error))
            return false;
        link->pc = caller->code + below->site->code;
        link->delta = layout.operands + below->site->noperands * SLOT_SIZE;
        *fp = execution->fp + link->delta;
    }
    const struct function *function = &execution->instance->functions[frame->funcidx];
    if ((size_t)(execution->stack_end - *fp) < function->frame_size)
        return wrong(error, frame, "the frames do not fit into the stack");
    return true;
}

bool execution_push_frame(struct execution *execution, const struct frame *frame,
                          struct error *error)
{
    if (!execution->maps)
        execution->maps = maps_create(execution->instance->module->nfuncs);
    if (!execution->maps)
        return error_set(error, ERROR_MEMORY, "no memory to rebuild the frames");
    struct site_map *map;
    const struct site *site = check_frame(execution, frame, &map, error);
    struct link link;
    uint8_t *fp;
    if (!site || !place_frame(execution, frame, &link, &fp, error) ||
        !put_locals(execution, fp, map, frame, error) ||
        !put_operands(execution, fp, map, site, frame, error))
        return false;
    struct function *function = &execution->instance->functions[frame->funcidx];
    if (!function_lower(function))
        return error_set(error, ERROR_MEMORY, "no memory to lower function %u", frame->funcidx);
    memcpy(fp + function->link, &link, sizeof link);
    execution->fp = fp;
    execution->pc = function->code + site->code;
    execution->maps->below = (struct frame_below){site, frame->funcidx};
    return true;
}

bool execution_seal_frames(struct execution *execution, struct error *error)
{
    const struct site *innermost = execution->maps ? execution->maps->below.site : NULL;
    bool good = innermost && innermost->kind != SITE_CALL;
    if (good)
        execution->stop = innermost->kind;
    else
        error_set(error, ERROR_SNAPSHOT,
                  innermost ? "the innermost frame waits for a call" : "there are no frames");
    maps_free(execution->maps);
    execution->maps = NULL;
    return good;
}
