/* validate.c - the validation algorithm of the specification's appendix, in one pass over a body.
 *
 * The operand stack holds value types as bytes, UNKNOWN where unreachable code leaves them open. */
#include "wasm/validate.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "wasm/opcodes.h"

#define UNKNOWN 0
#define LOCALS_MAX 50000u

struct control {
    uint8_t opcode;
    bool unreachable;
    uint32_t height;
    const valtype *params;
    uint32_t nparams;
    const valtype *results;
    uint32_t nresults;
};

struct validator {
    struct decoding *decoding;
    struct module *module;
    struct reader *reader;
    const uint8_t *instruction; /* for messages */
    const struct functype *type;
    const valtype *locals;
    uint32_t nlocals;
    struct buffer operands; /* valtype */
    struct buffer controls; /* struct control */
    uint32_t max_operands;
};

static bool invalid(struct validator *v, const char *message) {
    return fail(v->reader, v->instruction, ERROR_INVALID, message);
}

static bool unknown(struct validator *v, const char *what, uint32_t index) {
    return error_set_at(v->reader->error, ERROR_INVALID,
                        (uint64_t)(v->instruction - v->reader->start), "unknown %s %u", what,
                        index);
}

static bool mismatch(struct validator *v, valtype expected, valtype found) {
    return error_set_at(v->reader->error, ERROR_INVALID,
                        (uint64_t)(v->instruction - v->reader->start),
                        "type mismatch: expected %s, found %s", valtype_name(expected),
                        valtype_name(found));
}

/* Operands. */

static struct control *control_at(struct validator *v, uint32_t depth) {
    return (struct control *)(void *)(v->controls.data + v->controls.size) - 1 - depth;
}

static uint32_t control_count(const struct validator *v) {
    return (uint32_t)(v->controls.size / sizeof(struct control));
}

static bool push(struct validator *v, valtype type) {
    if (v->operands.size == v->operands.capacity) {
        if (!buffer_extend(&v->operands, 1))
            return fail(v->reader, v->instruction, ERROR_MEMORY, "no memory to validate");
        v->operands.size--;
    }
    v->operands.data[v->operands.size++] = type;
    if (v->operands.size > v->max_operands)
        v->max_operands = (uint32_t)v->operands.size;
    return true;
}

static bool pop_any(struct validator *v, valtype *type) {
    struct control *control = control_at(v, 0);
    if (v->operands.size == control->height) {
        *type = UNKNOWN;
        return control->unreachable ||
               invalid(v, "type mismatch: the operand stack is empty");
    }
    *type = v->operands.data[--v->operands.size];
    return true;
}

static bool pop(struct validator *v, valtype expected) {
    valtype type;
    if (!pop_any(v, &type))
        return false;
    return type == expected || type == UNKNOWN || mismatch(v, expected, type);
}

static bool pop_types(struct validator *v, const valtype *types, uint32_t count) {
    while (count--)
        if (!pop(v, types[count]))
            return false;
    return true;
}

static bool push_types(struct validator *v, const valtype *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!push(v, types[i]))
            return false;
    return true;
}

/* Blocks. */

static bool push_control(struct validator *v, struct control control) {
    control.height = (uint32_t)v->operands.size;
    buffer_put(&v->controls, &control, sizeof control);
    if (v->controls.failed)
        return fail(v->reader, v->instruction, ERROR_MEMORY, "no memory to validate");
    return push_types(v, control.params, control.nparams);
}

static bool pop_control(struct validator *v, struct control *control) {
    *control = *control_at(v, 0);
    if (!pop_types(v, control->results, control->nresults))
        return false;
    if (v->operands.size != control->height)
        return invalid(v, "type mismatch: values remain on the stack at the end of the block");
    v->controls.size -= sizeof *control;
    return true;
}

static void set_unreachable(struct validator *v) {
    struct control *control = control_at(v, 0);
    v->operands.size = control->height;
    control->unreachable = true;
}

static const valtype *label_types(const struct control *control, uint32_t *count) {
    bool loop = control->opcode == WASM_LOOP;
    *count = loop ? control->nparams : control->nresults;
    return loop ? control->params : control->results;
}

static bool read_label(struct validator *v, uint32_t *depth) {
    if (!read_u32(v->reader, depth))
        return false;
    return *depth < control_count(v) || unknown(v, "label", *depth);
}

