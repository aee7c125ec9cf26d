/* lower.c - the walk over a function's bytecode. */
#include <stdlib.h>

#include "lower/lowering.h"

/* Value types by the names that code.def uses. */
enum { RESULT_i32 = TYPE_I32, RESULT_i64 = TYPE_I64, RESULT_f32 = TYPE_F32, RESULT_f64 = TYPE_F64 };

/* `abs` and `neg` work on the bits: code.def calls their operands integers, the result is a float.
 */
static valtype result_type(uint32_t opcode, valtype type)
{
    switch (opcode) {
    case WASM_F32_ABS:
    case WASM_F32_NEG: return TYPE_F32;
    case WASM_F64_ABS:
    case WASM_F64_NEG: return TYPE_F64;
    default: return type;
    }
}

static void lower_numeric(struct lowering *l, enum opcode opcode)
{
    if (opcode == WASM_I32_WRAP_I64) {
        lower_wrap(l);
        return;
    }
    switch (opcode) {
#define BINARY(name, in, out, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, false, RESULT_##out); break;
#define BINARY_COMMUTES(name, in, out, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, true, RESULT_##out); break;
#define BINARY_TRAPS(name, type, trap, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, false, RESULT_##type); break;
#define BINARY_FLOAT(name, type, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, false, false, RESULT_##type); break;
#define UNARY(name, in, out, value) \
    case WASM_##name: lower_unary(l, CODE_##name, result_type(opcode, RESULT_##out)); break;
#define UNARY_TRAPS(name, in, out, trap, value) \
    case WASM_##name: lower_unary(l, CODE_##name, RESULT_##out); break;
#define COMPARE(name, type, value, negated, swapped) \
    case WASM_##name: lower_compare(l, CODE_##name##_RR, CODE_##swapped##_RR, true); break;
#include "lower/code.def"
#define FLOAT_COMPARE(name) \
    case WASM_##name: lower_compare(l, CODE_##name##_RR, 0, false); break;
        FLOAT_COMPARE(F32_EQ)
        FLOAT_COMPARE(F32_NE)
        FLOAT_COMPARE(F32_LT)
        FLOAT_COMPARE(F32_GT)
        FLOAT_COMPARE(F32_LE)
        FLOAT_COMPARE(F32_GE)
        FLOAT_COMPARE(F64_EQ)
        FLOAT_COMPARE(F64_NE)
        FLOAT_COMPARE(F64_LT)
        FLOAT_COMPARE(F64_GT)
        FLOAT_COMPARE(F64_LE)
        FLOAT_COMPARE(F64_GE)
    case WASM_I32_EQZ: lower_eqz(l, false); break;
    case WASM_I64_EQZ: lower_eqz(l, true); break;
    case WASM_I32_REINTERPRET_F32: lower_unary(l, CODE_COPY, TYPE_I32); break;
    case WASM_I64_REINTERPRET_F64: lower_unary(l, CODE_COPY, TYPE_I64); break;
    case WASM_F32_REINTERPRET_I32: lower_unary(l, CODE_COPY, TYPE_F32); break;
    case WASM_F64_REINTERPRET_I64: lower_unary(l, CODE_COPY, TYPE_F64); break;
#define OPCODE(name, ...) case WASM_##name:
#define NUMERIC(...)
#include "wasm/opcodes.def"
        break;
    }
}

/* Values move as bits: a float is loaded and stored as the integer of its width. */
static void lower_access(struct lowering *l, const struct instruction *i)
{
    switch (i->opcode) {
#define LOAD(name, memory, out, value) \
    case WASM_##name: lower_load(l, CODE_##name, i->offset, RESULT_##out); break;
#define STORE(name, in, memory) \
    case WASM_##name: lower_store(l, CODE_##name, i->offset); break;
#include "lower/code.def"
    case WASM_F32_LOAD: lower_load(l, CODE_I32_LOAD, i->offset, TYPE_F32); break;
    case WASM_F64_LOAD: lower_load(l, CODE_I64_LOAD, i->offset, TYPE_F64); break;
    case WASM_F32_STORE: lower_store(l, CODE_I32_STORE, i->offset); break;
    case WASM_F64_STORE: lower_store(l, CODE_I64_STORE, i->offset); break;
#define OPCODE(name, ...) case WASM_##name:
#define ACCESS(...)
#include "wasm/opcodes.def"
        break;
    }
}

static void lower_select(struct lowering *l)
{
    struct popped condition = pop(l), b = pop(l), a = pop(l);
    uint16_t ra = in_register(l, a), rb = in_register(l, b), rc = in_register(l, condition);
    uint8_t *instruction = emit(l, CODE_SELECT);
    field16(instruction, 4, ra);
    field16(instruction, 6, rb);
    field16(instruction, 8, rc);
    push_result(l, instruction, a.entry.type);
}

static void lower_global(struct lowering *l, uint32_t index, bool set)
{
    const void *address = l->binding ? l->binding->globals[index] : NULL;
    if (set) {
        uint16_t from = in_register(l, pop(l));
        uint8_t *instruction = emit(l, CODE_GLOBAL_SET);
        field16(instruction, 2, from);
        field_pointer(instruction, 4, address);
    } else {
        uint8_t *instruction = emit(l, CODE_GLOBAL_GET);
        field_pointer(instruction, 4, address);
        push_result(l, instruction, l->module->globals[index].type.type);
    }
}

