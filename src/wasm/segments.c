/* segments.c - element and data segments.
 *
 *      element segment: flags, then by the bits of flags
 *
 *        bit 0 = 0  active: [bit 1: table index] offset expression     table 0 without bit 1
 *        bit 0 = 1  bit 1 = 0: passive; bit 1 = 1: declarative
 *        bits 0, 1  not both 0: an element kind (a zero byte), or with bit 2 a reference type
 *        bit 2      the elements are expressions, else function indices
 *
 *      data segment: 0 offset bytes | 1 bytes (passive) | 2 memory index, offset, bytes
 *
 * (Specification, Binary Format, Element Section and Data Section.) */
#include "wasm/decoding.h"
#include "wasm/validate.h"

static bool read_elem_kind(struct decoding *d, struct elem_segment *elem)
{
    uint8_t kind;
    if (elem->expressions)
        return read_reftype(&d->reader, &elem->type);
    const uint8_t *at = d->reader.at;
    if (!read_byte(&d->reader, &kind))
        return false;
    return kind == 0 || fail(&d->reader, at, ERROR_MALFORMED, "malformed element kind");
}

static bool read_elem_function(struct decoding *d)
{
    const uint8_t *at = d->reader.at;
    uint32_t funcidx;
    if (!read_u32(&d->reader, &funcidx))
        return false;
    if (funcidx >= d->module->nfuncs)
        return fail_unknown(&d->reader, at, "function", funcidx);
    d->declared[funcidx] = 1;
    d->module->funcs[funcidx].referenced = true;
    return true;
}

static bool read_elements(struct decoding *d, struct elem_segment *elem)
{
    if (!read_count(&d->reader, 1, &elem->nelements))
        return false;
    elem->elements = position(&d->reader);
    for (uint32_t i = 0; i < elem->nelements; i++) {
        if (elem->expressions ? !validate_constant(d, elem->type) : !read_elem_function(d))
            return false;
    }
    return true;
}

static bool read_elem_target(struct decoding *d, struct elem_segment *elem, bool has_table)
{
    const uint8_t *at = d->reader.at;
    if (has_table && !read_u32(&d->reader, &elem->table))
        return false;
    if (elem->table >= d->module->ntables)
        return fail_unknown(&d->reader, at, "table", elem->table);
    elem->offset = position(&d->reader);
    return validate_constant(d, TYPE_I32);
}

static bool read_elem(struct decoding *d, struct elem_segment *elem)
{
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
    if (elem->mode == SEGMENT_ACTIVE && !read_elem_target(d, elem, flags & 2))
        return false;
    if ((flags & 3) && !read_elem_kind(d, elem))
        return false;
    if (elem->mode == SEGMENT_ACTIVE && d->module->tables[elem->table].element != elem->type)
        return fail(reader, at, ERROR_INVALID,
                    "type mismatch: an element segment of another type than its table");
    return read_elements(d, elem);
}

bool read_elems(struct decoding *d)
{
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

static bool read_data_target(struct decoding *d, struct data_segment *data, bool has_memory)
{
    const uint8_t *at = d->reader.at;
    uint32_t memory = 0;
    if (has_memory && !read_u32(&d->reader, &memory))
        return false;
    if (memory >= d->module->nmemories)
        return fail_unknown(&d->reader, at, "memory", memory);
    data->offset = position(&d->reader);
    return validate_constant(d, TYPE_I32);
}

static bool read_data(struct decoding *d, struct data_segment *data)
{
    struct reader *reader = &d->reader;
    const uint8_t *at = reader->at;
    uint32_t flags;
    if (!read_u32(reader, &flags))
        return false;
    if (flags > 2)
        return fail(reader, at, ERROR_MALFORMED, "malformed data segment kind");
    data->mode = flags == 1 ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
    if (data->mode == SEGMENT_ACTIVE && !read_data_target(d, data, flags == 2))
        return false;
    if (!read_count(reader, 1, &data->bytes.size))
        return false;
    data->bytes.data = reader->at;
    reader->at += data->bytes.size;
    return true;
}

bool read_datas(struct decoding *d)
{
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

bool read_data_count(struct decoding *d)
{
    d->has_data_count = true;
    return read_u32(&d->reader, &d->data_count);
}
