/* module.c - decodes a module's sections (specification, Binary Format, Modules). */
#include "wasm/module.h"

#include <stdlib.h>
#include <string.h>

#include "wasm/opcodes.h"
#include "wasm/utf8.h"
#include "wasm/validate.h"

#define PARAMS_MAX 1000u
#define RESULTS_MAX 1000u

static bool malformed(struct reader *reader, const char *message) {
    return fail(reader, reader->at, ERROR_MALFORMED, message);
}

static bool invalid(struct reader *reader, const uint8_t *at, const char *message) {
    return fail(reader, at, ERROR_INVALID, message);
}

static bool unsupported(struct reader *reader, const uint8_t *at, const char *feature) {
    return error_set_at(reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - reader->start),
                        "%s is not supported", feature);
}

static size_t remaining(const struct reader *reader) {
    return (size_t)(reader->end - reader->at);
}

static uint32_t position(const struct reader *reader) {
    return (uint32_t)(reader->at - reader->start);
}

bool refuse_opcode(struct reader *reader, const uint8_t *at, uint32_t opcode) {
    switch (opcode) {
    case 0xFD:
        return unsupported(reader, at, "SIMD (opcode 0xFD)");
    case 0xFE:
        return unsupported(reader, at, "threads (opcode 0xFE)");
    case 0xFB:
        return unsupported(reader, at, "garbage collection (opcode 0xFB)");
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F:
        return unsupported(reader, at, "exception handling (try, catch, throw)");
    case 0x14:
    case 0x15:
    case 0xD3:
    case 0xD4:
    case 0xD5:
    case 0xD6:
        return unsupported(reader, at, "typed function references (call_ref and its relatives)");
    default:
        return error_set_at(reader->error, ERROR_MALFORMED, (uint64_t)(at - reader->start),
                            "illegal opcode 0x%X", opcode);
    }
}

/* Types. */

bool read_valtype(struct reader *reader, valtype *type) {
    const uint8_t *at = reader->at;
    if (!read_byte(reader, type))
        return false;
    switch (*type) {
    case TYPE_I32:
    case TYPE_I64:
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF:
        return true;
    case 0x7B:
        return unsupported(reader, at, "SIMD (type v128)");
    case 0x63:
    case 0x64:
    case 0x69:
    case 0x6A:
    case 0x6B:
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x71:
    case 0x72:
    case 0x73:
        return unsupported(reader, at, "a reference type of a later proposal");
    default:
        return fail(reader, at, ERROR_MALFORMED, "malformed value type");
    }
}

bool read_reftype(struct reader *reader, valtype *type) {
    const uint8_t *at = reader->at;
    if (!read_valtype(reader, type))
        return false;
    return valtype_is_reference(*type) ||
           fail(reader, at, ERROR_MALFORMED, "malformed reference type");
}

/* The count of a vector whose elements take at least `smallest` bytes each: a count that the
 * remaining bytes cannot hold is refused before memory is asked for. */
static bool read_count(struct reader *reader, size_t smallest, uint32_t *count) {
    const uint8_t *at = reader->at;
    if (!read_u32(reader, count))
        return false;
    if (*count > remaining(reader) / smallest)
        return fail(reader, at, ERROR_MALFORMED, "unexpected end: length out of bounds");
    return true;
}

/* Makes room for `count` more elements; the whole array is `*array`. */
static bool grow(struct reader *reader, void *array, uint32_t have, uint32_t count, size_t size) {
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, ((size_t)have + count + 1) * size);
    if (!grown)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    memset((uint8_t *)grown + have * size, 0, ((size_t)count + 1) * size);
    memcpy(array, &grown, sizeof grown);
    return true;
}

static bool read_name(struct reader *reader, struct span *name) {
    const uint8_t *at = reader->at;
    if (!read_u32(reader, &name->size))
        return false;
    if (name->size > remaining(reader))
        return fail(reader, at, ERROR_MALFORMED, "unexpected end: length out of bounds");
    name->data = reader->at;
    reader->at += name->size;
    return utf8_valid(name->data, name->size) ||
           fail(reader, name->data, ERROR_MALFORMED, "malformed UTF-8 encoding");
}

static bool skip_valtypes(struct reader *reader, uint32_t count) {
    valtype type;
    while (count--)
        if (!read_valtype(reader, &type))
            return false;
    return true;
}

