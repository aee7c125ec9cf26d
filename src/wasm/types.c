/* types.c - types, names and vectors of the binary format. (Specification, Binary Format, Types.)
 */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "base/utf8.h"
#include "wasm/binary.h"
#include "wasm/decoding.h"

#define PARAMS_MAX  1000u
#define RESULTS_MAX 1000u

bool fail_unknown(struct reader *reader, const uint8_t *at, const char *what, uint32_t index)
{
    return error_set_at(reader->error, ERROR_INVALID, (uint64_t)(at - reader->start),
                        "unknown %s %u", what, index);
}

bool fail_unsupported(struct reader *reader, const uint8_t *at, const char *feature)
{
    return error_set_at(reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - reader->start),
                        "%s is not supported", feature);
}

/* Vectors and names. */

bool read_count(struct reader *reader, size_t smallest, uint32_t *count)
{
    const uint8_t *at = reader->at;
    if (!read_u32(reader, count))
        return false;
    return *count <= remaining(reader) / smallest ||
           fail(reader, at, ERROR_MALFORMED, "length out of bounds");
}

bool grow(struct reader *reader, void *array, uint32_t have, uint32_t count, size_t size)
{
    void *old, *grown = NULL;
    memcpy(&old, array, sizeof old);
    uint64_t elements = (uint64_t)have + count + 1; /* one at least: NULL means failure */
    if (elements <= SIZE_MAX / size)
        grown = realloc(old, (size_t)elements * size);
    if (!grown)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    memset((uint8_t *)grown + have * size, 0, ((size_t)count + 1) * size);
    memcpy(array, &grown, sizeof grown);
    return true;
}

bool read_name(struct reader *reader, struct span *name)
{
    if (!read_count(reader, 1, &name->size))
        return false;
    name->data = reader->at;
    reader->at += name->size;
    return utf8_valid(name->data, name->size) ||
           fail(reader, name->data, ERROR_MALFORMED, "malformed UTF-8 encoding");
}

/* Value types. */

bool read_valtype(struct reader *reader, valtype *type)
{
    const uint8_t *at = reader->at;
    if (!read_byte(reader, type))
        return false;
    switch (*type) {
    case TYPE_I32:
    case TYPE_I64:
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF: return true;
    case TYPE_V128: return fail_unsupported(reader, at, "SIMD (type v128)");
    case TYPE_REF_NULL:
    case TYPE_REF: return fail_unsupported(reader, at, "typed function references (type ref)");
    case TYPE_EXNREF: return fail_unsupported(reader, at, "exception handling (type exnref)");
    case 0x6A:
    case 0x6B:
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x71:
    case 0x72:
    case 0x73: return fail_unsupported(reader, at, "garbage collection (a reference type of it)");
    case TYPE_NULLEXNREF:
        return fail_unsupported(reader, at, "exception handling (type nullexnref)");
    default: return fail(reader, at, ERROR_MALFORMED, "malformed value type");
    }
}

bool read_reftype(struct reader *reader, valtype *type)
{
    const uint8_t *at = reader->at;
    if (!read_valtype(reader, type))
        return false;
    return valtype_is_reference(*type) ||
           fail(reader, at, ERROR_MALFORMED, "malformed reference type");
}

/* Function types. */

static bool read_form(struct reader *reader)
{
    const uint8_t *at = reader->at;
    uint8_t form;
    if (!read_byte(reader, &form))
        return false;
    switch (form) {
    case FORM_FUNC: return true;
    case FORM_REC:
    case FORM_SUB_FINAL:
    case FORM_SUB:
    case FORM_ARRAY:
    case FORM_STRUCT:
        return fail_unsupported(reader, at, "garbage collection (a type of no function)");
    default: return fail(reader, at, ERROR_MALFORMED, "malformed function type");
    }
}

static bool read_valtypes(struct reader *reader, valtype *to, uint32_t *count, uint32_t most)
{
    const uint8_t *at = reader->at;
    if (!read_count(reader, 1, count))
        return false;
    if (*count > most)
        return fail_unsupported(reader, at,
                                "a function type with more than 1,000 parameters or results");
    for (uint32_t i = 0; i < *count; i++)
        if (!read_valtype(reader, &to[i]))
            return false;
    return true;
}

