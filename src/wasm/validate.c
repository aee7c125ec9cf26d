/* validate.c - function bodies and constant expressions, in one pass over each.
 *
 *      body:    size │ n │ count type │ count type │ ... │ instructions ... │ 0B
 *                    └──────── local declarations ───────┘
 */
#include "wasm/validate.h"

#include <stdlib.h>
#include <string.h>

#include "wasm/validator.h"

/* The types of a signature as opcodes.def writes it, up to ':' or its end. */
static uint8_t signature_types(const char **signature, valtype *types)
{
    uint8_t count = 0;
    for (; **signature && **signature != ':'; ++*signature)
        types[count++] = **signature == 'i'   ? TYPE_I32
                         : **signature == 'I' ? TYPE_I64
                         : **signature == 'f' ? TYPE_F32
                                              : TYPE_F64;
    return count;
}

static void unpack_plain(struct plain *plain, const struct opcode_info *info)
{
    const char *signature = info->signature;
    if (*signature == '*')
        return;
    plain->nparams = signature_types(&signature, plain->params);
    if (*signature == ':' && signature[1]) {
        signature++;
        signature_types(&signature, &plain->result);
    }
}

bool validator_start(struct decoding *d)
{
    struct validator *v = calloc(1, sizeof *v);
    if (!v)
        return fail(&d->reader, d->reader.at, ERROR_MEMORY, "no memory to validate");
    v->d = d;
    v->module = d->module;
    v->reader = &d->reader;
    for (uint32_t i = 0; i < OPCODES; i++)
        if (opcode_infos[i].text)
            unpack_plain(&v->plains[i], &opcode_infos[i]);
    d->validator = v;
    return true;
}

void validator_stop(struct decoding *d)
{
    struct validator *v = d->validator;
    if (!v)
        return;
    free(v->operands);
    free(v->controls);
    buffer_free(&v->runs);
    free(v);
    d->validator = NULL;
}

/* Starts on a body or expression of the given type at the reader's place. */
static bool begin(struct validator *v, const struct functype *type, const struct functype *block)
{
    v->type = type;
    v->instruction = (struct instruction){.start = v->reader->at, .opcode = WASM_END};
    v->height = v->max_operands = v->ncontrols = 0;
    return push_control(v, WASM_END, block);
}

/* Local declarations. */

static bool too_many_locals(struct validator *v, const uint8_t *at, uint64_t count)
{
    if (count > UINT32_MAX)
        return fail(v->reader, at, ERROR_MALFORMED, "too many locals");
    return error_set_at(v->reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - v->reader->start),
                        "too many locals: at most %u are supported", LOCALS_MAX);
}

static void fill_near_locals(struct validator *v, uint64_t from, uint64_t end, valtype type)
{
    if (end > NEAR_LOCALS)
        end = NEAR_LOCALS;
    if (from < end)
        memset(v->near_locals + from, type, (size_t)(end - from));
}

static bool read_local_runs(struct validator *v, uint64_t *nlocals)
{
    struct reader *reader = v->reader;
    uint32_t runs, count;
    if (!read_u32(reader, &runs))
        return false;
    v->runs.size = 0;
    for (uint64_t total = *nlocals; runs--; *nlocals = total) {
        const uint8_t *at = reader->at;
        struct local_run run;
        memset(&run, 0, sizeof run);
        if (!read_u32(reader, &count) || !read_valtype(reader, &run.type))
            return false;
        total += count;
        if (total > LOCALS_MAX)
            return too_many_locals(v, at, total);
        fill_near_locals(v, *nlocals, total, run.type);
        run.end = (uint32_t)total;
        if (total > NEAR_LOCALS)
            buffer_put(&v->runs, &run, sizeof run);
    }
    return !v->runs.failed || fail(reader, reader->at, ERROR_MEMORY, "no memory to validate");
}