static const valtype *one_type(valtype type) {
    static const valtype types[] = {TYPE_I32, TYPE_I64,     TYPE_F32,
                                    TYPE_F64, TYPE_FUNCREF, TYPE_EXTERNREF};
    const valtype *at = memchr(types, type, sizeof types);
    return at;
}

static bool read_blocktype(struct validator *v, struct control *control) {
    struct reader *reader = v->reader;
    if (reader->at != reader->end && *reader->at == 0x40) {
        reader->at++;
        return true;
    }
    if (reader->at != reader->end && *reader->at < 0x80 && *reader->at >= 0x40) {
        valtype type;
        if (!read_valtype(reader, &type))
            return false;
        control->results = one_type(type);
        control->nresults = 1;
        return true;
    }
    int64_t index;
    if (!read_s33(reader, &index))
        return false;
    if (index < 0)
        return fail(reader, v->instruction, ERROR_MALFORMED, "malformed block type");
    if (index >= v->module->ntypes)
        return unknown(v, "type", (uint32_t)index);
    const struct functype *type = &v->module->types[index];
    control->params = type->types;
    control->nparams = type->nparams;
    control->results = type->types + type->nparams;
    control->nresults = type->nresults;
    return true;
}

static bool validate_block(struct validator *v, uint32_t opcode) {
    struct control control = {.opcode = (uint8_t)opcode};
    if (!read_blocktype(v, &control))
        return false;
    if (opcode == WASM_IF && !pop(v, TYPE_I32))
        return false;
    return pop_types(v, control.params, control.nparams) && push_control(v, control);
}

static bool validate_else(struct validator *v) {
    struct control control;
    if (control_at(v, 0)->opcode != WASM_IF)
        return fail(v->reader, v->instruction, ERROR_MALFORMED, "unexpected else");
    if (!pop_control(v, &control))
        return false;
    control.opcode = WASM_ELSE;
    control.unreachable = false;
    return push_control(v, control);
}

static bool validate_end(struct validator *v) {
    struct control control;
    if (!pop_control(v, &control))
        return false;
    if (control.opcode == WASM_IF &&
        (control.nparams != control.nresults ||
         (control.nparams && memcmp(control.params, control.results, control.nparams) != 0)))
        return invalid(v, "type mismatch: an if without else whose parameters are not its results");
    return control_count(v) == 0 || push_types(v, control.results, control.nresults);
}

static bool validate_br(struct validator *v, bool conditional) {
    uint32_t depth, count;
    if (!read_label(v, &depth) || (conditional && !pop(v, TYPE_I32)))
        return false;
    const valtype *types = label_types(control_at(v, depth), &count);
    if (!pop_types(v, types, count))
        return false;
    if (conditional)
        return push_types(v, types, count);
    set_unreachable(v);
    return true;
}

/* Checks the topmost operands against `types` without taking them off. */
static bool check_types(struct validator *v, const valtype *types, uint32_t count) {
    struct control *control = control_at(v, 0);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = v->operands.size - 1 - i;
        if (v->operands.size <= (size_t)control->height + i) {
            if (control->unreachable)
                return true;
            return invalid(v, "type mismatch: too few operands for the branch");
        }
        valtype found = v->operands.data[at], expected = types[count - 1 - i];
        if (found != expected && found != UNKNOWN)
            return mismatch(v, expected, found);
    }
    return true;
}

static bool validate_br_table(struct validator *v) {
    uint32_t count, depth, arity = 0;
    if (!pop(v, TYPE_I32) || !read_u32(v->reader, &count))
        return false;
    for (uint64_t i = 0; i <= count; i++) {
        if (!read_label(v, &depth))
            return false;
        uint32_t n;
        const valtype *types = label_types(control_at(v, depth), &n);
        if (i > 0 && n != arity)
            return invalid(v, "type mismatch: labels of a br_table take different values");
        arity = n;
        if (!check_types(v, types, n))
            return false;
    }
    set_unreachable(v);
    return true;
}

/* Calls. */

static bool validate_called(struct validator *v, const struct functype *type, bool tail) {
    const valtype *results = type->types + type->nparams;
    if (!pop_types(v, type->types, type->nparams))
        return false;
    if (!tail)
        return push_types(v, results, type->nresults);
    if (type->nresults != v->type->nresults ||
        (type->nresults &&
         memcmp(results, v->type->types + v->type->nparams, type->nresults) != 0))
        return invalid(v, "type mismatch: a tail call to a function with other results");
    v->module->has_tail_calls = true;
    set_unreachable(v);
    return true;
}

