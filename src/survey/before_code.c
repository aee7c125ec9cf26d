/* before_code.c - what a module wants before its code, with the forms that proposals have added. What
 * cannot be read ends the section that it is in. */
#include <stdlib.h>
#include <string.h>

#include "survey/surveying.h"
#include "wasi/imports.h"
#include "wasm/binary.h"

/* ---- types */

bool survey_heaptype(struct surveyed *surveyed, struct reader *reader)
{
    int64_t heap;
    const uint8_t *at = reader->at;
    if (!read_s33(reader, &heap))
        return false;
    if (heap >= 0)
        return needs(surveyed, FEATURE_FUNCTION_REFERENCES);
    switch (*at) {
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF: return true;
    case TYPE_EXNREF:
    case TYPE_NULLEXNREF: return needs(surveyed, FEATURE_EXCEPTIONS);
    case TYPE_EXACT: return needs(surveyed, FEATURE_DESCRIPTORS) && read_s33(reader, &heap);
    case TYPE_SHARED: return needs(surveyed, FEATURE_SHARED_EVERYTHING) && read_s33(reader, &heap);
    case TYPE_STRINGREF: return needs(surveyed, FEATURE_STRINGREF);
    case TYPE_CONTREF:
    case TYPE_NULLCONTREF: return needs(surveyed, FEATURE_STACK_SWITCHING);
    default: return needs(surveyed, FEATURE_GC);
    }
}

bool survey_valtype(struct surveyed *surveyed, struct reader *reader, valtype *type)
{
    if (!read_byte(reader, type))
        return false;
    switch (*type) {
    case TYPE_I32:
    case TYPE_I64:
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF: return true;
    case TYPE_V128: return needs(surveyed, FEATURE_SIMD);
    case TYPE_REF:
    case TYPE_REF_NULL:
        return needs(surveyed, FEATURE_FUNCTION_REFERENCES) && survey_heaptype(surveyed, reader);
    default:
        if (*type < FORM_FUNC || *type > TYPE_NULLCONTREF)
            return false;
        reader->at--;
        return survey_heaptype(surveyed, reader);
    }
}

static bool valtypes(struct surveyed *surveyed, struct reader *reader, valtype *to, uint32_t *count)
{
    bool good = read_u32(reader, count) && *count <= remaining(reader);
    for (uint32_t i = 0; good && i < *count; i++)
        good = survey_valtype(surveyed, reader, &to[i]);
    return good;
}

static bool fields(struct surveyed *surveyed, struct reader *reader, uint32_t count)
{
    uint8_t storage, mutable;
    bool good = count <= remaining(reader);
    for (; good && count; count--) {
        good = reader->at != reader->end;
        if (good && (*reader->at == TYPE_I8 || *reader->at == TYPE_I16))
            reader->at++;
        else
            good = good && survey_valtype(surveyed, reader, &storage);
        good = good && read_byte(reader, &mutable);
    }
    return good;
}

/* One composite type, behind what stands before its form. */
static bool composite(struct surveyed *surveyed, struct reader *reader, struct functype *type,
                      uint8_t form)
{
    uint32_t count;
    valtype *at = surveyed->valtypes + (reader->at - reader->start);
    switch (form) {
    case FORM_FUNC:
        type->types = at;
        return valtypes(surveyed, reader, at, &type->nparams) &&
               valtypes(surveyed, reader, at + type->nparams, &type->nresults);
    case FORM_STRUCT:
        return needs(surveyed, FEATURE_GC) && read_u32(reader, &count) &&
               fields(surveyed, reader, count);
    case FORM_ARRAY: return needs(surveyed, FEATURE_GC) && fields(surveyed, reader, 1);
    case FORM_CONT:
        return needs(surveyed, FEATURE_STACK_SWITCHING) && survey_heaptype(surveyed, reader);
    default: return false;
    }
}

