/* lower.c - the walk over a function's bytecode. */
#include <stdlib.h>

#include "lower/lowering.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

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

static bool lower_numeric(struct lowering *l, uint32_t opcode)
{
    if (opcode == WASM_I32_WRAP_I64) {
        lower_wrap(l);
        return true;
    }
    switch (opcode) {
#define BINARY(name, in, out, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, false, RESULT_##out); return true;
#define BINARY_COMMUTES(name, in, out, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, true, RESULT_##out); return true;
#define BINARY_TRAPS(name, type, trap, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, true, false, RESULT_##type); return true;
#define BINARY_FLOAT(name, type, value) \
    case WASM_##name: lower_binary(l, CODE_##name##_RR, false, false, RESULT_##type); return true;
#define UNARY(name, in, out, value) \
    case WASM_##name: lower_unary(l, CODE_##name, result_type(opcode, RESULT_##out)); return true;
#define UNARY_TRAPS(name, in, out, trap, value) \
    case WASM_##name: lower_unary(l, CODE_##name, RESULT_##out); return true;
#define COMPARE(name, type, value, negated, swapped) \
    case WASM_##name: lower_compare(l, CODE_##name##_RR, CODE_##swapped##_RR, true); return true;
#define LOAD(name, memory, out, value) \
    case WASM_##name: lower_load(l, CODE_##name, RESULT_##out); return true;
#define STORE(name, in, memory) \
    case WASM_##name: lower_store(l, CODE_##name); return true;
#include "lower/code.def"
#define FLOAT_COMPARE(name) \
    case WASM_##name: lower_compare(l, CODE_##name##_RR, 0, false); return true;
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
    /* Values move as bits: a float is loaded and stored as the integer of its width. */
    case WASM_F32_LOAD: lower_load(l, CODE_I32_LOAD, TYPE_F32); return true;
    case WASM_F64_LOAD: lower_load(l, CODE_I64_LOAD, TYPE_F64); return true;
    case WASM_F32_STORE: lower_store(l, CODE_I32_STORE); return true;
    case WASM_F64_STORE: lower_store(l, CODE_I64_STORE); return true;
    case WASM_I32_EQZ: lower_eqz(l, false); return true;
    case WASM_I64_EQZ: lower_eqz(l, true); return true;
    case WASM_I32_REINTERPRET_F32: lower_unary(l, CODE_COPY, TYPE_I32); return true;
    case WASM_I64_REINTERPRET_F64: lower_unary(l, CODE_COPY, TYPE_I64); return true;
    case WASM_F32_REINTERPRET_I32: lower_unary(l, CODE_COPY, TYPE_F32); return true;
    case WASM_F64_REINTERPRET_I64: lower_unary(l, CODE_COPY, TYPE_F64); return true;
    default: return false;
    }
}