static bool read_locals(struct validator *v, struct func *func, const struct functype *type)
{
    uint64_t nlocals = type->nparams;
    if (type->nparams > 0)
        memcpy(v->near_locals, type->types,
               type->nparams < NEAR_LOCALS ? type->nparams : NEAR_LOCALS);
    func->locals = position(v->reader);
    if (!read_local_runs(v, &nlocals))
        return false;
    func->nlocals = v->nlocals = (uint32_t)nlocals;
    func->code = position(v->reader);
    return true;
}

/* Bodies. */

static bool validate_instructions(struct validator *v)
{
    while (v->ncontrols > 0) {
        if (v->reader->at == v->reader->end)
            return fail(v->reader, v->reader->at, ERROR_MALFORMED,
                        "unexpected end of section or function: END opcode expected");
        if (!walk_next(v->reader, &v->instruction) || !validate_instruction(v))
            return false;
    }
    return true;
}

bool validate_body(struct decoding *d, uint32_t funcidx, const uint8_t *end)
{
    struct validator *v = d->validator;
    struct reader *reader = &d->reader;
    struct func *func = &d->module->funcs[funcidx];
    const struct functype *type = module_functype(d->module, funcidx);
    const uint8_t *section_end = reader->end;
    struct functype body = {type->types + type->nparams, 0, type->nresults, 0};
    reader->end = end;
    if (!read_locals(v, func, type) || !begin(v, type, &body) || !validate_instructions(v))
        return false;
    if (reader->at != end)
        return fail(reader, reader->at, ERROR_MALFORMED,
                    "section size mismatch: bytes remain after the function's end");
    func->code_end = position(reader);
    func->max_operands = v->max_operands;
    reader->end = section_end;
    return true;
}

/* Constant expressions. */

/* In a constant expression only imported, immutable globals are seen. */
static bool check_constant_global(struct validator *v)
{
    uint32_t index = v->instruction.index;
    if (index >= v->module->nimported_globals)
        return validate_unknown(v, "global", index);
    return !v->module->globals[index].type.mutable ||
           validate_invalid(v, "constant expression required: the global is mutable");
}

/* ref.func in a constant expression declares its function. */
static bool declare_function(struct validator *v)
{
    uint32_t funcidx = v->instruction.index;
    if (funcidx < v->module->nfuncs) {
        v->d->declared[funcidx] = 1;
        v->module->funcs[funcidx].referenced = true;
    }
    return true;
}

static bool check_constant(struct validator *v)
{
    switch (v->instruction.opcode) {
    case WASM_I32_CONST:
    case WASM_I64_CONST:
    case WASM_F32_CONST:
    case WASM_F64_CONST:
    case WASM_REF_NULL:
    case WASM_END:
    case WASM_I32_ADD:
    case WASM_I32_SUB:
    case WASM_I32_MUL:
    case WASM_I64_ADD:
    case WASM_I64_SUB:
    case WASM_I64_MUL: return true;
    case WASM_REF_FUNC: return declare_function(v);
    case WASM_GLOBAL_GET: return check_constant_global(v);
    default: return validate_invalid(v, "constant expression required");
    }
}

/* `i32.const N end`, as the offsets of segments are, of which there may be thousands. */
static bool is_literal(struct reader *reader)
{
    struct reader ahead = *reader;
    uint8_t opcode, end;
    int32_t value;
    if (!read_byte(&ahead, &opcode) || opcode != WASM_I32_CONST || !read_s32(&ahead, &value) ||
        !read_byte(&ahead, &end) || end != WASM_END)
        return false;
    reader->at = ahead.at;
    return true;
}

bool validate_constant(struct decoding *d, valtype type)
{
    struct validator *v = d->validator;
    if (type == TYPE_I32 && is_literal(&d->reader))
        return true;
    v->nlocals = 0;
    if (!begin(v, block_of(UNKNOWN), block_of(type)))
        return false;
    while (v->ncontrols > 0)
        if (!walk_next(v->reader, &v->instruction) || !check_constant(v) ||
            !validate_instruction(v))
            return false;
    return true;
}