static bool subtype(struct surveyed *surveyed, struct reader *reader, struct functype *type)
{
    uint8_t form;
    uint32_t count, parent;
    if (!read_byte(reader, &form))
        return false;
    if (form == FORM_SUB || form == FORM_SUB_FINAL) {
        needs(surveyed, FEATURE_GC);
        if (!read_u32(reader, &count) || count > remaining(reader))
            return false;
        for (; count; count--)
            if (!read_u32(reader, &parent))
                return false;
        if (!read_byte(reader, &form))
            return false;
    }
    if (form == TYPE_SHARED && needs(surveyed, FEATURE_SHARED_EVERYTHING) &&
        !read_byte(reader, &form))
        return false;
    while (form == FORM_DESCRIBES || form == FORM_DESCRIPTOR) {
        needs(surveyed, FEATURE_DESCRIPTORS);
        if (!read_u32(reader, &parent) || !read_byte(reader, &form))
            return false;
    }
    return composite(surveyed, reader, type, form);
}

static bool room_for_types(struct surveyed *surveyed, uint32_t count)
{
    uint32_t capacity = surveyed->types_capacity;
    if (capacity - surveyed->ntypes >= count)
        return true;
    capacity = 2 * capacity + count + 16;
    struct functype *types = realloc(surveyed->types, capacity * sizeof *types);
    if (!types)
        return !(surveyed->failed = true);
    surveyed->types = types;
    surveyed->types_capacity = capacity;
    return true;
}

static bool group(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t count = 1;
    if (reader->at != reader->end && *reader->at == FORM_REC) {
        reader->at++;
        needs(surveyed, FEATURE_GC);
        if (!read_u32(reader, &count) || count > remaining(reader))
            return false;
    }
    if (!room_for_types(surveyed, count))
        return false;
    for (; count; count--) {
        struct functype *type = &surveyed->types[surveyed->ntypes++];
        *type = (struct functype){0};
        if (!subtype(surveyed, reader, type))
            return false;
    }
    return true;
}

static bool types(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t count;
    bool good = read_u32(reader, &count);
    for (; good && count; count--)
        good = group(surveyed, reader);
    return good;
}

/* ---- limits */

static bool limits(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t flags, page;
    int64_t bound;
    if (!read_u32(reader, &flags))
        return false;
    if (flags & 2)
        needs(surveyed, FEATURE_THREADS);
    if (flags & 4)
        needs(surveyed, FEATURE_MEMORY64);
    if (flags & 8)
        needs(surveyed, FEATURE_PAGE_SIZES);
    /* Bounds of 64 bits read as signed ones say no less of where they end. */
    return read_s64(reader, &bound) && (!(flags & 1) || read_s64(reader, &bound)) &&
           (!(flags & 8) || read_u32(reader, &page));
}

static bool memory(struct surveyed *surveyed, struct reader *reader)
{
    if (++surveyed->memories > 1)
        needs(surveyed, FEATURE_MEMORIES);
    return limits(surveyed, reader);
}

static bool table(struct surveyed *surveyed, struct reader *reader)
{
    valtype type;
    bool has_init = reader->at != reader->end && *reader->at == 0x40;
    if (has_init) {
        needs(surveyed, FEATURE_FUNCTION_REFERENCES);
        reader->at += remaining(reader) < 2 ? 1 : 2;
    }
    return survey_valtype(surveyed, reader, &type) && limits(surveyed, reader) &&
           (!has_init || survey_expression(surveyed, reader));
}

static bool global(struct surveyed *surveyed, struct reader *reader)
{
    valtype type;
    uint8_t mutable;
    if (!survey_valtype(surveyed, reader, &type) || !read_byte(reader, &mutable))
        return false;
    return mutable < 2 || needs(surveyed, FEATURE_SHARED_EVERYTHING);
}

static bool tag(struct surveyed *surveyed, struct reader *reader)
{
    uint8_t attribute;
    uint32_t type;
    needs(surveyed, FEATURE_EXCEPTIONS);
    return read_byte(reader, &attribute) && read_u32(reader, &type);
}

/* ---- imports */

static bool name(struct reader *reader, struct span *span)
{
    if (!read_u32(reader, &span->size))
        return false;
    span->data = reader->at;
    return read_skip(reader, span->size);
}