static bool read_functype(struct reader *reader, struct functype *type, valtype *types,
                          uint32_t *used) {
    const uint8_t *at = reader->at;
    uint8_t form;
    if (!read_byte(reader, &form))
        return false;
    if (form == 0x4E || form == 0x4F || form == 0x50 || form == 0x5E || form == 0x5F)
        return unsupported(reader, at, "garbage collection (a type that is not a function's)");
    if (form != 0x60)
        return fail(reader, at, ERROR_MALFORMED, "integer representation too long: unknown form of type");
    type->types = types + *used;
    if (!read_count(reader, 1, &type->nparams))
        return false;
    const uint8_t *params = reader->at;
    if (!skip_valtypes(reader, type->nparams) || !read_count(reader, 1, &type->nresults))
        return false;
    const uint8_t *results = reader->at;
    if (!skip_valtypes(reader, type->nresults))
        return false;
    if (type->nparams > PARAMS_MAX || type->nresults > RESULTS_MAX)
        return unsupported(reader, at, "a function type of more than 1,000 parameters or results");
    memcpy(types + *used, params, type->nparams);
    memcpy(types + *used + type->nparams, results, type->nresults);
    *used += type->nparams + type->nresults;
    return true;
}

static uint32_t type_hash(const struct functype *type) {
    uint32_t hash = 2166136261u ^ type->nparams;
    for (uint32_t i = 0; i < type->nparams + type->nresults; i++)
        hash = (hash ^ type->types[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Gives equal types equal numbers, by a hash table of indices. */
static bool number_types(struct reader *reader, struct module *module) {
    uint32_t size = 16;
    while (size < module->ntypes * 2)
        size *= 2;
    uint32_t *table = malloc(size * sizeof *table);
    if (!table)
        return malformed(reader, "no memory for the module");
    memset(table, 0xFF, size * sizeof *table);
    for (uint32_t i = 0; i < module->ntypes; i++) {
        uint32_t slot = type_hash(&module->types[i]) & (size - 1);
        while (table[slot] != UINT32_MAX &&
               !functype_equal(&module->types[table[slot]], &module->types[i]))
            slot = (slot + 1) & (size - 1);
        if (table[slot] == UINT32_MAX)
            table[slot] = i;
        module->types[i].canonical = table[slot];
    }
    free(table);
    return true;
}

static bool read_types(struct decoding *d) {
    struct reader *reader = &d->reader;
    struct module *module = d->module;
    uint32_t count, used = 0;
    if (!read_count(reader, 3, &count) ||
        !grow(reader, &module->types, 0, count, sizeof *module->types))
        return false;
    module->valtypes = malloc(remaining(reader) + 1);
    if (!module->valtypes)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    for (; module->ntypes < count; module->ntypes++)
        if (!read_functype(reader, &module->types[module->ntypes], module->valtypes, &used))
            return false;
    return number_types(reader, module);
}

static bool read_limits(struct reader *reader, struct limits *limits, uint32_t bound,
                        const char *what) {
    const uint8_t *at = reader->at;
    uint8_t flags;
    if (!read_byte(reader, &flags))
        return false;
    if (flags & 2 && flags < 8)
        return unsupported(reader, at, "threads (a shared memory)");
    if (flags & 4 && flags < 8)
        return unsupported(reader, at, "memory64");
    if (flags > 1)
        return fail(reader, at, ERROR_MALFORMED, "integer representation too long: limits' flags");
    limits->has_max = flags & 1;
    limits->max = bound;
    if (!read_u32(reader, &limits->min) || (limits->has_max && !read_u32(reader, &limits->max)))
        return false;
    if (limits->min > bound || limits->max > bound)
        return invalid(reader, at, what);
    return limits->min <= limits->max ||
           invalid(reader, at, "size minimum must not be greater than maximum");
}

static bool read_memory_limits(struct reader *reader, struct limits *limits) {
    return read_limits(reader, limits, 65536, "memory size must be at most 65536 pages (4GiB)");
}

static bool read_tabletype(struct reader *reader, struct tabletype *type) {
    return read_reftype(reader, &type->element) &&
           read_limits(reader, &type->limits, UINT32_MAX, "");
}

static bool read_globaltype(struct reader *reader, struct globaltype *type) {
    uint8_t mutability;
    if (!read_valtype(reader, &type->type))
        return false;
    const uint8_t *at = reader->at;
    if (!read_byte(reader, &mutability))
        return false;
    type->mutable = mutability == 1;
    return mutability <= 1 || fail(reader, at, ERROR_MALFORMED, "malformed mutability");
}

/* Index spaces. Each of these appends one element. */

static bool add_func(struct decoding *d) {
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    uint32_t type;
    if (!read_u32(&d->reader, &type))
        return false;
    if (type >= module->ntypes)
        return error_set_at(d->reader.error, ERROR_INVALID, (uint64_t)(at - d->reader.start),
                            "unknown type %u", type);
    module->funcs[module->nfuncs++].type = type;
    return true;
}

static bool add_table(struct decoding *d) {
    struct module *module = d->module;
    if (!read_tabletype(&d->reader, &module->tables[module->ntables]))
        return false;
    module->ntables++;
    return true;
}

static bool add_memory(struct decoding *d) {
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    struct limits limits;
    if (!read_memory_limits(&d->reader, &limits))
        return false;
    if (module->nmemories == 1)
        return invalid(&d->reader, at, "multiple memories");
    module->memories[module->nmemories++] = limits;
    return true;
}

/* Imports. */

static bool read_import_type(struct decoding *d, struct import *import) {
    struct module *module = d->module;
    struct reader *reader = &d->reader;
    switch (import->kind) {
    case EXTERN_FUNC:
        import->index = module->nfuncs;
        return add_func(d);
    case EXTERN_TABLE:
        import->index = module->ntables;
        return add_table(d);
    case EXTERN_MEMORY:
        import->index = module->nmemories;
        return add_memory(d);
    default:
        import->index = module->nglobals;
        return read_globaltype(reader, &module->globals[module->nglobals++].type);
    }
}

static bool read_import(struct decoding *d, struct import *import) {
    uint8_t kind;
    if (!read_name(&d->reader, &import->module) || !read_name(&d->reader, &import->name))
        return false;
    const uint8_t *at = d->reader.at;
    if (!read_byte(&d->reader, &kind))
        return false;
    if (kind == 4)
        return unsupported(&d->reader, at, "exception handling (an imported tag)");
    if (kind > EXTERN_GLOBAL)
        return fail(&d->reader, at, ERROR_MALFORMED, "malformed import kind");
    import->kind = (enum externkind)kind;
    return read_import_type(d, import);
}

static bool read_imports(struct decoding *d) {
    struct module *module = d->module;
    struct reader *reader = &d->reader;
    uint32_t count;
    if (!read_count(reader, 4, &count) ||
        !grow(reader, &module->imports, 0, count, sizeof *module->imports) ||
        !grow(reader, &module->funcs, 0, count, sizeof *module->funcs) ||
        !grow(reader, &module->tables, 0, count, sizeof *module->tables) ||
        !grow(reader, &module->memories, 0, 1, sizeof *module->memories) ||
        !grow(reader, &module->globals, 0, count, sizeof *module->globals))
        return false;
    for (; module->nimports < count; module->nimports++)
        if (!read_import(d, &module->imports[module->nimports]))
            return false;
    module->nimported_funcs = module->nfuncs;
    module->nimported_tables = module->ntables;
    module->nimported_memories = module->nmemories;
    module->nimported_globals = module->nglobals;
    return true;
}

static bool read_functions(struct decoding *d) {
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 1, &count) ||
        !grow(&d->reader, &module->funcs, module->nfuncs, count, sizeof *module->funcs))
        return false;
    while (count--)
        if (!add_func(d))
            return false;
    return true;
}

static bool read_tables(struct decoding *d) {
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 2, &count) ||
        !grow(&d->reader, &module->tables, module->ntables, count, sizeof *module->tables))
        return false;
    while (count--)
        if (!add_table(d))
            return false;
    return true;
}

