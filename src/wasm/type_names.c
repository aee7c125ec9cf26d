/* type_names.c - what things are called, for messages. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "wasm/module.h"
#include "wasm/reader.h"

const char *valtype_name(valtype type)
{
    switch (type) {
    case TYPE_I32: return "i32";
    case TYPE_I64: return "i64";
    case TYPE_F32: return "f32";
    case TYPE_F64: return "f64";
    case TYPE_FUNCREF: return "funcref";
    case TYPE_EXTERNREF: return "externref";
    default: return "unknown";
    }
}

bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && (span.size == 0 || memcmp(span.data, text, span.size) == 0);
}

bool functype_equal(const struct functype *a, const struct functype *b)
{
    return a->nparams == b->nparams && a->nresults == b->nresults &&
           (a->nparams + a->nresults == 0 ||
            memcmp(a->types, b->types, a->nparams + a->nresults) == 0);
}

const struct export *module_export(const struct module *module, enum externkind kind,
                                   const char *name)
{
    for (uint32_t i = 0; i < module->nexports; i++)
        if (module->exports[i].kind == kind && span_is(module->exports[i].name, name))
            return &module->exports[i];
    return NULL;
}

/* Looks for `funcidx` in a subsection of function names. */
static struct span find_name(struct reader reader, uint32_t funcidx)
{
    uint32_t count, index, size;
    if (!read_u32(&reader, &count))
        return (struct span){0};
    while (count-- && read_u32(&reader, &index) && read_u32(&reader, &size) &&
           size <= (size_t)(reader.end - reader.at)) {
        if (index == funcidx)
            return (struct span){reader.at, size};
        reader.at += size;
    }
    return (struct span){0};
}

static struct span name_section_name(const struct module *module, struct span section,
                                     uint32_t funcidx)
{
    struct reader reader = {module->bytes, section.data, section.data + section.size, NULL};
    uint8_t id;
    uint32_t size;
    while (reader.at != reader.end && read_byte(&reader, &id) && read_u32(&reader, &size) &&
           size <= (size_t)(reader.end - reader.at)) {
        if (id == 1)
            return find_name((struct reader){module->bytes, reader.at, reader.at + size, NULL},
                             funcidx);
        reader.at += size;
    }
    return (struct span){0};
}

struct span module_func_name(const struct module *module, uint32_t funcidx)
{
    struct span name = {0};
    for (uint32_t i = 0; i < module->ncustoms && !name.data; i++)
        if (span_is(module->customs[i].name, "name"))
            name = name_section_name(module, module->customs[i].bytes, funcidx);
    for (uint32_t i = 0; i < module->nexports && !name.data; i++)
        if (module->exports[i].kind == EXTERN_FUNC && module->exports[i].index == funcidx)
            name = module->exports[i].name;
    for (uint32_t i = 0; i < module->nimports && !name.data; i++)
        if (module->imports[i].kind == EXTERN_FUNC && module->imports[i].index == funcidx)
            name = module->imports[i].name;
    return name;
}

char *module_func_label(const struct module *module, uint32_t funcidx, char *text, size_t size)
{
    struct span name = module_func_name(module, funcidx);
    if (size == 0)
        return text;
    if (name.size == 0) {
        snprintf(text, size, "func[%u]", funcidx);
        return text;
    }
    size_t length = name.size < size ? name.size : size - 1;
    while (length > 0 && length < name.size && (name.data[length] & 0xC0) == 0x80)
        length--; /* a character is there as a whole or not at all */
    memcpy(text, name.data, length);
    text[clean(text, length)] = 0;
    return text;
}