static bool validate_call(struct validator *v, bool tail) {
    uint32_t funcidx;
    if (!read_u32(v->reader, &funcidx))
        return false;
    if (funcidx >= v->module->nfuncs)
        return unknown(v, "function", funcidx);
    return validate_called(v, module_functype(v->module, funcidx), tail);
}

static bool validate_call_indirect(struct validator *v, bool tail) {
    uint32_t type, table;
    if (!read_u32(v->reader, &type) || !read_u32(v->reader, &table))
        return false;
    if (table >= v->module->ntables)
        return unknown(v, "table", table);
    if (type >= v->module->ntypes)
        return unknown(v, "type", type);
    if (v->module->tables[table].element != TYPE_FUNCREF)
        return mismatch(v, TYPE_FUNCREF, v->module->tables[table].element);
    return pop(v, TYPE_I32) && validate_called(v, &v->module->types[type], tail);
}

/* Variables. */

static bool validate_local(struct validator *v, uint32_t opcode) {
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->nlocals)
        return unknown(v, "local", index);
    valtype type = v->locals[index];
    if (opcode == WASM_LOCAL_GET)
        return push(v, type);
    return pop(v, type) && (opcode == WASM_LOCAL_SET || push(v, type));
}

static bool validate_global(struct validator *v, bool set) {
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->module->nglobals)
        return unknown(v, "global", index);
    const struct globaltype *type = &v->module->globals[index].type;
    if (!set)
        return push(v, type->type);
    return type->mutable ? pop(v, type->type) : invalid(v, "global is immutable");
}

/* Memory and tables. */

static bool need_memory(struct validator *v) {
    return v->module->nmemories > 0 || unknown(v, "memory", 0);
}

static bool read_zero(struct validator *v) {
    uint8_t byte;
    const uint8_t *at = v->reader->at;
    if (!read_byte(v->reader, &byte))
        return false;
    return byte == 0 || fail(v->reader, at, ERROR_MALFORMED, "zero byte expected");
}

static bool read_table(struct validator *v, valtype *type) {
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->module->ntables)
        return unknown(v, "table", index);
    *type = v->module->tables[index].element;
    return true;
}

static bool read_elem(struct validator *v, valtype *type) {
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (index >= v->module->nelems)
        return unknown(v, "elem segment", index);
    *type = v->module->elems[index].type;
    return true;
}

static bool read_data(struct validator *v) {
    uint32_t index;
    if (!read_u32(v->reader, &index))
        return false;
    if (!v->decoding->has_data_count)
        return fail(v->reader, v->instruction, ERROR_MALFORMED, "data count section required");
    return index < v->decoding->data_count || unknown(v, "data segment", index);
}

static uint32_t natural_alignment(uint32_t opcode) {
    switch (opcode) {
    case WASM_I64_LOAD:
    case WASM_F64_LOAD:
    case WASM_I64_STORE:
    case WASM_F64_STORE:
        return 3;
    case WASM_I32_LOAD8_S:
    case WASM_I32_LOAD8_U:
    case WASM_I64_LOAD8_S:
    case WASM_I64_LOAD8_U:
    case WASM_I32_STORE8:
    case WASM_I64_STORE8:
        return 0;
    case WASM_I32_LOAD16_S:
    case WASM_I32_LOAD16_U:
    case WASM_I64_LOAD16_S:
    case WASM_I64_LOAD16_U:
    case WASM_I32_STORE16:
    case WASM_I64_STORE16:
        return 1;
    default:
        return 2;
    }
}

static bool read_memarg(struct validator *v, uint32_t opcode) {
    uint32_t alignment, offset;
    if (!read_u32(v->reader, &alignment))
        return false;
    if (alignment >= 32)
        return fail(v->reader, v->instruction, ERROR_MALFORMED, "malformed memop flags");
    if (!read_u32(v->reader, &offset))
        return false;
    if (alignment > natural_alignment(opcode))
        return invalid(v, "alignment must not be larger than natural");
    return need_memory(v);
}