static bool read_memories(struct decoding *d) {
    uint32_t count;
    if (!read_count(&d->reader, 2, &count) ||
        (!d->module->memories &&
         !grow(&d->reader, &d->module->memories, 0, 1, sizeof *d->module->memories)))
        return false;
    while (count--)
        if (!add_memory(d))
            return false;
    return true;
}

static bool read_globals(struct decoding *d) {
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 3, &count) ||
        !grow(&d->reader, &module->globals, module->nglobals, count, sizeof *module->globals))
        return false;
    for (; count--; module->nglobals++) {
        struct global *global = &module->globals[module->nglobals];
        if (!read_globaltype(&d->reader, &global->type) ||
            !validate_constant(d, global->type.type, &global->init))
            return false;
    }
    return true;
}

/* Exports. */

static int by_name(const void *a, const void *b) {
    const struct export *const *x = a, *const *y = b;
    uint32_t size = (*x)->name.size < (*y)->name.size ? (*x)->name.size : (*y)->name.size;
    int order = size ? memcmp((*x)->name.data, (*y)->name.data, size) : 0;
    return order ? order : ((*x)->name.size > (*y)->name.size) - ((*x)->name.size < (*y)->name.size);
}

static bool check_unique(struct reader *reader, const struct module *module) {
    const struct export **sorted =
        malloc(((size_t)module->nexports + 1) * sizeof(const struct export *));
    if (!sorted)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    for (uint32_t i = 0; i < module->nexports; i++)
        sorted[i] = &module->exports[i];
    qsort(sorted, module->nexports, sizeof(const struct export *), by_name);
    bool unique = true;
    for (uint32_t i = 1; unique && i < module->nexports; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            unique = invalid(reader, sorted[i]->name.data, "duplicate export name");
    free(sorted);
    return unique;
}

static bool read_export(struct decoding *d, struct export *export) {
    const struct module *module = d->module;
    const uint32_t counts[] = {module->nfuncs, module->ntables, module->nmemories,
                               module->nglobals};
    static const char *const kinds[] = {"function", "table", "memory", "global"};
    uint8_t kind;
    if (!read_name(&d->reader, &export->name))
        return false;
    const uint8_t *at = d->reader.at;
    if (!read_byte(&d->reader, &kind))
        return false;
    if (kind == 4)
        return unsupported(&d->reader, at, "exception handling (an exported tag)");
    if (kind > EXTERN_GLOBAL)
        return fail(&d->reader, at, ERROR_MALFORMED, "malformed export kind");
    export->kind = (enum externkind)kind;
    if (!read_u32(&d->reader, &export->index))
        return false;
    if (export->index >= counts[kind])
        return error_set_at(d->reader.error, ERROR_INVALID, (uint64_t)(at - d->reader.start),
                            "unknown %s %u", kinds[kind], export->index);
    if (kind == EXTERN_FUNC)
        d->declared[export->index] = 1;
    return true;
}

static bool read_exports(struct decoding *d) {
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 3, &count) ||
        !grow(&d->reader, &module->exports, 0, count, sizeof *module->exports))
        return false;
    for (; module->nexports < count; module->nexports++)
        if (!read_export(d, &module->exports[module->nexports]))
            return false;
    return check_unique(&d->reader, module);
}

