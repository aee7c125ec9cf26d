/* instructions.c - the validation rules of the instructions.
 * (Specification, Validation, Instructions; Binary Format, Instructions.)
 *
 * Those whose types stand in opcodes.def take one path (validate_plain); the others have a
 * function each. */
#include <string.h>

#include "wasm/validator.h"

/* Opcodes. */

static bool refuse_prefixed(struct reader *reader, const uint8_t *at, const char *feature,
                            uint32_t prefix)
{
    struct reader after = *reader;
    uint32_t number;
    after.at = at + 1;
    if (!read_u32(&after, &number))
        return false;
    return error_set_at(reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - reader->start),
                        "%s (opcode 0x%02X 0x%02X) is not supported", feature, prefix, number);
}

bool refuse_opcode(struct reader *reader, const uint8_t *at, uint32_t opcode)
{
    switch (opcode) {
    case 0xFB: return refuse_prefixed(reader, at, "garbage collection", opcode);
    case 0xFD: return refuse_prefixed(reader, at, "SIMD", opcode);
    case 0xFE: return refuse_prefixed(reader, at, "threads", opcode);
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F: return fail_unsupported(reader, at, "exception handling (try, catch, throw)");
    case 0x14:
    case 0x15:
    case 0xD3:
    case 0xD4:
    case 0xD5:
    case 0xD6: return fail_unsupported(reader, at, "typed function references (call_ref, br_on)");
    case 0xFC13:
    case 0xFC14:
    case 0xFC15:
    case 0xFC16: return fail_unsupported(reader, at, "wide arithmetic");
    default:
        return error_set_at(reader->error, ERROR_MALFORMED, (uint64_t)(at - reader->start),
                            "illegal opcode 0x%02X", opcode);
    }
}

bool read_opcode(struct validator *v)
{
    uint8_t byte;
    uint32_t more;
    v->instruction = v->reader->at;
    if (!read_byte(v->reader, &byte))
        return false;
    v->opcode = byte;
    if (byte != 0xFC)
        return true;
    if (!read_u32(v->reader, &more))
        return false;
    v->opcode = 0xFC00 + (more < 0x100 ? more : 0xFF);
    return true;
}

/* Blocks. */

static bool read_blocktype(struct validator *v, const struct functype **block)
{
    struct reader *reader = v->reader;
    int64_t index;
    valtype type = UNKNOWN;
    bool one_byte = reader->at != reader->end && *reader->at >= 0x40 && *reader->at < 0x80;
    if (one_byte && *reader->at == 0x40)
        reader->at++;
    else if (one_byte && !read_valtype(reader, &type))
        return false;
    if (one_byte) {
        *block = block_of(type);
        return true;
    }
    if (!read_s33(reader, &index))
        return false;
    if (index < 0)
        return fail(reader, v->instruction, ERROR_MALFORMED, "malformed block type");
    if (index >= v->module->ntypes)
        return validate_unknown(v, "type", (uint32_t)index);
    *block = &v->module->types[index];
    return true;
}

static bool validate_block(struct validator *v)
{
    const struct functype *type;
    if (!read_blocktype(v, &type) || (v->opcode == WASM_IF && !pop(v, TYPE_I32)))
        return false;
    return pop_types(v, type->types, type->nparams) && push_control(v, (uint8_t)v->opcode, type);
}

static bool validate_else(struct validator *v)
{
    struct control control;
    if (v->top->opcode != WASM_IF)
        return fail(v->reader, v->instruction, ERROR_MALFORMED,
                    "END opcode expected: else without if");
    return pop_control(v, &control) && push_control(v, WASM_ELSE, control.type);
}

static bool validate_end(struct validator *v)
{
    struct control control;
    if (!pop_control(v, &control))
        return false;
    const struct functype *type = control.type;
    const valtype *results = type->types + type->nparams;
    if (control.opcode == WASM_IF &&
        (type->nparams != type->nresults ||
         (type->nparams > 0 && memcmp(type->types, results, type->nparams) != 0)))
        return validate_invalid(
            v, "type mismatch: an if without else whose results are not its parameters");
    return v->ncontrols == 0 || push_types(v, results, type->nresults);
}