static void add_missing(struct surveyed *surveyed, struct missing missing)
{
    if (surveyed->nmissing == surveyed->capacity) {
        uint32_t capacity = 2 * surveyed->capacity + 16;
        struct missing *grown = realloc(surveyed->missing, capacity * sizeof *grown);
        if (!grown) {
            surveyed->failed = true;
            return;
        }
        surveyed->missing = grown;
        surveyed->capacity = capacity;
    }
    surveyed->missing[surveyed->nmissing++] = missing;
}

static bool import_type(struct surveyed *surveyed, struct reader *reader, uint8_t kind,
                        uint32_t *type)
{
    switch (kind) {
    case EXTERN_FUNC: return read_u32(reader, type);
    case EXTERN_TABLE: return table(surveyed, reader);
    case EXTERN_MEMORY: return memory(surveyed, reader);
    case EXTERN_GLOBAL: return global(surveyed, reader);
    case EXTERN_TAG: return tag(surveyed, reader);
    default: return false;
    }
}

static bool import(struct surveyed *surveyed, struct reader *reader)
{
    struct missing missing = {0};
    uint32_t index = 0;
    if (!name(reader, &missing.module) || !name(reader, &missing.name) ||
        !read_byte(reader, &missing.kind))
        return false;
    if (missing.kind == 0x7F || missing.kind == 0x7E)
        return !needs(surveyed, FEATURE_COMPACT_IMPORTS);
    if (!import_type(surveyed, reader, missing.kind, &index))
        return false;
    const struct functype *type =
        missing.kind == EXTERN_FUNC && index < surveyed->ntypes ? &surveyed->types[index] : NULL;
    int function = wasi_function_named(missing.module, missing.name);
    bool known = type && type->types;
    missing.nparams = known ? type->nparams : 0;
    missing.wrong_type = function >= 0 && known && !wasi_function_has(function, type);
    if (function < 0 || missing.kind != EXTERN_FUNC || missing.wrong_type)
        add_missing(surveyed, missing);
    return true;
}

/* ---- sections */

static bool each(struct surveyed *surveyed, struct reader *reader,
                 bool (*read)(struct surveyed *surveyed, struct reader *reader))
{
    uint32_t count;
    bool good = read_u32(reader, &count);
    for (; good && count; count--)
        good = read(surveyed, reader);
    return good;
}

static bool global_with_init(struct surveyed *surveyed, struct reader *reader)
{
    return global(surveyed, reader) && survey_expression(surveyed, reader);
}

static bool code(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t size;
    if (!read_u32(reader, &size) || size > remaining(reader))
        return false;
    struct reader body = *reader;
    body.end = body.at + size;
    reader->at = body.end;
    (void)survey_body(surveyed, &body); /* the next one can be read all the same */
    return true;
}

static bool custom(struct surveyed *surveyed, struct reader *reader)
{
    struct span section;
    if (!name(reader, &section))
        return false;
    surveyed->is_object |= span_is(section, "linking");
    surveyed->is_dynamic |= span_is(section, "dylink") || span_is(section, "dylink.0");
    return true;
}

static void section(struct surveyed *surveyed, uint8_t id, struct reader *reader)
{
    switch (id) {
    case SECTION_CUSTOM: custom(surveyed, reader); break;
    case SECTION_TYPE: types(surveyed, reader); break;
    case SECTION_IMPORT: each(surveyed, reader, import); break;
    case SECTION_TABLE: each(surveyed, reader, table); break;
    case SECTION_MEMORY: each(surveyed, reader, memory); break;
    case SECTION_GLOBAL: each(surveyed, reader, global_with_init); break;
    case SECTION_CODE: each(surveyed, reader, code); break;
    case SECTION_TAG: needs(surveyed, FEATURE_EXCEPTIONS); break;
    case SECTION_STRINGS: needs(surveyed, FEATURE_STRINGREF); break;
    default: break;
    }
}

void survey_sections(struct surveyed *surveyed, struct reader *reader)
{
    uint8_t id;
    uint32_t size;
    while (reader->at != reader->end && read_byte(reader, &id) && read_u32(reader, &size) &&
           size <= remaining(reader)) {
        struct reader inside = *reader;
        inside.end = inside.at + size;
        reader->at = inside.end;
        section(surveyed, id, &inside);
    }
}
