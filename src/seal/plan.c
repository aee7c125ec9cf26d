#include <stdlib.h>

#include "seal/layout.h"
#include "seal/linking.h"
#include "wasm/opcodes.h"

/* Types. Few modules have many; those of the guest are looked up once each. */

/* In plan.referenced_types. */
#define NO_TYPE       UINT32_MAX
#define SEVERAL_TYPES (UINT32_MAX - 1)

static valtype plain(valtype type)
{
    return valtype_is_reference(type) ? TYPE_I32 : type;
}

/* The type that begins at `at`: moves behind it. */
static void skip_type(const uint8_t **at)
{
    *at += 1;
    for (int i = 0; i < 2; i++) {
        uint32_t count = 0, shift = 0;
        do
            count |= (uint32_t)(**at & 0x7F) << shift, shift += 7;
        while (*(*at)++ & 0x80);
        *at += count;
    }
}

uint32_t plan_type(struct plan *plan, const valtype *params, uint32_t nparams,
                   const valtype *results, uint32_t nresults)
{
    struct buffer type = {0};
    uint32_t index = 0;
    buffer_put_u8(&type, 0x60);
    encode_u32(&type, nparams);
    for (uint32_t i = 0; i < nparams; i++)
        buffer_put_u8(&type, plain(params[i]));
    encode_u32(&type, nresults == 1);
    if (nresults == 1)
        buffer_put_u8(&type, plain(results[0]));
    const uint8_t *at = plan->types.data;
    for (; index < plan->ntypes; index++) {
        const uint8_t *start = at;
        skip_type(&at);
        if ((size_t)(at - start) == type.size && memcmp(start, type.data, type.size) == 0)
            break;
    }
    if (index == plan->ntypes) {
        buffer_put(&plan->types, type.data, type.size);
        plan->ntypes++;
    }
    plan->types.failed |= type.failed;
    buffer_free(&type);
    return index;
}

static uint32_t letters(const char *text, valtype types[8])
{
    uint32_t count = 0;
    for (; text[count]; count++)
        types[count] = text[count] == 'i'   ? TYPE_I32
                       : text[count] == 'I' ? TYPE_I64
                       : text[count] == 'f' ? TYPE_F32
                                            : TYPE_F64;
    return count;
}

uint32_t plan_type_of(struct plan *plan, const char *params, const char *results)
{
    valtype in[8], out[8];
    uint32_t nin = letters(params, in), nout = letters(results, out);
    return plan_type(plan, in, nin, out, nout);
}

uint32_t plan_functype(struct plan *plan, uint32_t typeidx)
{
    return plan->functypes[typeidx];
}

uint32_t plan_resume_type(struct plan *plan, uint32_t typeidx)
{
    return plan->resume_types[typeidx];
}

/* A type of which a reference exists, besides those of the same encoding seen before. */
static void note_referenced(struct plan *plan, uint32_t typeidx)
{
    uint32_t *one = &plan->referenced_types[plan->functypes[typeidx]];
    if (*one == NO_TYPE)
        *one = typeidx;
    else if (*one != typeidx)
        *one = SEVERAL_TYPES;
}

static bool find_referenced_types(struct plan *plan)
{
    const struct module *guest = plan->guest;
    plan->referenced_types = malloc(((size_t)plan->ntypes + 1) * sizeof(uint32_t));
    if (!plan->referenced_types)
        return false;
    for (uint32_t i = 0; i < plan->ntypes; i++)
        plan->referenced_types[i] = NO_TYPE;
    for (uint32_t i = 0; i < guest->nfuncs; i++)
        if (guest->funcs[i].referenced)
            note_referenced(plan, guest->types[guest->funcs[i].type].canonical);
    return true;
}

bool plan_type_is_checked(const struct plan *plan, uint32_t typeidx)
{
    uint32_t one = plan->referenced_types[plan->functypes[typeidx]];
    return one == NO_TYPE || one == plan->guest->types[typeidx].canonical;
}

bool plan_begin(struct plan *plan, struct error *error)
{
    const struct module *guest = plan->guest;
    plan->sites_of = UINT32_MAX;
    plan->functypes = calloc((size_t)guest->ntypes + 1, sizeof(uint32_t));
    plan->resume_types = calloc((size_t)guest->ntypes + 1, sizeof(uint32_t));
    plan->loads = calloc(LOAD_SLOTS, sizeof *plan->loads);
    plan->accesses = calloc(ACCESS_OPCODES, sizeof *plan->accesses);
    if (!plan->functypes || !plan->resume_types || !plan->loads || !plan->accesses)
        return error_set(error, ERROR_MEMORY, "no memory for the types");
    for (uint32_t i = 0; i < guest->ntypes; i++) {
        const struct functype *type = &guest->types[i];
        const valtype *results = type->types + type->nparams;
        uint32_t first = type->canonical;
        bool seen = first != i;
        plan->functypes[i] =
            seen ? plan->functypes[first]
                 : plan_type(plan, type->types, type->nparams, results, type->nresults);
        plan->resume_types[i] =
            seen ? plan->resume_types[first] : plan_type(plan, NULL, 0, results, type->nresults);
    }
    return find_referenced_types(plan) || error_set(error, ERROR_MEMORY, "no memory for the types");
}