/* Branches. */

static bool read_label(struct validator *v, const valtype **types, uint32_t *count)
{
    uint32_t depth;
    if (!read_u32(v->reader, &depth))
        return false;
    if (depth >= v->ncontrols)
        return validate_unknown(v, "label", depth);
    *types = label_types(v->top - depth, count);
    return true;
}

static bool validate_br(struct validator *v)
{
    const valtype *types;
    uint32_t count;
    if (!read_label(v, &types, &count) || !pop_types(v, types, count))
        return false;
    set_unreachable(v);
    return true;
}

static bool validate_br_if(struct validator *v)
{
    const valtype *types;
    uint32_t count;
    return read_label(v, &types, &count) && pop(v, TYPE_I32) && pop_types(v, types, count) &&
           push_types(v, types, count);
}

static bool validate_br_table(struct validator *v)
{
    uint32_t entries, arity = 0, count;
    const valtype *types, *checked = NULL;
    if (!pop(v, TYPE_I32) || !read_u32(v->reader, &entries))
        return false;
    for (uint64_t i = 0; i <= entries; i++) {
        if (!read_label(v, &types, &count))
            return false;
        if (i > 0 && count != arity)
            return validate_invalid(v, "type mismatch: labels that take different operands");
        arity = count;
        if (types != checked && !check_types(v, types, count))
            return false;
        checked = types;
    }
    set_unreachable(v);
    return true;
}

static bool validate_return(struct validator *v)
{
    if (!pop_types(v, v->type->types + v->type->nparams, v->type->nresults))
        return false;
    set_unreachable(v);
    return true;
}

/* Calls. */

static bool validate_called(struct validator *v, const struct functype *type)
{
    return pop_types(v, type->types, type->nparams) &&
           push_types(v, type->types + type->nparams, type->nresults);
}

static bool validate_tail_called(struct validator *v, const struct functype *type)
{
    const struct functype *caller = v->type;
    if (!pop_types(v, type->types, type->nparams))
        return false;
    if (type->nresults != caller->nresults ||
        (type->nresults > 0 &&
         memcmp(type->types + type->nparams, caller->types + caller->nparams, type->nresults) != 0))
        return validate_invalid(v, "type mismatch: a tail call to a function with other results");
    v->module->has_tail_calls = true;
    set_unreachable(v);
    return true;
}

/* The type of what is called; NULL after an error. */
static const struct functype *read_callee(struct validator *v)
{
    uint32_t funcidx;
    if (!read_u32(v->reader, &funcidx))
        return NULL;
    if (funcidx < v->module->nfuncs)
        return module_functype(v->module, funcidx);
    validate_unknown(v, "function", funcidx);
    return NULL;
}

static const struct functype *read_indirect_callee(struct validator *v)
{
    uint32_t typeidx, table;
    if (!read_u32(v->reader, &typeidx) || !read_u32(v->reader, &table))
        return NULL;
    if (table >= v->module->ntables)
        validate_unknown(v, "table", table);
    else if (typeidx >= v->module->ntypes)
        validate_unknown(v, "type", typeidx);
    else if (v->module->tables[table].element != TYPE_FUNCREF)
        validate_mismatch(v, TYPE_FUNCREF, v->module->tables[table].element);
    else if (pop(v, TYPE_I32))
        return &v->module->types[typeidx];
    return NULL;
}

/* Variables. */

static bool validate_local(struct validator *v)
{
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->nlocals)
        return validate_unknown(v, "local", index);
    valtype type = local_type(v, index);
    if (v->opcode == WASM_LOCAL_GET)
        return push(v, type);
    return pop(v, type) && (v->opcode == WASM_LOCAL_SET || push(v, type));
}

static bool validate_global(struct validator *v)
{
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->module->nglobals)
        return validate_unknown(v, "global", index);
    const struct globaltype *type = &v->module->globals[index].type;
    if (v->opcode == WASM_GLOBAL_GET)
        return push(v, type->type);
    return type->mutable ? pop(v, type->type) : validate_invalid(v, "global is immutable");
}

/* Parametric instructions and references. */

static bool validate_drop(struct validator *v)
{
    valtype type;
    return pop_any(v, &type);
}

