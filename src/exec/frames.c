/* frames.c - frames in the terms of the specification: out of a run, and back into one. */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "exec/function.h"
#include "exec/sites.h"

/* Where in which function a pc is. */

static int by_code_address(const void *a, const void *b)
{
    const struct function *const *x = a, *const *y = b;
    uintptr_t p = (uintptr_t)(*x)->code, q = (uintptr_t)(*y)->code;
    return (p > q) - (p < q);
}

/* Sorted only for deep stacks: most have fewer frames than sorting takes looks. */
#define FRAMES_UNSORTED 32u
struct code_index {
    const struct function **functions; /* those with register code */
    uint32_t count;
    uint32_t asked; /* how often */
};

static bool code_index_make(struct code_index *index, const struct instance *instance,
                            struct error *error)
{
    const struct module *module = instance->module;
    *index = (struct code_index){0};
    index->functions = malloc(((size_t)module->nfuncs + 1) * sizeof(const struct function *));
    if (!index->functions)
        return error_set(error, ERROR_MEMORY, "no memory to look at the frames");
    for (uint32_t i = 0; i < module->nfuncs; i++)
        if (instance->functions[i].code_size)
            index->functions[index->count++] = &instance->functions[i];
    return true;
}

static bool holds(const struct function *function, uintptr_t at)
{
    return at >= (uintptr_t)function->code && at - (uintptr_t)function->code <= function->code_size;
}

static const struct function *search_sorted(const struct code_index *index, uintptr_t at)
{
    uint32_t low = 0, high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)index->functions[middle]->code <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && holds(index->functions[low - 1], at) ? index->functions[low - 1] : NULL;
}

static const struct function *search(const struct code_index *index, uintptr_t at)
{
    for (uint32_t i = 0; i < index->count; i++)
        if (holds(index->functions[i], at))
            return index->functions[i];
    return NULL;
}

/* The function whose register code holds `pc`, or whose stub it is; NULL for neither. `pc` may be
 * just behind the last instruction of a call that does not return. */
static const struct function *code_index_find(struct code_index *index,
                                              const struct instance *instance, const uint8_t *pc)
{
    uintptr_t at = (uintptr_t)pc;
    if (at >= (uintptr_t)instance->functions &&
        at < (uintptr_t)(instance->functions + instance->module->nfuncs))
        return function_of_stub(pc);
    if (index->asked++ == FRAMES_UNSORTED)
        sort(index->functions, index->count, sizeof(const struct function *), by_code_address);
    return index->asked > FRAMES_UNSORTED ? search_sorted(index, at) : search(index, at);
}

static uint32_t code_offset(const struct function *function, const uint8_t *pc)
{
    return function->code_size && pc != (const uint8_t *)function->stub
               ? (uint32_t)(pc - function->code)
               : 0;
}

/* Of its sites; NULL before it is lowered. */
static const uint8_t *notes_of(const struct function *function)
{
    return function->code_size ? function->code + function->code_size : NULL;
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
        memcpy(&link, fp + frame.function->head.link, sizeof link);
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
    bool more = true;
    for (uint32_t i = 0; i < depth && more; i++) {
        struct raw_frame frame;
        memcpy(&frame, frames.data + i * sizeof frame, sizeof frame);
        uint32_t at = code_offset(frame.function, frame.pc);
        if (i > 0 && at > 0)
            at--; /* a return address: the call is just before it */
        more = visit(context, i, frame.function->index,
                     lower_position(module, frame.function->index, at));
    }
    buffer_free(&frames);
}

/* Out of a run. */

struct capture {
    const struct execution *execution;
    struct site_maps *maps;
    struct buffer values;
};

static void put_bits(struct capture *capture, valtype type, uint64_t bits)
{
    struct typed_value value;
    memset(&value, 0, sizeof value);
    value.type = type;
    value.bits = bits;
    buffer_put(&capture->values, &value, sizeof value);
}

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

static uint32_t place_of(const struct frame_layout *layout, const struct operand *operand)
{
    return operand->place == OPERAND_LOCAL ? frame_local(layout, operand->at) : operand->at;
}

