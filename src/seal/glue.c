/* glue.c - calls between the runtime and the guest. Values pass in the slots at `values`. */
#include <stdlib.h>

#include "seal/linking.h"
#include "wasm/opcodes.h"

uint32_t glue_named(struct span name)
{
    static const char *const names[] = {
#define GLUE(name, parameters, results) #name,
        GLUE_FUNCTIONS(GLUE)
#undef GLUE
    };
    uint32_t index = 0;
    while (index < GLUE_COUNT && !span_is(name, names[index]))
        index++;
    return index;
}

/* Loads and stores of slots. */

static void slot_access(struct buffer *body, uint8_t opcode, uint32_t address)
{
    encode_op_u32(body, opcode, 2);
    encode_u32(body, address);
}

static void load(struct buffer *body, valtype type, uint32_t address)
{
    slot_access(body,
                type == TYPE_I64   ? WASM_I64_LOAD
                : type == TYPE_F32 ? WASM_F32_LOAD
                : type == TYPE_F64 ? WASM_F64_LOAD
                                   : WASM_I32_LOAD,
                address);
}

static void store(struct buffer *body, valtype type, uint32_t address)
{
    slot_access(body,
                type == TYPE_I64   ? WASM_I64_STORE
                : type == TYPE_F32 ? WASM_F32_STORE
                : type == TYPE_F64 ? WASM_F64_STORE
                                   : WASM_I32_STORE,
                address);
}

/* Between `before_call` and `after_call` a call leaves what functions of that type leave
 * (plan_type). */
static void before_call(struct buffer *body, const struct functype *type)
{
    if (type->nresults == 1)
        encode_i32_const(body, 0);
}

static void after_call(struct linker *linker, struct buffer *body, const struct functype *type)
{
    if (type->nresults == 1)
        store(body, type->types[type->nparams], linker->plan.values);
}

/* if (local == value) { */
static void begin_case(struct buffer *body, uint32_t local, uint32_t value)
{
    encode_op_u32(body, WASM_LOCAL_GET, local);
    encode_i32_const(body, value);
    encode_op(body, WASM_I32_EQ);
    encode_op(body, WASM_IF);
    buffer_put_u8(body, 0x40);
}

static void end_case(struct buffer *body)
{
    encode_op(body, WASM_RETURN);
    encode_op(body, WASM_END);
}

/* enter(funcidx) */

static void enter_function(struct linker *linker, struct buffer *body, uint32_t funcidx)
{
    const struct functype *type = module_functype(linker->guest, funcidx);
    begin_case(body, 0, funcidx);
    before_call(body, type);
    for (uint32_t i = 0; i < type->nparams; i++) {
        encode_i32_const(body, 0);
        load(body, type->types[i], linker->plan.values + 8 * i);
    }
    encode_op_u32(body, WASM_CALL, linker->hot[funcidx]);
    after_call(linker, body, type);
    end_case(body);
}

static bool make_enter(struct linker *linker, struct buffer *body)
{
    const struct module *guest = linker->guest;
    uint8_t *done = calloc((size_t)guest->nfuncs + 1, 1);
    if (!done)
        return error_set(linker->error, ERROR_MEMORY, "no memory for the exports");
    if (guest->has_start) {
        done[guest->start] = 1;
        enter_function(linker, body, guest->start);
    }
    for (uint32_t i = 0; i < guest->nexports; i++) {
        const struct export *export = &guest->exports[i];
        if (export->kind != EXTERN_FUNC || done[export->index])
            continue;
        done[export->index] = 1;
        enter_function(linker, body, export->index);
    }
    free(done);
    encode_op(body, WASM_UNREACHABLE);
    return true;
}

/* resume(funcidx, like) */

static bool same_results(const struct functype *a, const struct functype *b)
{
    return a->nresults == b->nresults &&
           memcmp(a->types + a->nparams, b->types + b->nparams, a->nresults) == 0;
}

static void resume_like(struct linker *linker, struct buffer *body, uint32_t funcidx)
{
    const struct module *guest = linker->guest;
    const struct functype *type = module_functype(guest, funcidx);
    begin_case(body, 1, funcidx);
    before_call(body, type);
    encode_op_u32(body, WASM_LOCAL_GET, 0);
    encode_i32_const(body, linker->plan.resume_base);
    encode_op(body, WASM_I32_ADD);
    encode_op_u32(body, WASM_CALL_INDIRECT,
                  plan_resume_type(&linker->plan, guest->funcs[funcidx].type));
    encode_u32(body, 0);
    after_call(linker, body, type);
    end_case(body);
}

/* For each kind of results the first function that has them. */
static bool make_resume(struct linker *linker, struct buffer *body)
{
    const struct module *guest = linker->guest;
    struct buffer kinds = {0}; /* uint32_t: funcidx */
    for (uint32_t i = guest->nimported_funcs; i < guest->nfuncs; i++) {
        const struct functype *type = module_functype(guest, i);
        size_t kind = 0, count = kinds.size / sizeof(uint32_t);
        const uint32_t *like = (const uint32_t *)(const void *)kinds.data;
        while (kind < count && !same_results(type, module_functype(guest, like[kind])))
            kind++;
        if (kind < count)
            continue;
        buffer_put(&kinds, &i, sizeof i);
        resume_like(linker, body, i);
    }
    body->failed |= kinds.failed;
    buffer_free(&kinds);
    encode_op(body, WASM_UNREACHABLE);
    return true;
}