static bool validate_select(struct validator *v)
{
    valtype a, b;
    if (!pop(v, TYPE_I32) || !pop_any(v, &b) || !pop_any(v, &a))
        return false;
    if (valtype_is_reference(a) || valtype_is_reference(b))
        return validate_invalid(v, "type mismatch: select without a type takes numbers only");
    if (a != b && a != UNKNOWN && b != UNKNOWN)
        return validate_mismatch(v, a, b);
    return push(v, a == UNKNOWN ? b : a);
}

static bool validate_select_typed(struct validator *v)
{
    uint32_t count;
    valtype type;
    if (!read_u32(v->reader, &count))
        return false;
    if (count != 1)
        return validate_invalid(v, "invalid result arity");
    return read_valtype(v->reader, &type) && pop(v, TYPE_I32) && pop(v, type) && pop(v, type) &&
           push(v, type);
}

static bool validate_ref_null(struct validator *v)
{
    valtype type;
    return read_reftype(v->reader, &type) && push(v, type);
}

static bool validate_ref_is_null(struct validator *v)
{
    valtype type;
    if (!pop_any(v, &type))
        return false;
    if (type != UNKNOWN && !valtype_is_reference(type))
        return validate_mismatch(v, TYPE_FUNCREF, type);
    return push(v, TYPE_I32);
}

static bool validate_ref_func(struct validator *v)
{
    uint32_t funcidx;
    if (!read_u32(v->reader, &funcidx))
        return false;
    if (funcidx >= v->module->nfuncs)
        return validate_unknown(v, "function", funcidx);
    if (!v->d->declared[funcidx])
        return validate_invalid(v, "undeclared function reference");
    v->module->funcs[funcidx].referenced = true;
    return push(v, TYPE_FUNCREF);
}

/* Tables. */

static bool read_table(struct validator *v, valtype *type)
{
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->module->ntables)
        return validate_unknown(v, "table", index);
    *type = v->module->tables[index].element;
    return true;
}

static bool validate_table_op(struct validator *v)
{
    valtype type;
    if (!read_table(v, &type))
        return false;
    switch (v->opcode) {
    case WASM_TABLE_GET: return pop(v, TYPE_I32) && push(v, type);
    case WASM_TABLE_SET: return pop(v, type) && pop(v, TYPE_I32);
    case WASM_TABLE_GROW: return pop(v, TYPE_I32) && pop(v, type) && push(v, TYPE_I32);
    default: /* table.fill */ return pop(v, TYPE_I32) && pop(v, type) && pop(v, TYPE_I32);
    }
}

/* Immediates of the instructions whose types opcodes.def gives. */

static bool need_memory(struct validator *v)
{
    return v->module->nmemories > 0 || validate_unknown(v, "memory", 0);
}

static bool read_memory(struct validator *v)
{
    uint8_t byte;
    const uint8_t *at = v->reader->at;
    if (!read_byte(v->reader, &byte))
        return false;
    if (byte != 0)
        return fail(v->reader, at, ERROR_MALFORMED, "zero byte expected");
    return need_memory(v);
}

static bool read_data(struct validator *v)
{
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (!v->d->has_data_count)
        return fail(v->reader, v->instruction, ERROR_MALFORMED, "data count section required");
    if (v->opcode == WASM_MEMORY_INIT && !need_memory(v))
        return false;
    return index < v->d->data_count || validate_unknown(v, "data segment", index);
}

static bool read_elem(struct validator *v)
{
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    return index < v->module->nelems || validate_unknown(v, "elem segment", index);
}

static bool read_elem_table(struct validator *v)
{
    uint32_t elem;
    valtype type;
    if (!read_u32(v->reader, &elem) || !read_table(v, &type))
        return false;
    if (elem >= v->module->nelems)
        return validate_unknown(v, "elem segment", elem);
    return v->module->elems[elem].type == type ||
           validate_mismatch(v, type, v->module->elems[elem].type);
}

static bool read_table_table(struct validator *v)
{
    valtype to, from;
    if (!read_table(v, &to) || !read_table(v, &from))
        return false;
    return to == from || validate_mismatch(v, to, from);
}