static bool validate_table_op(struct validator *v, uint32_t opcode) {
    valtype type = UNKNOWN, other = UNKNOWN;
    bool init = opcode == WASM_TABLE_INIT;
    if (init ? !read_elem(v, &other) : false)
        return false;
    if (!read_table(v, &type))
        return false;
    if (opcode == WASM_TABLE_COPY && !read_table(v, &other))
        return false;
    if (other != UNKNOWN && other != type)
        return mismatch(v, type, other);
    switch (opcode) {
    case WASM_TABLE_GET:
        return pop(v, TYPE_I32) && push(v, type);
    case WASM_TABLE_SET:
        return pop(v, type) && pop(v, TYPE_I32);
    case WASM_TABLE_SIZE:
        return push(v, TYPE_I32);
    case WASM_TABLE_GROW:
        return pop(v, TYPE_I32) && pop(v, type) && push(v, TYPE_I32);
    case WASM_TABLE_FILL:
        return pop(v, TYPE_I32) && pop(v, type) && pop(v, TYPE_I32);
    default: /* table.init, table.copy */
        return pop(v, TYPE_I32) && pop(v, TYPE_I32) && pop(v, TYPE_I32);
    }
}

/* Immediates of the instructions whose types opcodes.def gives. */
static bool read_immediates(struct validator *v, uint32_t opcode, uint32_t immediates) {
    valtype type;
    int32_t i32;
    int64_t i64;
    switch (immediates) {
    case IMM_NONE:
        return true;
    case IMM_MEMARG:
        return read_memarg(v, opcode);
    case IMM_MEMORY:
        return read_zero(v) && need_memory(v);
    case IMM_MEMORY_MEMORY:
        return read_zero(v) && read_zero(v) && need_memory(v);
    case IMM_DATA_MEMORY:
        return read_data(v) && read_zero(v) && need_memory(v);
    case IMM_DATA:
        return read_data(v);
    case IMM_ELEM:
        return read_elem(v, &type);
    case IMM_I32:
        return read_s32(v->reader, &i32);
    case IMM_I64:
        return read_s64(v->reader, &i64);
    default: { /* IMM_F32, IMM_F64 */
        size_t size = immediates == IMM_F32 ? 4 : 8;
        if ((size_t)(v->reader->end - v->reader->at) < size)
            return fail(v->reader, v->reader->at, ERROR_MALFORMED, "unexpected end");
        v->reader->at += size;
        return true;
    }
    }
}

static valtype signature_type(char letter) {
    switch (letter) {
    case 'i':
        return TYPE_I32;
    case 'I':
        return TYPE_I64;
    case 'f':
        return TYPE_F32;
    default:
        return TYPE_F64;
    }
}

static bool validate_plain(struct validator *v, uint32_t opcode, const struct opcode_info *info) {
    if (!read_immediates(v, opcode, info->immediates))
        return false;
    const char *signature = info->signature;
    uint32_t nparams = 0;
    while (signature[nparams] && signature[nparams] != ':')
        nparams++;
    for (uint32_t i = nparams; i-- > 0;)
        if (!pop(v, signature_type(signature[i])))
            return false;
    return !signature[nparams] || !signature[nparams + 1] ||
           push(v, signature_type(signature[nparams + 1]));
}

/* References and parametric instructions. */

static bool validate_select(struct validator *v) {
    valtype a, b;
    if (!pop(v, TYPE_I32) || !pop_any(v, &a) || !pop_any(v, &b))
        return false;
    if (valtype_is_reference(a) || valtype_is_reference(b))
        return invalid(v, "type mismatch: select without a type takes numbers only");
    if (a != b && a != UNKNOWN && b != UNKNOWN)
        return mismatch(v, b, a);
    return push(v, a == UNKNOWN ? b : a);
}

static bool validate_select_typed(struct validator *v) {
    uint32_t count;
    valtype type;
    if (!read_u32(v->reader, &count))
        return false;
    if (count != 1)
        return invalid(v, "invalid result arity");
    return read_valtype(v->reader, &type) && pop(v, TYPE_I32) && pop(v, type) && pop(v, type) &&
           push(v, type);
}

static bool validate_ref_func(struct validator *v) {
    uint32_t funcidx;
    if (!read_u32(v->reader, &funcidx))
        return false;
    if (funcidx >= v->module->nfuncs)
        return unknown(v, "function", funcidx);
    if (!v->decoding->declared[funcidx])
        return invalid(v, "undeclared function reference");
    return push(v, TYPE_FUNCREF);
}