static bool put_values(struct capture *capture, struct site_map *map, const struct site *site,
                       const uint8_t *fp, uint32_t nlocals, struct error *error)
{
    uint32_t siteidx = site_map_index(map, site);
    struct frame_layout layout = frame_layout(capture->execution->instance->module, map->funcidx);
    capture->values.size = 0;
    for (uint32_t i = 0; i < nlocals; i++) {
        valtype type = map->local_types[i];
        if (capture->execution->canonical && !site_map_is_live(map, siteidx, i))
            put_bits(capture, type, valtype_is_reference(type) ? UINT32_MAX : 0);
        else if (!put_typed(capture, fp + frame_local(&layout, i), type, error))
            return false;
    }
    const struct operand *operands = site_map_operands(map, site);
    for (uint32_t i = 0; i < site->noperands; i++) {
        if (operands[i].place == OPERAND_CONST)
            put_bits(capture, operands[i].type, operands[i].value);
        else if (!put_typed(capture, fp + place_of(&layout, &operands[i]), operands[i].type, error))
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
    struct site_map *map = site_map_of(capture->maps, module, funcidx, error);
    if (!map)
        return false;
    const struct site *site = site_map_find(map, kind, true, code_offset(raw->function, raw->pc));
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
    capture.maps =
        good ? site_maps_create(execution->instance->module->nfuncs, execution->canonical) : NULL;
    if (good && !capture.maps)
        good = error_set(error, ERROR_MEMORY, "no memory to look at the frames");
    struct raw_frame raw;
    for (size_t i = 0; good && i < frames.size; i += sizeof raw) {
        memcpy(&raw, frames.data + i, sizeof raw);
        site_maps_reach(capture.maps, raw.function->index, code_offset(raw.function, raw.pc),
                        notes_of(raw.function));
    }
    for (size_t i = frames.size / sizeof(struct raw_frame); good && i-- > 0;) {
        memcpy(&raw, frames.data + i * sizeof raw, sizeof raw);
        good = capture_frame(&capture, &raw, i == 0 ? execution->stop : SITE_CALL, visit, context,
                             error);
    }
    buffer_free(&capture.values);
    buffer_free(&frames);
    site_maps_free(capture.maps);
    return good;
}

/* Back into a run; what is put there has been checked. */

static void put_slot(const struct execution *execution, uint8_t *slot,
                     const struct typed_value *value)
{
    union value bits;
    value_in(execution->instance, value, &bits);
    memcpy(slot, &bits, sizeof bits);
}

static void put_frame(const struct execution *execution, uint8_t *fp,
                      const struct operand *operands, const struct frame *frame)
{
    struct frame_layout layout = frame_layout(execution->instance->module, frame->funcidx);
    for (uint32_t i = 0; i < frame->nlocals; i++)
        put_slot(execution, fp + frame_local(&layout, i), &frame->values[i]);
    for (uint32_t i = 0; i < frame->noperands; i++)
        if (operands[i].place == OPERAND_SLOT)
            put_slot(execution, fp + operands[i].at, &frame->values[frame->nlocals + i]);
}

/* The frame's place, above the one pushed before. */
static bool place_frame(struct execution *execution, const struct frame *frame, struct link *link,
                        uint8_t **fp, struct error *error)
{
    uint32_t caller_index;
    const struct site *below = frame_below(execution->maps, &caller_index);
    *link = (struct link){exit_code, 0};
    *fp = execution->stack;
    if (below) {
        const struct function *caller = &execution->instance->functions[caller_index];
        struct frame_layout layout = frame_layout(execution->instance->module, caller_index);
        link->pc = caller->code + below->code;
        link->delta = layout.operands + below->noperands * SLOT_SIZE;
        *fp = execution->fp + link->delta;
    }
    const struct function *function = &execution->instance->functions[frame->funcidx];
    if ((size_t)(execution->stack_end - *fp) < function->head.frame_size)
        return frame_wrong(error, frame, "the frames do not fit into the stack");
    return true;
}

bool execution_push_frame(struct execution *execution, const struct frame *frame,
                          struct error *error)
{
    if (!execution->maps)
        execution->maps = site_maps_create(execution->instance->module->nfuncs, false);
    if (!execution->maps)
        return error_set(error, ERROR_MEMORY, "no memory to rebuild the frames");
    struct site_map *map;
    const struct site *site = frame_check(execution->maps, execution->instance, frame, &map, error);
    struct link link;
    uint8_t *fp;
    if (!site || !place_frame(execution, frame, &link, &fp, error))
        return false;
    put_frame(execution, fp, site_map_operands(map, site), frame);
    struct function *function = &execution->instance->functions[frame->funcidx];
    if (!function_lower(function))
        return error_set(error, ERROR_MEMORY, "no memory to lower function %u", frame->funcidx);
    memcpy(fp + function->head.link, &link, sizeof link);
    execution->fp = fp;
    execution->pc = function->code + site->code;
    frame_pushed(execution->maps, frame, site);
    return true;
}

bool execution_seal_frames(struct execution *execution, struct error *error)
{
    bool good = frames_complete(execution->maps, &execution->stop, error);
    site_maps_free(execution->maps);
    execution->maps = NULL;
    return good;
}