/* log2 of the bytes that a load or store touches, in the order of their opcodes. */
static uint32_t natural_alignment(uint32_t opcode)
{
    static const uint8_t alignments[] = {2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1,
                                         2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2};
    return alignments[opcode - WASM_I32_LOAD];
}

static bool read_memarg(struct validator *v)
{
    uint32_t alignment, offset;
    if (!read_u32(v->reader, &alignment))
        return false;
    if (alignment >= 32)
        return fail(v->reader, v->instruction, ERROR_MALFORMED, "malformed memop flags");
    if (!read_u32(v->reader, &offset))
        return false;
    if (alignment > natural_alignment(v->opcode))
        return validate_invalid(v, "alignment must not be larger than natural");
    return need_memory(v);
}

static bool read_immediates(struct validator *v, uint32_t immediates)
{
    valtype type;
    int32_t i32;
    int64_t i64;
    switch (immediates) {
    case IMM_NONE: return true;
    case IMM_MEMARG: return read_memarg(v);
    case IMM_MEMORY: return read_memory(v);
    case IMM_MEMORY_MEMORY:
        for (int i = 0; i < 2; i++)
            if (!read_memory(v))
                return false;
        return true;
    case IMM_DATA_MEMORY: return read_data(v) && read_memory(v);
    case IMM_DATA: return read_data(v);
    case IMM_ELEM: return read_elem(v);
    case IMM_ELEM_TABLE: return read_elem_table(v);
    case IMM_TABLE: return read_table(v, &type);
    case IMM_TABLE_TABLE: return read_table_table(v);
    case IMM_I32: return read_s32(v->reader, &i32);
    case IMM_I64: return read_s64(v->reader, &i64);
    case IMM_F32: return read_skip(v->reader, 4);
    default: /* IMM_F64 */ return read_skip(v->reader, 8);
    }
}

static bool validate_plain(struct validator *v)
{
    uint32_t index = v->opcode < PLAIN_SINGLE ? v->opcode : PLAIN_SINGLE + (v->opcode & 0xFF);
    if (index >= PLAIN_SINGLE + PLAIN_PREFIXED || !v->plains[index].known)
        return refuse_opcode(v->reader, v->instruction, v->opcode);
    const struct plain *plain = &v->plains[index];
    if (plain->immediates != IMM_NONE && !read_immediates(v, plain->immediates))
        return false;
    for (uint32_t i = plain->nparams; i-- > 0;)
        if (!pop(v, plain->params[i]))
            return false;
    return plain->result == UNKNOWN || push(v, plain->result);
}

bool validate_instruction(struct validator *v)
{
    const struct functype *callee;
    switch (v->opcode) {
    case WASM_UNREACHABLE: set_unreachable(v); return true;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF: return validate_block(v);
    case WASM_ELSE: return validate_else(v);
    case WASM_END: return validate_end(v);
    case WASM_BR: return validate_br(v);
    case WASM_BR_IF: return validate_br_if(v);
    case WASM_BR_TABLE: return validate_br_table(v);
    case WASM_RETURN: return validate_return(v);
    case WASM_CALL: callee = read_callee(v); return callee && validate_called(v, callee);
    case WASM_CALL_INDIRECT:
        callee = read_indirect_callee(v);
        return callee && validate_called(v, callee);
    case WASM_RETURN_CALL:
        callee = read_callee(v);
        return callee && validate_tail_called(v, callee);
    case WASM_RETURN_CALL_INDIRECT:
        callee = read_indirect_callee(v);
        return callee && validate_tail_called(v, callee);
    case WASM_DROP: return validate_drop(v);
    case WASM_SELECT: return validate_select(v);
    case WASM_SELECT_T: return validate_select_typed(v);
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: return validate_local(v);
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET: return validate_global(v);
    case WASM_REF_NULL: return validate_ref_null(v);
    case WASM_REF_IS_NULL: return validate_ref_is_null(v);
    case WASM_REF_FUNC: return validate_ref_func(v);
    case WASM_TABLE_GET:
    case WASM_TABLE_SET:
    case WASM_TABLE_GROW:
    case WASM_TABLE_FILL: return validate_table_op(v);
    default: return validate_plain(v);
    }
}
