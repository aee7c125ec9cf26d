/* validator.c - the stacks of the validation algorithm. */
#include "wasm/validator.h"

#include <stdlib.h>
#include <string.h>

/* Errors. */

static const char *instruction_text(const struct validator *v)
{
    return opcode_info(v->instruction.opcode)->text;
}

bool validate_mismatch(struct validator *v, valtype expected, valtype found)
{
    return error_set_at(v->reader->error, ERROR_INVALID,
                        (uint64_t)(v->instruction.start - v->reader->start),
                        "type mismatch: %s expects %s, found %s", instruction_text(v),
                        valtype_name(expected), valtype_name(found));
}

bool pop_from_empty(struct validator *v)
{
    return error_set_at(v->reader->error, ERROR_INVALID,
                        (uint64_t)(v->instruction.start - v->reader->start),
                        "type mismatch: %s finds too few operands", instruction_text(v));
}

static bool no_memory(struct validator *v)
{
    return fail(v->reader, v->instruction.start, ERROR_MEMORY, "no memory to validate");
}

const struct functype *block_of(valtype result)
{
    static const valtype types[] = {TYPE_I32, TYPE_I64,     TYPE_F32,
                                    TYPE_F64, TYPE_FUNCREF, TYPE_EXTERNREF};
    static const struct functype blocks[] = {
        {types, 0, 1, 0},     {types + 1, 0, 1, 0}, {types + 2, 0, 1, 0}, {types + 3, 0, 1, 0},
        {types + 4, 0, 1, 0}, {types + 5, 0, 1, 0}, {types, 0, 0, 0}};
    for (uint32_t i = 0; i < sizeof types; i++)
        if (types[i] == result)
            return &blocks[i];
    return &blocks[sizeof types];
}

const struct functype *module_blocktype(const struct module *module, const struct instruction *i)
{
    return i->block >= 0 ? &module->types[i->block] : block_of(i->type);
}

/* Operands. */

bool operands_grow(struct validator *v, uint32_t count)
{
    if (count > OPERANDS_MAX - v->height)
        return error_set_at(v->reader->error, ERROR_UNSUPPORTED,
                            (uint64_t)(v->instruction.start - v->reader->start),
                            "more than %u operands in a function are not supported", OPERANDS_MAX);
    uint32_t capacity = v->capacity * 2 + count + 64;
    if (capacity > OPERANDS_MAX) /* the limit is exact */
        capacity = OPERANDS_MAX;
    valtype *operands = realloc(v->operands, capacity);
    if (!operands)
        return no_memory(v);
    v->operands = operands;
    v->capacity = capacity;
    return true;
}

/* Whether `count` operands of the innermost block are there and have these very types: then there
 * is nothing to look at one by one. */
static bool top_is(const struct validator *v, const valtype *types, uint32_t count)
{
    return v->height - v->top->height >= count &&
           (count == 0 || memcmp(v->operands + v->height - count, types, count) == 0);
}

bool pop_types(struct validator *v, const valtype *types, uint32_t count)
{
    if (top_is(v, types, count)) {
        v->height -= count;
        return true;
    }
    /* In unreachable code the operands may be missing; max_operands counts them all the same. */
    if (v->top->unreachable && v->top->height + count > v->max_operands)
        v->max_operands = v->top->height + count;
    while (count--)
        if (!pop(v, types[count]))
            return false;
    return true;
}

bool push_types(struct validator *v, const valtype *types, uint32_t count)
{
    if (count == 0)
        return true;
    if (count > v->capacity - v->height && !operands_grow(v, count))
        return false;
    memcpy(v->operands + v->height, types, count);
    v->height += count;
    if (v->height > v->max_operands)
        v->max_operands = v->height;
    return true;
}

bool check_types(struct validator *v, const valtype *types, uint32_t count)
{
    if (top_is(v, types, count))
        return true;
    uint32_t there = v->height - v->top->height;
    for (uint32_t i = 1; i <= count && i <= there; i++) {
        valtype found = v->operands[v->height - i], expected = types[count - i];
        if (found != expected && found != UNKNOWN)
            return validate_mismatch(v, expected, found);
    }
    return count <= there || v->top->unreachable || pop_from_empty(v);
}

/* Blocks. */

bool push_control(struct validator *v, enum opcode opcode, const struct functype *type)
{
    if (v->ncontrols == v->controls_capacity) {
        uint32_t capacity = v->controls_capacity + v->controls_capacity / 2 + 32;
        struct control *controls = NULL;
        size_t size = capacity * sizeof *controls;
        if (size / sizeof *controls == capacity) /* size_t may have 32 bits */
            controls = realloc(v->controls, size);
        if (!controls)
            return no_memory(v);
        v->controls = controls;
        v->controls_capacity = capacity;
    }
    v->top = &v->controls[v->ncontrols++];
    *v->top = (struct control){.type = type, .height = v->height, .opcode = (uint8_t)opcode};
    return push_types(v, type->types, type->nparams);
}

bool pop_control(struct validator *v, struct control *control)
{
    *control = *v->top;
    if (!pop_types(v, control->type->types + control->type->nparams, control->type->nresults))
        return false;
    if (v->height != control->height)
        return validate_invalid(v, "type mismatch: values remain on the stack at a block's end");
    v->ncontrols--;
    v->top = v->ncontrols ? v->top - 1 : NULL;
    return true;
}

const valtype *label_types(const struct control *control, uint32_t *count)
{
    const struct functype *type = control->type;
    bool loop = control->opcode == WASM_LOOP;
    *count = loop ? type->nparams : type->nresults;
    return loop ? type->types : type->types + type->nparams;
}

/* Locals. */

valtype local_type(const struct validator *v, uint32_t index)
{
    if (index < NEAR_LOCALS)
        return v->near_locals[index];
    if (index < v->type->nparams)
        return v->type->types[index];
    struct local_run run;
    size_t low = 0, high = v->runs.size / sizeof run - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        memcpy(&run, v->runs.data + middle * sizeof run, sizeof run);
        if (index < run.end)
            high = middle;
        else
            low = middle + 1;
    }
    memcpy(&run, v->runs.data + low * sizeof run, sizeof run);
    return run.type;
}