static int compare_types(const void *left, const void *right)
{
    const struct functype *const *l = left, *const *r = right, *a = *l, *b = *r;
    if (a->nparams != b->nparams)
        return a->nparams < b->nparams ? -1 : 1;
    if (a->nresults != b->nresults)
        return a->nresults < b->nresults ? -1 : 1;
    return memcmp(a->types, b->types, (size_t)a->nparams + a->nresults);
}

static int compare_types_in_order(const void *left, const void *right)
{
    const struct functype *const *a = left, *const *b = right;
    int order = compare_types(left, right);
    return order ? order : (*a > *b) - (*a < *b);
}

/* Gives equal types equal numbers. Sorted, not hashed: n log n whatever somebody made the types. */
static bool number_types(struct reader *reader, struct module *module)
{
    struct functype **sorted = malloc(((size_t)module->ntypes + 1) * sizeof *sorted);
    if (!sorted)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    for (uint32_t i = 0; i < module->ntypes; i++)
        sorted[i] = &module->types[i];
    sort(sorted, module->ntypes, sizeof *sorted, compare_types_in_order);
    for (uint32_t i = 0; i < module->ntypes; i++)
        sorted[i]->canonical = i > 0 && compare_types(&sorted[i - 1], &sorted[i]) == 0
                                   ? sorted[i - 1]->canonical
                                   : (uint32_t)(sorted[i] - module->types);
    free(sorted);
    return true;
}

bool read_types(struct decoding *d)
{
    struct reader *reader = &d->reader;
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(reader, 3, &count) ||
        !grow(reader, &module->types, 0, count, sizeof *module->types) ||
        !grow(reader, &module->valtypes, 0, (uint32_t)remaining(reader), sizeof(valtype)))
        return false;
    valtype *next = module->valtypes;
    for (; module->ntypes < count; module->ntypes++) {
        struct functype *type = &module->types[module->ntypes];
        type->types = next;
        if (!read_form(reader) || !read_valtypes(reader, next, &type->nparams, PARAMS_MAX) ||
            !read_valtypes(reader, next + type->nparams, &type->nresults, RESULTS_MAX))
            return false;
        next += type->nparams + type->nresults;
    }
    return number_types(reader, module);
}

/* Limits, tables, memories, globals. */

static bool read_limits_flags(struct reader *reader, bool *has_max)
{
    const uint8_t *at = reader->at;
    uint8_t flags;
    if (!read_byte(reader, &flags))
        return false;
    *has_max = flags & 1;
    if (flags <= 1)
        return true;
    if (flags >= 16)
        return fail(reader, at, ERROR_MALFORMED, "malformed limits flags");
    return fail_unsupported(reader, at,
                            flags & 8   ? "custom page sizes"
                            : flags & 4 ? "memory64 (64-bit limits)"
                                        : "threads (a shared memory)");
}

static bool read_limits(struct reader *reader, struct limits *limits, uint32_t bound,
                        const char *too_large)
{
    const uint8_t *at = reader->at;
    if (!read_limits_flags(reader, &limits->has_max))
        return false;
    limits->max = bound;
    if (!read_u32(reader, &limits->min) || (limits->has_max && !read_u32(reader, &limits->max)))
        return false;
    if (limits->min > bound || limits->max > bound)
        return fail(reader, at, ERROR_INVALID, too_large);
    return limits->min <= limits->max ||
           fail(reader, at, ERROR_INVALID, "size minimum must not be greater than maximum");
}

bool read_memory_limits(struct reader *reader, struct limits *limits)
{
    return read_limits(reader, limits, 65536, "memory size must be at most 65536 pages (4GiB)");
}

bool read_tabletype(struct reader *reader, struct tabletype *type)
{
    if (reader->at != reader->end && *reader->at == 0x40)
        return fail_unsupported(reader, reader->at,
                                "typed function references (a table with an initial value)");
    return read_reftype(reader, &type->element) &&
           read_limits(reader, &type->limits, UINT32_MAX, "table size must be at most 2^32-1");
}

bool read_globaltype(struct reader *reader, struct globaltype *type)
{
    uint8_t mutability;
    if (!read_valtype(reader, &type->type))
        return false;
    const uint8_t *at = reader->at;
    if (!read_byte(reader, &mutability))
        return false;
    type->mutable = mutability == 1;
    return mutability <= 1 || fail(reader, at, ERROR_MALFORMED, "malformed mutability");
}