static void lower_ref_func(struct lowering *l, uint32_t funcidx)
{
    uint8_t *instruction = emit(l, CODE_REF_FUNC);
    if (l->binding)
        field_pointer(instruction, 4,
                      (const uint8_t *)l->binding->functions +
                          (size_t)funcidx * l->binding->function_size);
    push_result(l, instruction, TYPE_FUNCREF);
}

/* An instruction that finds its `count` operands in a row from A on and leaves a result (or none)
 * in the same place; two numbers follow. */
static void lower_in_place(struct lowering *l, uint32_t code, uint32_t count, valtype result,
                           uint32_t first, uint32_t second)
{
    materialize_top(l, count);
    for (uint32_t i = 0; i < count; i++)
        pop(l);
    uint16_t row = in_row(l, count);
    uint8_t *instruction = emit(l, code);
    field16(instruction, 2, row);
    if (code_length(code) > 4)
        field32(instruction, 4, first);
    if (code_length(code) > 8)
        field32(instruction, 8, second);
    if (result)
        push_from(l, row, result);
}

static void lower_table_get(struct lowering *l, uint32_t table)
{
    uint16_t index = in_register(l, pop(l));
    uint8_t *instruction = emit(l, CODE_TABLE_GET);
    field16(instruction, 4, index);
    field32(instruction, 8, table);
    push_result(l, instruction, l->module->tables[table].element);
}

static void lower_table_set(struct lowering *l, uint32_t table)
{
    struct popped value = pop(l), index = pop(l);
    uint16_t rv = in_register(l, value), ri = in_register(l, index);
    uint8_t *instruction = emit(l, CODE_TABLE_SET);
    field16(instruction, 2, ri);
    field16(instruction, 4, rv);
    field32(instruction, 8, table);
}

static void lower_result(struct lowering *l, uint32_t code, uint32_t number, valtype type)
{
    uint8_t *instruction = emit(l, code);
    if (code_length(code) > 4)
        field32(instruction, 4, number);
    push_result(l, instruction, type);
}

static void lower_memory(struct lowering *l, const struct instruction *i)
{
    switch (i->opcode) {
    case WASM_MEMORY_SIZE: lower_result(l, CODE_MEMORY_SIZE, 0, TYPE_I32); break;
    case WASM_MEMORY_GROW: lower_unary(l, CODE_MEMORY_GROW, TYPE_I32); break;
    case WASM_MEMORY_INIT: lower_in_place(l, CODE_MEMORY_INIT, 3, 0, i->index, 0); break;
    case WASM_MEMORY_COPY: lower_in_place(l, CODE_MEMORY_COPY, 3, 0, 0, 0); break;
    case WASM_MEMORY_FILL: lower_in_place(l, CODE_MEMORY_FILL, 3, 0, 0, 0); break;
    case WASM_DATA_DROP: lower_in_place(l, CODE_DATA_DROP, 0, 0, i->index, 0); break;
#define OPCODE(name, ...) case WASM_##name:
#define MEMORY(...)
#include "wasm/opcodes.def"
        break;
    }
}

static void lower_table(struct lowering *l, const struct instruction *i)
{
    switch (i->opcode) {
    case WASM_TABLE_GET: lower_table_get(l, i->index); break;
    case WASM_TABLE_SET: lower_table_set(l, i->index); break;
    case WASM_TABLE_SIZE: lower_result(l, CODE_TABLE_SIZE, i->index, TYPE_I32); break;
    case WASM_TABLE_GROW: lower_in_place(l, CODE_TABLE_GROW, 2, TYPE_I32, i->index, 0); break;
    case WASM_TABLE_FILL: lower_in_place(l, CODE_TABLE_FILL, 3, 0, i->index, 0); break;
    case WASM_TABLE_INIT: lower_in_place(l, CODE_TABLE_INIT, 3, 0, i->index, i->second); break;
    case WASM_TABLE_COPY: lower_in_place(l, CODE_TABLE_COPY, 3, 0, i->index, i->second); break;
    case WASM_ELEM_DROP: lower_in_place(l, CODE_ELEM_DROP, 0, 0, i->index, 0); break;
#define OPCODE(name, ...) case WASM_##name:
#define TABLE(...)
#include "wasm/opcodes.def"
        break;
    }
}