bool plan_sites(struct plan *plan, uint32_t funcidx, struct sites *sites, struct error *error)
{
    if (plan->sites_of != funcidx) {
        sites_free(&plan->sites);
        plan->sites_of = UINT32_MAX;
        if (!sites_make(&plan->sites, plan->guest, funcidx, error))
            return false;
        plan->sites_of = funcidx;
    }
    *sites = plan->sites;
    return true;
}

/* Functions. */

static uint32_t hash_of(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return hash;
}

uint32_t plan_function(struct plan *plan, uint32_t type, const uint8_t *body, size_t size)
{
    struct helper *helpers = (struct helper *)(void *)plan->helpers.data;
    uint32_t count = (uint32_t)(plan->helpers.size / sizeof *helpers);
    uint32_t hash = hash_of(body, size);
    for (uint32_t i = 0; i < count; i++)
        if (helpers[i].hash == hash && helpers[i].type == type && helpers[i].size == size &&
            memcmp(helpers[i].body, body, size) == 0)
            return plan->first_helper + i;
    struct helper helper = {type, hash, malloc(size), size};
    if (!helper.body) {
        plan->helpers.failed = true;
        return plan->first_helper;
    }
    memcpy(helper.body, body, size);
    buffer_put(&plan->helpers, &helper, sizeof helper);
    if (plan->helpers.failed)
        free(helper.body);
    return plan->first_helper + count;
}

void plan_end(struct plan *plan)
{
    struct helper *helpers = (struct helper *)(void *)plan->helpers.data;
    for (size_t i = 0; i < plan->helpers.size / sizeof *helpers; i++)
        free(helpers[i].body);
    buffer_free(&plan->helpers);
    buffer_free(&plan->types);
    free(plan->functypes);
    free(plan->resume_types);
    free(plan->loads);
    free(plan->accesses);
    sites_free(&plan->sites);
    free(plan->referenced_types);
}

uint32_t plan_load_helper(struct plan *plan, valtype type, uint32_t slot)
{
    uint32_t *known = &plan->loads[slot][type_class(type)];
    struct buffer body = {0};
    if (*known)
        return *known;
    encode_u32(&body, 0);
    encode_i32_const(&body, 0);
    encode_op_u32(&body, WASM_I32_LOAD, 2);
    encode_u32(&body, plan->values + 8 * SLOTS_VALUES);
    encode_op_u32(&body, load_opcode(type), 2);
    encode_u32(&body, 8 * slot);
    encode_op(&body, WASM_END);
    *known = plan_function(plan, plan_type(plan, NULL, 0, &type, 1), body.data, body.size);
    plan->helpers.failed |= body.failed;
    buffer_free(&body);
    return *known;
}

/* `below`: the values go below the address, and it leaves where they begin. */
static uint32_t store_function(struct plan *plan, const valtype *types, uint32_t count, bool below)
{
    static const valtype address = TYPE_I32;
    struct buffer body = {0};
    valtype params[17] = {TYPE_I32};
    encode_u32(&body, 0);
    encode_op_u32(&body, WASM_LOCAL_GET, 0);
    if (below) {
        encode_i32_const(&body, 8 * count);
        encode_op(&body, WASM_I32_SUB);
        encode_op_u32(&body, WASM_LOCAL_TEE, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        params[1 + i] = types[i];
        if (i)
            encode_op_u32(&body, WASM_LOCAL_GET, 0);
        encode_op_u32(&body, WASM_LOCAL_GET, 1 + i);
        encode_op_u32(&body, store_opcode(types[i]), 2);
        encode_u32(&body, i * 8);
    }
    if (below)
        encode_op_u32(&body, WASM_LOCAL_GET, 0);
    encode_op(&body, WASM_END);
    uint32_t type = plan_type(plan, params, 1 + count, &address, below);
    uint32_t function = plan_function(plan, type, body.data, body.size);
    plan->helpers.failed |= body.failed;
    buffer_free(&body);
    return function;
}

uint32_t plan_store_helper(struct plan *plan, const valtype *types, uint32_t count)
{
    return store_function(plan, types, count, false);
}

uint32_t plan_push_helper(struct plan *plan, const valtype *types, uint32_t count)
{
    return store_function(plan, types, count, true);
}

void plan_access(const struct plan *plan, struct buffer *code, uint32_t opcode, uint32_t align,
                 uint32_t offset)
{
    enum { HAS_MEMORY = 0x40 }; /* in the alignment */
    bool apart = plan->options->multi_memory;
    encode_op_u32(code, (uint8_t)opcode, apart ? align | HAS_MEMORY : align);
    if (apart)
        encode_u32(code, GUEST_MEMORY);
    encode_u32(code, plan->memory_start + offset);
}

uint32_t plan_access_helper(struct plan *plan, uint32_t opcode, uint32_t offset)
{
    uint32_t *known = &plan->accesses[opcode - WASM_I32_LOAD][offset];
    const char *signature = opcode_info(opcode)->signature;
    const char *results = strchr(signature, ':');
    struct buffer body = {0};
    char params[3] = {0};
    if (*known)
        return *known;
    memcpy(params, signature, results ? (size_t)(results - signature) : 2);
    encode_u32(&body, 0);
    for (uint32_t i = 0; params[i]; i++)
        encode_op_u32(&body, WASM_LOCAL_GET, i);
    plan_access(plan, &body, opcode, 0, offset);
    encode_op(&body, WASM_END);
    *known = plan_function(plan, plan_type_of(plan, params, results ? results + 1 : ""), body.data,
                           body.size);
    plan->helpers.failed |= body.failed;
    buffer_free(&body);
    return *known;
}