static bool read_start(struct decoding *d) {
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    if (!read_u32(&d->reader, &module->start))
        return false;
    if (module->start >= module->nfuncs)
        return error_set_at(d->reader.error, ERROR_INVALID, (uint64_t)(at - d->reader.start),
                            "unknown function %u", module->start);
    const struct functype *type = module_functype(module, module->start);
    module->has_start = true;
    return type->nparams + type->nresults == 0 || invalid(&d->reader, at, "start function");
}

/* Element segments: eight forms, told by three bits. (Binary Format, Element Section.) */

static bool read_elem_kind(struct decoding *d, struct elem_segment *elem) {
    uint8_t kind;
    if (elem->expressions)
        return read_reftype(&d->reader, &elem->type);
    const uint8_t *at = d->reader.at;
    if (!read_byte(&d->reader, &kind))
        return false;
    return kind == 0 || fail(&d->reader, at, ERROR_MALFORMED, "malformed element kind");
}

static bool read_elem_function(struct decoding *d) {
    const uint8_t *at = d->reader.at;
    uint32_t funcidx;
    if (!read_u32(&d->reader, &funcidx))
        return false;
    if (funcidx >= d->module->nfuncs)
        return error_set_at(d->reader.error, ERROR_INVALID, (uint64_t)(at - d->reader.start),
                            "unknown function %u", funcidx);
    d->declared[funcidx] = 1;
    return true;
}

static bool read_elements(struct decoding *d, struct elem_segment *elem) {
    if (!read_count(&d->reader, 1, &elem->nelements))
        return false;
    elem->elements = position(&d->reader);
    for (uint32_t i = 0; i < elem->nelements; i++) {
        struct constexpr expression;
        if (elem->expressions ? !validate_constant(d, elem->type, &expression)
                              : !read_elem_function(d))
            return false;
    }
    elem->elements_end = position(&d->reader);
    return true;
}