static void lower_instruction(struct lowering *l, const struct instruction *i)
{
    enum opcode opcode = i->opcode;
    switch (opcode) {
    case WASM_UNREACHABLE:
        emit(l, CODE_UNREACHABLE);
        l->unreachable = true;
        break;
    case WASM_NOP: break;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF: lower_block(l, i); break;
    case WASM_ELSE: lower_else(l); break;
    case WASM_END: lower_end(l); break;
    case WASM_BR: lower_br(l, i->index); break;
    case WASM_BR_IF: lower_br_if(l, i->index); break;
    case WASM_BR_TABLE: lower_br_table(l, i); break;
    case WASM_RETURN: lower_return(l); break;
    case WASM_CALL:
    case WASM_RETURN_CALL: lower_call(l, i->index, opcode == WASM_RETURN_CALL); break;
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL_INDIRECT:
        lower_call_indirect(l, i->index, i->second, opcode == WASM_RETURN_CALL_INDIRECT);
        break;
    case WASM_DROP: pop(l); break;
    case WASM_SELECT_T:
    case WASM_SELECT: lower_select(l); break;
    case WASM_LOCAL_GET: lower_local_get(l, i->index); break;
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: lower_local_set(l, i->index, opcode == WASM_LOCAL_TEE); break;
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET: lower_global(l, i->index, opcode == WASM_GLOBAL_SET); break;
    case WASM_REF_NULL: push_constant(l, i->type, UINT32_MAX); break;
    case WASM_REF_IS_NULL: lower_unary(l, CODE_REF_IS_NULL, TYPE_I32); break;
    case WASM_REF_FUNC: lower_ref_func(l, i->index); break;
    case WASM_I32_CONST: push_constant(l, TYPE_I32, i->bits); break;
    case WASM_I64_CONST: push_constant(l, TYPE_I64, i->bits); break;
    case WASM_F32_CONST: push_constant(l, TYPE_F32, i->bits); break;
    case WASM_F64_CONST: push_constant(l, TYPE_F64, i->bits); break;
#define TABLE(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        lower_table(l, i);
        break;
#define MEMORY(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        lower_memory(l, i);
        break;
#define ACCESS(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        lower_access(l, i);
        break;
#define NUMERIC(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        lower_numeric(l, opcode);
        break;
    }
}

void lower_local_types(const struct module *module, uint32_t funcidx, valtype *types)
{
    const struct functype *type = module_functype(module, funcidx);
    if (type->nparams)
        memcpy(types, type->types, type->nparams);
    valtype *to = types + type->nparams;
    const uint8_t *at = module->bytes + module->funcs[funcidx].locals;
    for (uint32_t runs = leb_u32(&at); runs--;) {
        uint32_t count = leb_u32(&at);
        memset(to, *at++, count);
        to += count;
    }
}

static void lower_body(struct lowering *l)
{
    enter_function(l);
    while (label_count(l) && !l->stopped) {
        if (l->unreachable)
            walk_unreachable(&l->reader);
        l->offset = (uint32_t)(l->reader.at - l->module->bytes);
        if (l->code->size <= l->position_code)
            l->position = l->offset;
        else if (l->seeks && l->code->size > l->position_code + 64u)
            break; /* not before: an instruction can be taken back */
        struct instruction instruction;
        if (!walk_next(&l->reader, &instruction))
            break;
        lower_instruction(l, &instruction);
        l->code->failed |= l->code->size > INT32_MAX; /* displacements have 32 bits */
        if (l->code->failed || l->entries.failed || l->labels.failed || l->fixups.failed)
            break;
    }
}

/* Runs `l`, whose options are set, over the function. */
static bool lower(struct lowering *l, const struct module *module, uint32_t funcidx,
                  struct buffer *code, struct error *error)
{
    l->module = module;
    l->func = &module->funcs[funcidx];
    l->type = module_functype(module, funcidx);
    l->reader = walk_body(module, l->func);
    l->code = code;
    l->last = NONE;
    l->position = l->func->code;
    l->frame = frame_layout(module, funcidx);
    l->aliases = calloc((size_t)l->frame.nlocals + 1, sizeof *l->aliases);
    l->local_types = malloc((size_t)l->frame.nlocals + 1);
    bool good = l->aliases && l->local_types;
    if (good) {
        lower_local_types(module, funcidx, l->local_types);
        lower_body(l);
    }
    good = good && !code->failed && !l->entries.failed && !l->labels.failed && !l->fixups.failed &&
           !l->places.failed;
    buffer_free(&l->entries);
    buffer_free(&l->labels);
    buffer_free(&l->fixups);
    buffer_free(&l->places);
    free(l->aliases);
    free(l->local_types);
    return good || error_set(error, ERROR_MEMORY, "no memory to lower function %u", funcidx);
}

bool lower_function(const struct module *module, uint32_t funcidx, const struct binding *binding,
                    struct buffer *code, struct site_notes *notes, struct error *error)
{
    struct lowering l = {.binding = binding, .visit = site_notes_add, .context = notes};
    return lower(&l, module, funcidx, code, error);
}

bool lower_sites(const struct module *module, uint32_t funcidx, site_visitor visit, void *context,
                 struct error *error)
{
    struct buffer code = {0};
    struct lowering l = {.visit = visit, .context = context};
    bool good = lower(&l, module, funcidx, &code, error);
    buffer_free(&code);
    return good;
}

uint32_t lower_position(const struct module *module, uint32_t funcidx, uint32_t code_offset)
{
    struct buffer code = {0};
    struct lowering l = {.position_code = code_offset, .seeks = true};
    lower(&l, module, funcidx, &code, NULL);
    buffer_free(&code);
    return l.position;
}
