/* instructions.c - the validation rules of the instructions.
 * (Specification, Validation, Instructions; Binary Format, Instructions.)
 *
 * Those whose types stand in opcodes.def take one path (validate_plain); the others have a
 * function each. */
#include <string.h>

#include "wasm/validator.h"

/* Blocks. */

static bool validate_block(struct validator *v)
{
    const struct instruction *i = &v->instruction;
    if (i->block >= v->module->ntypes)
        return validate_unknown(v, "type", (uint32_t)i->block);
    const struct functype *type = module_blocktype(v->module, i);
    if (i->opcode == WASM_IF && !pop(v, TYPE_I32))
        return false;
    return pop_types(v, type->types, type->nparams) && push_control(v, i->opcode, type);
}

static bool validate_else(struct validator *v)
{
    struct control control;
    if (v->top->opcode != WASM_IF)
        return fail(v->reader, v->instruction.start, ERROR_MALFORMED,
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

static bool find_label(struct validator *v, uint32_t depth, const valtype **types, uint32_t *count)
{
    if (depth >= v->ncontrols)
        return validate_unknown(v, "label", depth);
    *types = label_types(v->top - depth, count);
    return true;
}

static bool validate_br(struct validator *v)
{
    const valtype *types;
    uint32_t count;
    if (!find_label(v, v->instruction.index, &types, &count) || !pop_types(v, types, count))
        return false;
    set_unreachable(v);
    return true;
}

static bool validate_br_if(struct validator *v)
{
    const valtype *types;
    uint32_t count;
    return find_label(v, v->instruction.index, &types, &count) && pop(v, TYPE_I32) &&
           pop_types(v, types, count) && push_types(v, types, count);
}

static bool validate_br_table(struct validator *v)
{
    const uint8_t *labels = v->instruction.labels;
    uint32_t arity = 0, count;
    const valtype *types, *checked = NULL;
    if (!pop(v, TYPE_I32))
        return false;
    for (uint64_t i = 0; i <= v->instruction.count; i++) {
        if (!find_label(v, leb_u32(&labels), &types, &count))
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
static const struct functype *find_callee(struct validator *v)
{
    uint32_t funcidx = v->instruction.index;
    if (funcidx < v->module->nfuncs)
        return module_functype(v->module, funcidx);
    validate_unknown(v, "function", funcidx);
    return NULL;
}

static const struct functype *find_indirect_callee(struct validator *v)
{
    uint32_t typeidx = v->instruction.index, table = v->instruction.second;
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
    uint32_t index = v->instruction.index;
    if (index >= v->nlocals)
        return validate_unknown(v, "local", index);
    valtype type = local_type(v, index);
    if (v->instruction.opcode == WASM_LOCAL_GET)
        return push(v, type);
    return pop(v, type) && (v->instruction.opcode == WASM_LOCAL_SET || push(v, type));
}

static bool validate_global(struct validator *v)
{
    uint32_t index = v->instruction.index;
    if (index >= v->module->nglobals)
        return validate_unknown(v, "global", index);
    const struct globaltype *type = &v->module->globals[index].type;
    if (v->instruction.opcode == WASM_GLOBAL_GET)
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
    valtype type = v->instruction.type;
    if (v->instruction.count != 1)
        return validate_invalid(v, "invalid result arity");
    return pop(v, TYPE_I32) && pop(v, type) && pop(v, type) && push(v, type);
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
    uint32_t funcidx = v->instruction.index;
    if (funcidx >= v->module->nfuncs)
        return validate_unknown(v, "function", funcidx);
    if (!v->d->declared[funcidx])
        return validate_invalid(v, "undeclared function reference");
    v->module->funcs[funcidx].referenced = true;
    return push(v, TYPE_FUNCREF);
}

/* The instructions whose types opcodes.def gives. */

static bool validate_plain(struct validator *v)
{
    const struct plain *plain = &v->plains[opcode_index(v->instruction.opcode)];
    for (uint32_t i = plain->nparams; i-- > 0;)
        if (!pop(v, plain->params[i]))
            return false;
    return plain->result == UNKNOWN || push(v, plain->result);
}

/* Tables. */

static bool find_table(struct validator *v, uint32_t index, valtype *type)
{
    if (index >= v->module->ntables)
        return validate_unknown(v, "table", index);
    *type = v->module->tables[index].element;
    return true;
}

static bool find_elem(struct validator *v)
{
    uint32_t index = v->instruction.index;
    return index < v->module->nelems || validate_unknown(v, "elem segment", index);
}

static bool validate_table_init(struct validator *v)
{
    valtype type;
    if (!find_table(v, v->instruction.second, &type) || !find_elem(v))
        return false;
    valtype found = v->module->elems[v->instruction.index].type;
    return found == type ? validate_plain(v) : validate_mismatch(v, type, found);
}

static bool validate_table_copy(struct validator *v)
{
    valtype to, from;
    if (!find_table(v, v->instruction.index, &to) || !find_table(v, v->instruction.second, &from))
        return false;
    return to == from ? validate_plain(v) : validate_mismatch(v, to, from);
}

static bool validate_table_op(struct validator *v)
{
    valtype type;
    if (!find_table(v, v->instruction.index, &type))
        return false;
    switch (v->instruction.opcode) {
    case WASM_TABLE_GET: return pop(v, TYPE_I32) && push(v, type);
    case WASM_TABLE_SET: return pop(v, type) && pop(v, TYPE_I32);
    case WASM_TABLE_SIZE: return push(v, TYPE_I32);
    case WASM_TABLE_GROW: return pop(v, TYPE_I32) && pop(v, type) && push(v, TYPE_I32);
    default: /* table.fill */ return pop(v, TYPE_I32) && pop(v, type) && pop(v, TYPE_I32);
    }
}

/* Memory. */

static bool validate_memory(struct validator *v)
{
    return (v->module->nmemories > 0 || validate_unknown(v, "memory", 0)) && validate_plain(v);
}

static bool validate_data(struct validator *v)
{
    uint32_t index = v->instruction.index;
    if (!v->d->has_data_count)
        return fail(v->reader, v->instruction.start, ERROR_MALFORMED,
                    "data count section required");
    if (index >= v->d->data_count)
        return validate_unknown(v, "data segment", index);
    return v->instruction.opcode == WASM_DATA_DROP ? validate_plain(v) : validate_memory(v);
}

/* log2 of the bytes that a load or store touches, in the order of their opcodes. */
static uint32_t natural_alignment(uint32_t opcode)
{
    static const uint8_t alignments[] = {2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1,
                                         2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2};
    return alignments[opcode - WASM_I32_LOAD];
}

static bool validate_access(struct validator *v)
{
    if (v->instruction.align > natural_alignment(v->instruction.opcode))
        return validate_invalid(v, "alignment must not be larger than natural");
    return validate_memory(v);
}

bool validate_instruction(struct validator *v)
{
    const struct functype *callee;
    switch (v->instruction.opcode) {
    case WASM_UNREACHABLE: set_unreachable(v); return true;
    case WASM_NOP: return true;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF: return validate_block(v);
    case WASM_ELSE: return validate_else(v);
    case WASM_END: return validate_end(v);
    case WASM_BR: return validate_br(v);
    case WASM_BR_IF: return validate_br_if(v);
    case WASM_BR_TABLE: return validate_br_table(v);
    case WASM_RETURN: return validate_return(v);
    case WASM_CALL: callee = find_callee(v); return callee && validate_called(v, callee);
    case WASM_CALL_INDIRECT:
        callee = find_indirect_callee(v);
        return callee && validate_called(v, callee);
    case WASM_RETURN_CALL:
        callee = find_callee(v);
        return callee && validate_tail_called(v, callee);
    case WASM_RETURN_CALL_INDIRECT:
        callee = find_indirect_callee(v);
        return callee && validate_tail_called(v, callee);
    case WASM_DROP: return validate_drop(v);
    case WASM_SELECT: return validate_select(v);
    case WASM_SELECT_T: return validate_select_typed(v);
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: return validate_local(v);
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET: return validate_global(v);
    case WASM_REF_NULL: return push(v, v->instruction.type);
    case WASM_REF_IS_NULL: return validate_ref_is_null(v);
    case WASM_REF_FUNC: return validate_ref_func(v);
    case WASM_TABLE_GET:
    case WASM_TABLE_SET:
    case WASM_TABLE_SIZE:
    case WASM_TABLE_GROW:
    case WASM_TABLE_FILL: return validate_table_op(v);
    case WASM_TABLE_INIT: return validate_table_init(v);
    case WASM_TABLE_COPY: return validate_table_copy(v);
    case WASM_ELEM_DROP: return find_elem(v);
    case WASM_MEMORY_SIZE:
    case WASM_MEMORY_GROW:
    case WASM_MEMORY_COPY:
    case WASM_MEMORY_FILL: return validate_memory(v);
    case WASM_MEMORY_INIT:
    case WASM_DATA_DROP: return validate_data(v);
#define ACCESS(name, ...) case WASM_##name:
#include "wasm/opcodes.def"
        return validate_access(v);
#define CONSTANT(name, ...) case WASM_##name:
#define NUMERIC(name, ...)  case WASM_##name:
#include "wasm/opcodes.def"
        return validate_plain(v);
    }
    return false;
}