static bool read_elem(struct decoding *d, struct elem_segment *elem) {
    struct reader *reader = &d->reader;
    const uint8_t *at = reader->at;
    uint32_t flags;
    if (!read_u32(reader, &flags))
        return false;
    if (flags > 7)
        return fail(reader, at, ERROR_MALFORMED, "malformed elements segment kind");
    elem->mode = !(flags & 1)  ? SEGMENT_ACTIVE
                 : (flags & 2) ? SEGMENT_DECLARATIVE
                               : SEGMENT_PASSIVE;
    elem->expressions = (flags & 4) != 0;
    elem->type = TYPE_FUNCREF;
    if (elem->mode == SEGMENT_ACTIVE) {
        if ((flags & 2) && !read_u32(reader, &elem->table))
            return false;
        if (elem->table >= d->module->ntables)
            return error_set_at(reader->error, ERROR_INVALID, (uint64_t)(at - reader->start),
                                "unknown table %u", elem->table);
        if (!validate_constant(d, TYPE_I32, &elem->offset))
            return false;
    }
    if ((flags & 3) && !read_elem_kind(d, elem))
        return false;
    if (elem->mode == SEGMENT_ACTIVE && d->module->tables[elem->table].element != elem->type)
        return invalid(reader, at, "type mismatch: an element segment of another type than its table");
    return read_elements(d, elem);
}

static bool read_elems(struct decoding *d) {
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 2, &count) ||
        !grow(&d->reader, &module->elems, 0, count, sizeof *module->elems))
        return false;
    for (; module->nelems < count; module->nelems++)
        if (!read_elem(d, &module->elems[module->nelems]))
            return false;
    return true;
}

/* Data segments. */

static bool read_data(struct decoding *d, struct data_segment *data) {
    struct reader *reader = &d->reader;
    const uint8_t *at = reader->at;
    uint32_t flags, memory = 0;
    if (!read_u32(reader, &flags))
        return false;
    if (flags > 2)
        return fail(reader, at, ERROR_MALFORMED, "malformed data segment kind");
    data->mode = flags == 1 ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
    if (flags == 2 && !read_u32(reader, &memory))
        return false;
    if (data->mode == SEGMENT_ACTIVE) {
        if (memory >= d->module->nmemories)
            return error_set_at(reader->error, ERROR_INVALID, (uint64_t)(at - reader->start),
                                "unknown memory %u", memory);
        if (!validate_constant(d, TYPE_I32, &data->offset))
            return false;
    }
    if (!read_count(reader, 1, &data->bytes.size))
        return false;
    data->bytes.data = reader->at;
    reader->at += data->bytes.size;
    return true;
}

static bool read_datas(struct decoding *d) {
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    uint32_t count;
    if (!read_count(&d->reader, 2, &count))
        return false;
    if (d->has_data_count && count != d->data_count)
        return fail(&d->reader, at, ERROR_MALFORMED,
                    "data count and data section have inconsistent lengths");
    if (!grow(&d->reader, &module->datas, 0, count, sizeof *module->datas))
        return false;
    for (; module->ndatas < count; module->ndatas++)
        if (!read_data(d, &module->datas[module->ndatas]))
            return false;
    return true;
}

static bool read_data_count(struct decoding *d) {
    d->has_data_count = true;
    return read_u32(&d->reader, &d->data_count);
}

/* Code. */

static bool read_code(struct decoding *d) {
    struct module *module = d->module;
    struct reader *reader = &d->reader;
    const uint8_t *start = reader->at;
    uint32_t count, size;
    if (!read_count(reader, 1, &count))
        return false;
    if (count != module->nfuncs - module->nimported_funcs)
        return fail(reader, start, ERROR_MALFORMED,
                    "function and code section have inconsistent lengths");
    for (uint32_t i = module->nimported_funcs; i < module->nfuncs; i++) {
        const uint8_t *at = reader->at;
        if (!read_u32(reader, &size))
            return false;
        if (size > remaining(reader))
            return fail(reader, at, ERROR_MALFORMED, "unexpected end: a body's size");
        if (!validate_body(d, i, reader->at + size))
            return false;
    }
    module->code_size = (uint32_t)(reader->at - start);
    return true;
}

/* Custom sections: the name must be well formed, the rest may be anything. */
static bool read_custom(struct decoding *d) {
    struct module *module = d->module;
    struct custom_section custom;
    if (!read_name(&d->reader, &custom.name))
        return false;
    custom.bytes = (struct span){d->reader.at, (uint32_t)remaining(&d->reader)};
    d->reader.at = d->reader.end;
    if ((module->ncustoms & (module->ncustoms + 1)) == 0 && /* 0, 1, 3, 7, ...: double */
        !grow(&d->reader, &module->customs, module->ncustoms, module->ncustoms + 1,
              sizeof custom))
        return false;
    module->customs[module->ncustoms++] = custom;
    return true;
}