static bool validate_ref_is_null(struct validator *v) {
    valtype type;
    if (!pop_any(v, &type))
        return false;
    if (type != UNKNOWN && !valtype_is_reference(type))
        return invalid(v, "type mismatch: ref.is_null takes a reference");
    return push(v, TYPE_I32);
}

static bool validate_return(struct validator *v) {
    if (!pop_types(v, v->type->types + v->type->nparams, v->type->nresults))
        return false;
    set_unreachable(v);
    return true;
}

static bool validate_instruction(struct validator *v, uint32_t opcode) {
    valtype type;
    switch (opcode) {
    case WASM_UNREACHABLE:
        set_unreachable(v);
        return true;
    case WASM_BLOCK:
    case WASM_LOOP:
    case WASM_IF:
        return validate_block(v, opcode);
    case WASM_ELSE:
        return validate_else(v);
    case WASM_END:
        return validate_end(v);
    case WASM_BR:
    case WASM_BR_IF:
        return validate_br(v, opcode == WASM_BR_IF);
    case WASM_BR_TABLE:
        return validate_br_table(v);
    case WASM_RETURN:
        return validate_return(v);
    case WASM_CALL:
    case WASM_RETURN_CALL:
        return validate_call(v, opcode == WASM_RETURN_CALL);
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL_INDIRECT:
        return validate_call_indirect(v, opcode == WASM_RETURN_CALL_INDIRECT);
    case WASM_DROP:
        return pop_any(v, &type);
    case WASM_SELECT:
        return validate_select(v);
    case WASM_SELECT_T:
        return validate_select_typed(v);
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE:
        return validate_local(v, opcode);
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET:
        return validate_global(v, opcode == WASM_GLOBAL_SET);
    case WASM_REF_NULL:
        return read_reftype(v->reader, &type) && push(v, type);
    case WASM_REF_IS_NULL:
        return validate_ref_is_null(v);
    case WASM_REF_FUNC:
        return validate_ref_func(v);
    case WASM_TABLE_GET:
    case WASM_TABLE_SET:
    case WASM_TABLE_SIZE:
    case WASM_TABLE_GROW:
    case WASM_TABLE_FILL:
    case WASM_TABLE_INIT:
    case WASM_TABLE_COPY:
        return validate_table_op(v, opcode);
    default: {
        const struct opcode_info *info = opcode_info(opcode);
        return info ? validate_plain(v, opcode, info)
                    : refuse_opcode(v->reader, v->instruction, opcode);
    }
    }
}

static bool read_opcode(struct reader *reader, uint32_t *opcode) {
    uint8_t byte;
    uint32_t more;
    if (!read_byte(reader, &byte))
        return false;
    *opcode = byte;
    if (byte != 0xFC)
        return true;
    if (!read_u32(reader, &more))
        return false;
    *opcode = 0xFC00 + (more < 0x100 ? more : 0xFF);
    return true;
}

static bool validate_instructions(struct validator *v) {
    uint32_t opcode;
    while (control_count(v) > 0) {
        v->instruction = v->reader->at;
        if (v->reader->at == v->reader->end)
            return fail(v->reader, v->reader->at, ERROR_MALFORMED, "END opcode expected");
        if (!read_opcode(v->reader, &opcode) || !validate_instruction(v, opcode))
            return false;
    }
    return true;
}

/* Function bodies. */

static bool count_locals(struct decoding *decoding, struct func *func, uint32_t nparams) {
    struct reader *reader = &decoding->reader;
    uint32_t runs;
    uint64_t count = nparams;
    func->locals = (uint32_t)(reader->at - reader->start);
    if (!read_u32(reader, &runs))
        return false;
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t n;
        valtype type;
        const uint8_t *at = reader->at;
        if (!read_u32(reader, &n) || !read_valtype(reader, &type))
            return false;
        count += n;
        if (count > UINT32_MAX)
            return fail(reader, at, ERROR_MALFORMED, "too many locals");
        if (count > LOCALS_MAX)
            return error_set_at(reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - reader->start),
                                "too many locals: at most %u are supported", LOCALS_MAX);
    }
    func->nlocals = (uint32_t)count;
    func->code = (uint32_t)(reader->at - reader->start);
    return true;
}

