/* module.c - a module: its header, then its sections in order.
 *
 *      │ 00 'a' 's' 'm' │ 01 00 00 00 │ id │ size │ contents │ id │ size │ contents │ ...
 *        magic            version       section                a section each: custom ones (id 0)
 *                                       anywhere and any number, the others at most once and in
 *                                       the order of `sections`
 *
 * (Specification, Binary Format, Modules.) */
#include "wasm/module.h"

#include <stdlib.h>
#include <string.h>

#include "wasm/binary.h"
#include "wasm/decoding.h"
#include "wasm/validate.h"

#define MODULE_SIZE_MAX (1u << 30)

/* Sections by their id; `rank` is their place in the order. */
static const struct {
    bool (*read)(struct decoding *d);
    uint8_t rank;
} sections[] = {
    [SECTION_CUSTOM] = {read_custom, 0},
    [SECTION_TYPE] = {read_types, 1},
    [SECTION_IMPORT] = {read_imports, 2},
    [SECTION_FUNCTION] = {read_functions, 3},
    [SECTION_TABLE] = {read_tables, 4},
    [SECTION_MEMORY] = {read_memories, 5},
    [SECTION_GLOBAL] = {read_globals, 6},
    [SECTION_EXPORT] = {read_exports, 7},
    [SECTION_START] = {read_start, 8},
    [SECTION_ELEMENT] = {read_elems, 9},
    [SECTION_DATA_COUNT] = {read_data_count, 10},
    [SECTION_CODE] = {read_code, 11},
    [SECTION_DATA] = {read_datas, 12},
};
#define RANK_AFTER_FUNCTIONS 4

static bool malformed(struct decoding *d, const uint8_t *at, const char *message)
{
    return fail(&d->reader, at, ERROR_MALFORMED, message);
}

static bool read_header(struct decoding *d)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'}, version[4] = {1, 0, 0, 0};
    static const uint8_t component[4] = {0x0D, 0, 1, 0};
    const uint8_t *at = d->reader.at;
    if (!read_skip(&d->reader, sizeof magic))
        return false;
    if (memcmp(at, magic, sizeof magic) != 0)
        return malformed(d, at, "magic header not detected");
    at = d->reader.at;
    if (!read_skip(&d->reader, sizeof version))
        return false;
    if (memcmp(at, component, sizeof component) == 0)
        return fail_unsupported(&d->reader, at, "the component model (this is no core module)");
    return memcmp(at, version, sizeof version) == 0 || malformed(d, at, "unknown binary version");
}

/* Once the number of functions is known: room to note which of them ref.func may name. */
static bool prepare_declared(struct decoding *d)
{
    d->declared = calloc((size_t)d->module->nfuncs + 1, 1);
    return d->declared || fail(&d->reader, d->reader.at, ERROR_MEMORY, "no memory for the module");
}

static bool check_order(struct decoding *d, const uint8_t *start, uint8_t id, uint8_t *last_rank)
{
    uint8_t rank = sections[id].rank;
    if (id == SECTION_CUSTOM)
        return true;
    if (rank <= *last_rank)
        return malformed(d, start, "unexpected content after last section");
    bool prepare = *last_rank < RANK_AFTER_FUNCTIONS && rank >= RANK_AFTER_FUNCTIONS;
    *last_rank = rank;
    return !prepare || prepare_declared(d);
}

static bool read_section(struct decoding *d, uint8_t *last_rank)
{
    struct reader *reader = &d->reader;
    const uint8_t *file_end = reader->end, *start = reader->at;
    uint8_t id;
    uint32_t size;
    if (!read_byte(reader, &id))
        return false;
    if (id == SECTION_TAG)
        return fail_unsupported(reader, start, "exception handling (the tag section)");
    if (id >= sizeof sections / sizeof *sections)
        return malformed(d, start, "malformed section id");
    if (!read_u32(reader, &size))
        return false;
    if (size > remaining(reader))
        return malformed(d, start, "length out of bounds");
    if (!check_order(d, start, id, last_rank))
        return false;
    reader->end = reader->at + size;
    if (!sections[id].read(d))
        return false;
    if (reader->at != reader->end)
        return malformed(d, reader->at, "section size mismatch");
    reader->end = file_end;
    return true;
}

static bool decode(struct decoding *d)
{
    uint8_t rank = 0;
    bool has_code = false, has_data = false;
    if (!read_header(d))
        return false;
    while (d->reader.at != d->reader.end) {
        uint8_t id = *d->reader.at;
        if (!read_section(d, &rank))
            return false;
        has_code |= id == SECTION_CODE;
        has_data |= id == SECTION_DATA;
    }
    if (!has_code && d->module->nfuncs != d->module->nimported_funcs)
        return malformed(d, d->reader.at, "function and code section have inconsistent lengths");
    if (!has_data && d->data_count != 0)
        return malformed(d, d->reader.at, "data count and data section have inconsistent lengths");
    return true;
}

static bool load(struct module *module, const uint8_t *bytes, size_t size, bool outline,
                 struct error *error)
{
    *module = (struct module){.bytes = bytes, .size = (uint32_t)size};
    if (size >= MODULE_SIZE_MAX)
        return error_set(error, ERROR_UNSUPPORTED, "a module of 1 GiB or more is not supported");
    if (size == 0)
        bytes = (const uint8_t *)""; /* NULL is as good when there is nothing */
    struct decoding d = {
        .module = module, .reader = {bytes, bytes, bytes + size, error}, .outline = outline};
    bool good = validator_start(&d) && decode(&d);
    validator_stop(&d);
    free(d.declared);
    if (!good)
        module_free(module);
    return good;
}

bool module_load(struct module *module, const uint8_t *bytes, size_t size, struct error *error)
{
    return load(module, bytes, size, false, error);
}

bool module_load_outline(struct module *module, const uint8_t *bytes, size_t size,
                         struct error *error)
{
    bool good = load(module, bytes, size, true, error);
    for (uint32_t i = 0; good && i < module->nfuncs; i++)
        module->funcs[i].referenced = true;
    return good;
}

bool module_load_function(const struct module *module, uint32_t funcidx, struct error *error)
{
    const struct func *func = &module->funcs[funcidx];
    if (func->code != 0)
        return true;
    const uint8_t *bytes = module->bytes, *end = bytes + func->code_end;
    struct module changed = *module; /* the functions are the same */
    struct decoding d = {.module = &changed,
                         .reader = {bytes, bytes + func->locals, end, error},
                         .declared = malloc((size_t)module->nfuncs + 1),
                         .has_data_count = true,
                         .data_count = module->ndatas};
    bool good = (d.declared || fail(&d.reader, end, ERROR_MEMORY, "no memory for the module")) &&
                validator_start(&d);
    if (good)
        memset(d.declared, 1, module->nfuncs);
    good = good && validate_body(&d, funcidx, end);
    validator_stop(&d);
    free(d.declared);
    return good;
}

void module_free(struct module *module)
{
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
