/* sections.c - every section but the types' and the segments'.
 * (Specification, Binary Format, Modules.) */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "wasm/decoding.h"
#include "wasm/validate.h"

/* Index spaces. Each of these appends one element. */

static bool add_func(struct decoding *d)
{
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    uint32_t type;
    if (!read_u32(&d->reader, &type))
        return false;
    if (type >= module->ntypes)
        return fail_unknown(&d->reader, at, "type", type);
    module->funcs[module->nfuncs++].type = type;
    return true;
}

static bool add_table(struct decoding *d)
{
    struct module *module = d->module;
    if (!read_tabletype(&d->reader, &module->tables[module->ntables]))
        return false;
    module->ntables++;
    return true;
}

static bool add_memory(struct decoding *d)
{
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    struct limits limits;
    if (!read_memory_limits(&d->reader, &limits))
        return false;
    if (module->nmemories == 1)
        return fail_unsupported(&d->reader, at, "more than one memory (multiple memories)");
    module->memories[module->nmemories++] = limits;
    return true;
}

/* Imports. */

static bool read_import_type(struct decoding *d, struct import *import)
{
    struct module *module = d->module;
    struct reader *reader = &d->reader;
    switch (import->kind) {
    case EXTERN_FUNC: import->index = module->nfuncs; return add_func(d);
    case EXTERN_TABLE: import->index = module->ntables; return add_table(d);
    case EXTERN_MEMORY: import->index = module->nmemories; return add_memory(d);
    default:
        import->index = module->nglobals;
        return read_globaltype(reader, &module->globals[module->nglobals++].type);
    }
}

static bool read_import(struct decoding *d, struct import *import)
{
    uint8_t kind;
    if (!read_name(&d->reader, &import->module) || !read_name(&d->reader, &import->name))
        return false;
    const uint8_t *at = d->reader.at;
    if (!read_byte(&d->reader, &kind))
        return false;
    if (kind == 4)
        return fail_unsupported(&d->reader, at, "exception handling (an imported tag)");
    if (kind > EXTERN_GLOBAL)
        return fail(&d->reader, at, ERROR_MALFORMED, "malformed import kind");
    import->kind = (enum externkind)kind;
    return read_import_type(d, import);
}

bool read_imports(struct decoding *d)
{
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

bool read_functions(struct decoding *d)
{
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

bool read_tables(struct decoding *d)
{
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

bool read_memories(struct decoding *d)
{
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

bool read_globals(struct decoding *d)
{
    struct module *module = d->module;
    uint32_t count;
    if (!read_count(&d->reader, 3, &count) ||
        !grow(&d->reader, &module->globals, module->nglobals, count, sizeof *module->globals))
        return false;
    for (; count--; module->nglobals++) {
        struct global *global = &module->globals[module->nglobals];
        if (!read_globaltype(&d->reader, &global->type))
            return false;
        global->init = position(&d->reader);
        if (!validate_constant(d, global->type.type))
            return false;
    }
    return true;
}

/* Exports. */

static int compare_names(const struct export *a, const struct export *b)
{
    uint32_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = size ? memcmp(a->name.data, b->name.data, size) : 0;
    return order ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

/* Of one name the earlier comes first, so that an error is at the same place whoever sorts. */
static int by_name(const void *a, const void *b)
{
    const struct export *const *x = a, *const *y = b;
    int order = compare_names(*x, *y);
    return order ? order : (*x > *y) - (*x < *y);
}

static bool check_unique(struct reader *reader, const struct module *module)
{
    const struct export **sorted =
        malloc(((size_t)module->nexports + 1) * sizeof(const struct export *));
    if (!sorted)
        return fail(reader, reader->at, ERROR_MEMORY, "no memory for the module");
    for (uint32_t i = 0; i < module->nexports; i++)
        sorted[i] = &module->exports[i];
    sort(sorted, module->nexports, sizeof(const struct export *), by_name);
    bool unique = true;
    for (uint32_t i = 1; unique && i < module->nexports; i++)
        if (compare_names(sorted[i - 1], sorted[i]) == 0)
            unique = fail(reader, sorted[i]->name.data, ERROR_INVALID, "duplicate export name");
    free(sorted);
    return unique;
}

static bool read_export(struct decoding *d, struct export *export)
{
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
        return fail_unsupported(&d->reader, at, "exception handling (an exported tag)");
    if (kind > EXTERN_GLOBAL)
        return fail(&d->reader, at, ERROR_MALFORMED, "malformed export kind");
    export->kind = (enum externkind)kind;
    if (!read_u32(&d->reader, &export->index))
        return false;
    if (export->index >= counts[kind])
        return fail_unknown(&d->reader, at, kinds[kind], export->index);
    if (kind == EXTERN_FUNC)
        d->declared[export->index] = 1;
    return true;
}

bool read_exports(struct decoding *d)
{
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

bool read_start(struct decoding *d)
{
    struct module *module = d->module;
    const uint8_t *at = d->reader.at;
    if (!read_u32(&d->reader, &module->start))
        return false;
    if (module->start >= module->nfuncs)
        return fail_unknown(&d->reader, at, "function", module->start);
    const struct functype *type = module_functype(module, module->start);
    module->has_start = true;
    return type->nparams + type->nresults == 0 ||
           fail(&d->reader, at, ERROR_INVALID, "start function must take and return nothing");
}

/* Code. */

bool read_code(struct decoding *d)
{
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
            return fail(reader, at, ERROR_MALFORMED, "unexpected end of section or function");
        if (d->outline) {
            module->funcs[i].locals = position(reader);
            module->funcs[i].code_end = position(reader) + size;
            reader->at += size;
        } else if (!validate_body(d, i, reader->at + size)) {
            return false;
        }
    }
    module->code_size = (uint32_t)(reader->at - start);
    return true;
}

/* Custom sections: the name must be well formed, the rest may be anything. */
bool read_custom(struct decoding *d)
{
    struct module *module = d->module;
    struct custom_section custom;
    if (!read_name(&d->reader, &custom.name))
        return false;
    custom.bytes = (struct span){d->reader.at, (uint32_t)remaining(&d->reader)};
    d->reader.at = d->reader.end;
    if ((module->ncustoms & (module->ncustoms + 1)) == 0 && /* 0, 1, 3, 7, ...: double */
        !grow(&d->reader, &module->customs, module->ncustoms, module->ncustoms + 1, sizeof custom))
        return false;
    module->customs[module->ncustoms++] = custom;
    return true;
}