/* globals_out(address), globals_in(address) */

static void make_globals(struct linker *linker, struct buffer *body, bool out)
{
    const struct module *guest = linker->guest;
    for (uint32_t i = 0; i < guest->nglobals; i++) {
        const struct globaltype *type = &guest->globals[i].type;
        if (!out && !type->mutable)
            continue;
        encode_op_u32(body, WASM_LOCAL_GET, 0);
        if (out) {
            encode_op_u32(body, WASM_GLOBAL_GET, linker->globals[i]);
            store(body, type->type, 8 * i);
        } else {
            load(body, type->type, 8 * i);
            encode_op_u32(body, WASM_GLOBAL_SET, linker->globals[i]);
        }
    }
}

/* An instruction on the guest's memory, with the function's parameters. */
static void make_memory(enum glue_function which, uint32_t nparams, struct buffer *body)
{
    for (uint32_t i = 0; i < nparams; i++)
        encode_op_u32(body, WASM_LOCAL_GET, i);
    switch (which) {
    case GLUE_memory_size: encode_op_u32(body, WASM_MEMORY_SIZE, GUEST_MEMORY); break;
    case GLUE_memory_grow: encode_op_u32(body, WASM_MEMORY_GROW, GUEST_MEMORY); break;
    case GLUE_memory_fill: encode_fill(body, GUEST_MEMORY); break;
    case GLUE_memory_out: encode_copy(body, RUNTIME_MEMORY, GUEST_MEMORY); break;
    default: /* GLUE_memory_in */ encode_copy(body, GUEST_MEMORY, RUNTIME_MEMORY);
    }
}

static bool make_glue(struct linker *linker, enum glue_function which, uint32_t nparams,
                      struct buffer *body)
{
    const struct plan *plan = &linker->plan;
    switch (which) {
    case GLUE_enter: return make_enter(linker, body);
    case GLUE_resume: return make_resume(linker, body);
    case GLUE_globals_out: make_globals(linker, body, true); return true;
    case GLUE_globals_in: make_globals(linker, body, false); return true;
    case GLUE_fuel: encode_op_u32(body, WASM_GLOBAL_GET, plan->fuel); return true;
    case GLUE_set_fuel:
        encode_op_u32(body, WASM_LOCAL_GET, 0);
        encode_op_u32(body, WASM_GLOBAL_SET, plan->fuel);
        return true;
    case GLUE_set_unwinding:
        encode_op_u32(body, WASM_LOCAL_GET, 0);
        encode_op_u32(body, WASM_GLOBAL_SET, plan->unwinding);
        return true;
    default:
        if (plan->options->multi_memory)
            make_memory(which, nparams, body);
        else
            encode_op(body, WASM_UNREACHABLE);
        return true;
    }
}

bool link_glue(struct linker *linker)
{
    static const char *const signatures[][2] = {
#define GLUE(name, parameters, results) {parameters, results},
        GLUE_FUNCTIONS(GLUE)
#undef GLUE
    };
    struct buffer body = {0};
    bool good = true;
    for (uint32_t i = 0; good && i < GLUE_COUNT; i++) {
        body.size = 0;
        encode_u32(&body, 0);
        good = make_glue(linker, (enum glue_function)i, (uint32_t)strlen(signatures[i][0]), &body);
        encode_op(&body, WASM_END);
        add_function(linker, plan_type_of(&linker->plan, signatures[i][0], signatures[i][1]),
                     &body);
    }
    buffer_free(&body);
    return good;
}

/* What the guest imports, as functions that ask the runtime. */
bool link_imports(struct linker *linker)
{
    const struct module *guest = linker->guest;
    const struct plan *plan = &linker->plan;
    struct buffer body = {0};
    for (uint32_t f = 0; f < guest->nimported_funcs; f++) {
        const struct functype *type = module_functype(guest, f);
        body.size = 0;
        encode_u32(&body, 0);
        for (uint32_t i = 0; i < type->nparams; i++) {
            encode_i32_const(&body, 0);
            encode_op_u32(&body, WASM_LOCAL_GET, i);
            store(&body, type->types[i], plan->values + 8 * i);
        }
        encode_i32_const(&body, f);
        encode_op_u32(&body, WASM_CALL, plan->runtime[RUNTIME_host_call]);
        if (type->nresults == 1) {
            encode_i32_const(&body, 0);
            load(&body, type->types[type->nparams], plan->values);
        }
        encode_op(&body, WASM_END);
        add_function(linker, plan_functype(&linker->plan, guest->funcs[f].type), &body);
    }
    buffer_free(&body);
    return true;
}