/* Sections by their id; the order in a module is that of `rank`. */
static const struct {
    bool (*read)(struct decoding *d);
    uint8_t rank;
} sections[] = {
    [0] = {read_custom, 0},  [1] = {read_types, 1},     [2] = {read_imports, 2},
    [3] = {read_functions, 3}, [4] = {read_tables, 4},  [5] = {read_memories, 5},
    [6] = {read_globals, 6}, [7] = {read_exports, 7},   [8] = {read_start, 8},
    [9] = {read_elems, 9},   [10] = {read_code, 11},    [11] = {read_datas, 12},
    [12] = {read_data_count, 10},
};

/* After the function section the number of functions is known: which of them ref.func may name
 * is noted from then on. */
static bool prepare_declared(struct decoding *d) {
    free(d->declared);
    d->declared = calloc((size_t)d->module->nfuncs + 1, 1);
    return d->declared != NULL ||
           fail(&d->reader, d->reader.at, ERROR_MEMORY, "no memory for the module");
}

static bool read_section(struct decoding *d, uint8_t *last_rank) {
    struct reader *reader = &d->reader;
    const uint8_t *file_end = reader->end, *start = reader->at;
    uint8_t id;
    uint32_t size;
    if (!read_byte(reader, &id))
        return false;
    if (id == 13)
        return unsupported(reader, start, "exception handling (the tag section)");
    if (id >= sizeof sections / sizeof *sections)
        return fail(reader, start, ERROR_MALFORMED, "malformed section id");
    if (!read_u32(reader, &size))
        return false;
    if (size > remaining(reader))
        return fail(reader, start, ERROR_MALFORMED, "unexpected end: length out of bounds");
    if (id != 0) {
        if (sections[id].rank <= *last_rank)
            return fail(reader, start, ERROR_MALFORMED,
                        "unexpected content after last section: sections out of order");
        if (*last_rank < 4 && sections[id].rank >= 4 && !prepare_declared(d))
            return false;
        *last_rank = sections[id].rank;
    }
    reader->end = reader->at + size;
    if (!sections[id].read(d))
        return false;
    if (reader->at != reader->end)
        return fail(reader, reader->at, ERROR_MALFORMED, "section size mismatch");
    reader->end = file_end;
    return true;
}

static bool read_header(struct reader *reader) {
    static const uint8_t magic[4] = {0, 'a', 's', 'm'}, version[4] = {1, 0, 0, 0};
    static const uint8_t component[4] = {0x0D, 0, 1, 0};
    if (remaining(reader) < 4)
        return malformed(reader, "unexpected end");
    if (memcmp(reader->at, magic, 4) != 0)
        return malformed(reader, "magic header not detected");
    reader->at += 4;
    if (remaining(reader) < 4)
        return malformed(reader, "unexpected end");
    if (memcmp(reader->at, component, 4) == 0)
        return unsupported(reader, reader->at, "the component model (this is not a core module)");
    if (memcmp(reader->at, version, 4) != 0)
        return malformed(reader, "unknown binary version");
    reader->at += 4;
    return true;
}

static bool decode(struct decoding *d) {
    uint8_t rank = 0;
    bool has_code = false, has_data = false;
    if (!read_header(&d->reader))
        return false;
    while (d->reader.at != d->reader.end) {
        uint8_t id = *d->reader.at;
        if (!read_section(d, &rank))
            return false;
        has_code |= id == 10;
        has_data |= id == 11;
    }
    if (!has_code && d->module->nfuncs != d->module->nimported_funcs)
        return malformed(&d->reader, "function and code section have inconsistent lengths");
    if (!has_data && d->has_data_count && d->data_count)
        return malformed(&d->reader, "data count and data section have inconsistent lengths");
    return true;
}

bool module_load(struct module *module, const uint8_t *bytes, size_t size, struct error *error) {
    *module = (struct module){.bytes = bytes, .size = (uint32_t)size};
    if (size >= 1u << 30)
        return error_set(error, ERROR_UNSUPPORTED, "a module of 1 GiB or more is not supported");
    struct decoding d = {.module = module, .reader = {bytes, bytes, bytes + size, error}};
    bool good = decode(&d);
    free(d.declared);
    if (!good)
        module_free(module);
    return good;
}

void module_free(struct module *module) {
    free(module->types);
    free(module->valtypes);
    free(module->imports);
    free(module->exports);
    free(module->funcs);
    free(module->tables);
    free(module->memories);
    free(module->globals);
    free(module->elems);
    free(module->datas);
    free(module->customs);
    *module = (struct module){0};
}