static bool lower_constant(struct lowering *l, uint32_t opcode)
{
    switch (opcode) {
    case WASM_I32_CONST: push_constant(l, TYPE_I32, (uint32_t)leb_s32(&l->at)); return true;
    case WASM_I64_CONST: push_constant(l, TYPE_I64, (uint64_t)leb_s64(&l->at)); return true;
    case WASM_F32_CONST:
        push_constant(l, TYPE_F32, get_le32(l->at));
        l->at += 4;
        return true;
    case WASM_F64_CONST:
        push_constant(l, TYPE_F64, get_le64(l->at));
        l->at += 8;
        return true;
    case WASM_REF_NULL: push_constant(l, *l->at++, UINT32_MAX); return true;
    default: return false;
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

/* Bulk memory and tables: two indices follow the opcode at most. */
static void lower_bulk(struct lowering *l, uint32_t opcode)
{
    uint32_t first = leb_u32(&l->at), second;
    switch (opcode) {
    case WASM_MEMORY_SIZE: lower_result(l, CODE_MEMORY_SIZE, 0, TYPE_I32); break;
    case WASM_MEMORY_GROW: lower_unary(l, CODE_MEMORY_GROW, TYPE_I32); break;
    case WASM_MEMORY_INIT:
        leb_u32(&l->at);
        lower_in_place(l, CODE_MEMORY_INIT, 3, 0, first, 0);
        break;
    case WASM_MEMORY_COPY:
        leb_u32(&l->at);
        lower_in_place(l, CODE_MEMORY_COPY, 3, 0, 0, 0);
        break;
    case WASM_MEMORY_FILL: lower_in_place(l, CODE_MEMORY_FILL, 3, 0, 0, 0); break;
    case WASM_DATA_DROP: lower_in_place(l, CODE_DATA_DROP, 0, 0, first, 0); break;
    case WASM_ELEM_DROP: lower_in_place(l, CODE_ELEM_DROP, 0, 0, first, 0); break;
    case WASM_TABLE_GET: lower_table_get(l, first); break;
    case WASM_TABLE_SET: lower_table_set(l, first); break;
    case WASM_TABLE_SIZE: lower_result(l, CODE_TABLE_SIZE, first, TYPE_I32); break;
    case WASM_TABLE_GROW: lower_in_place(l, CODE_TABLE_GROW, 2, TYPE_I32, first, 0); break;
    case WASM_TABLE_FILL: lower_in_place(l, CODE_TABLE_FILL, 3, 0, first, 0); break;
    case WASM_TABLE_INIT:
        second = leb_u32(&l->at);
        lower_in_place(l, CODE_TABLE_INIT, 3, 0, first, second);
        break;
    default: /* WASM_TABLE_COPY */
        second = leb_u32(&l->at);
        lower_in_place(l, CODE_TABLE_COPY, 3, 0, first, second);
    }
}

static void skip_types(struct lowering *l)
{
    for (uint32_t count = leb_u32(&l->at); count--;)
        l->at++;
}

static void lower_instruction(struct lowering *l, uint32_t opcode)
{
    if (lower_numeric(l, opcode) || lower_constant(l, opcode))
        return;
    switch (opcode) {
    case WASM_UNREACHABLE:
        emit(l, CODE_UNREACHABLE);
        l->unreachable = true;
        break;
    case WASM_NOP: break;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF: lower_block(l, opcode); break;
    case WASM_ELSE: lower_else(l); break;
    case WASM_END: lower_end(l); break;
    case WASM_BR: lower_br(l, leb_u32(&l->at)); break;
    case WASM_BR_IF: lower_br_if(l, leb_u32(&l->at)); break;
    case WASM_BR_TABLE: lower_br_table(l); break;
    case WASM_RETURN: lower_return(l); break;
    case WASM_CALL:
    case WASM_RETURN_CALL: lower_call(l, leb_u32(&l->at), opcode == WASM_RETURN_CALL); break;
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL_INDIRECT: {
        uint32_t type = leb_u32(&l->at), table = leb_u32(&l->at);
        lower_call_indirect(l, type, table, opcode == WASM_RETURN_CALL_INDIRECT);
        break;
    }
    case WASM_DROP: pop(l); break;
    case WASM_SELECT_T:
        skip_types(l);
        lower_select(l);
        break;
    case WASM_SELECT: lower_select(l); break;
    case WASM_LOCAL_GET: lower_local_get(l, leb_u32(&l->at)); break;
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: lower_local_set(l, leb_u32(&l->at), opcode == WASM_LOCAL_TEE); break;
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET: lower_global(l, leb_u32(&l->at), opcode == WASM_GLOBAL_SET); break;
    case WASM_REF_IS_NULL: lower_unary(l, CODE_REF_IS_NULL, TYPE_I32); break;
    case WASM_REF_FUNC: lower_ref_func(l, leb_u32(&l->at)); break;
    default: lower_bulk(l, opcode);
    }
}

/* Skips code that cannot be reached, up to the `else` or `end` of the block it is in. */
static void skip_unreachable(struct lowering *l)
{
    for (uint32_t depth = 0;;) {
        const uint8_t *start = l->at;
        uint32_t opcode = opcode_read(&l->at);
        if (opcode == WASM_END || (opcode == WASM_ELSE && depth == 0)) {
            if (depth == 0) {
                l->at = start;
                return;
            }
            depth--;
        }
        if (opcode == WASM_BLOCK || opcode == WASM_LOOP || opcode == WASM_IF)
            depth++;
        immediates_skip(&l->at, opcode_info(opcode)->immediates);
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
            skip_unreachable(l);
        l->offset = (uint32_t)(l->at - l->module->bytes);
        if (l->code->size <= l->position_code)
            l->position = l->offset;
        else if (l->seeks && l->code->size > l->position_code + 64u)
            break; /* not before: an instruction can be taken back */
        lower_instruction(l, opcode_read(&l->at));
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
    l->at = module->bytes + l->func->code;
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