static valtype *list_locals(const struct decoding *decoding, const struct func *func,
                            const struct functype *type) {
    valtype *locals = malloc((size_t)func->nlocals + 1);
    if (!locals)
        return NULL;
    if (type->nparams)
        memcpy(locals, type->types, type->nparams);
    valtype *to = locals + type->nparams;
    const uint8_t *at = decoding->reader.start + func->locals;
    for (uint32_t runs = leb_u32(&at); runs--;) {
        uint32_t count = leb_u32(&at);
        memset(to, *at++, count);
        to += count;
    }
    return locals;
}

bool validate_body(struct decoding *decoding, uint32_t funcidx, const uint8_t *end) {
    struct func *func = &decoding->module->funcs[funcidx];
    const struct functype *type = module_functype(decoding->module, funcidx);
    struct reader *reader = &decoding->reader;
    const uint8_t *section_end = reader->end;
    reader->end = end;
    if (!count_locals(decoding, func, type->nparams))
        return false;
    valtype *locals = list_locals(decoding, func, type);
    if (!locals)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory to validate");
    struct validator v = {.decoding = decoding,
                          .module = decoding->module,
                          .reader = reader,
                          .instruction = reader->at,
                          .type = type,
                          .locals = locals,
                          .nlocals = func->nlocals};
    struct control body = {.opcode = WASM_END,
                           .results = type->types + type->nparams,
                           .nresults = type->nresults};
    bool good = push_control(&v, body) && validate_instructions(&v);
    if (good && reader->at != end)
        good = fail(reader, reader->at, ERROR_MALFORMED,
                    "section size mismatch: bytes remain after the body's end");
    func->code_end = (uint32_t)(reader->at - reader->start);
    func->max_operands = v.max_operands;
    buffer_free(&v.operands);
    buffer_free(&v.controls);
    free(locals);
    reader->end = section_end;
    return good;
}

/* Constant expressions. */

static bool is_constant(uint32_t opcode) {
    switch (opcode) {
    case WASM_I32_CONST:
    case WASM_I64_CONST:
    case WASM_F32_CONST:
    case WASM_F64_CONST:
    case WASM_REF_NULL:
    case WASM_REF_FUNC:
    case WASM_GLOBAL_GET:
    case WASM_END:
    case WASM_I32_ADD:
    case WASM_I32_SUB:
    case WASM_I32_MUL:
    case WASM_I64_ADD:
    case WASM_I64_SUB:
    case WASM_I64_MUL:
        return true;
    default:
        return false;
    }
}

/* In a constant expression only imported, immutable globals are seen. */
static bool check_constant_global(struct validator *v) {
    struct reader ahead = *v->reader;
    uint32_t index;
    if (!read_u32(&ahead, &index))
        return false;
    if (index >= v->module->nimported_globals)
        return unknown(v, "global", index);
    return !v->module->globals[index].type.mutable || invalid(v, "constant expression required");
}

/* ref.func in a constant expression declares its function. */
static bool declare_function(struct validator *v) {
    struct reader ahead = *v->reader;
    uint32_t funcidx;
    if (!read_u32(&ahead, &funcidx))
        return false;
    if (funcidx < v->module->nfuncs)
        v->decoding->declared[funcidx] = 1;
    return true;
}

bool validate_constant(struct decoding *decoding, valtype type, struct constexpr *expression) {
    static const struct functype none;
    struct reader *reader = &decoding->reader;
    struct validator v = {.decoding = decoding,
                          .module = decoding->module,
                          .reader = reader,
                          .instruction = reader->at,
                          .type = &none};
    struct control body = {.opcode = WASM_END, .results = &type, .nresults = 1};
    expression->start = (uint32_t)(reader->at - reader->start);
    bool good = push_control(&v, body);
    while (good && control_count(&v) > 0) {
        uint32_t opcode = 0;
        v.instruction = reader->at;
        good = read_opcode(reader, &opcode);
        if (good && !is_constant(opcode))
            good = opcode_info(opcode) ? invalid(&v, "constant expression required")
                                       : refuse_opcode(reader, v.instruction, opcode);
        if (good && opcode == WASM_GLOBAL_GET)
            good = check_constant_global(&v);
        if (good && opcode == WASM_REF_FUNC)
            good = declare_function(&v);
        good = good && validate_instruction(&v, opcode);
    }
    expression->end = (uint32_t)(reader->at - reader->start);
    buffer_free(&v.operands);
    buffer_free(&v.controls);
    return good;
}
