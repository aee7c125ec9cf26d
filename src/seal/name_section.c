/* name_section.c - the sealed module's name section: the guest's names, so that a host's backtrace reads
 * as one of the guest itself. A resume copy has the name of its function and " (resumed)". */
#include <stdlib.h>

#include "base/clean.h"
#include "seal/linking.h"
#include "wasm/reader.h"

/* A subsection of function names: untrusted, its entries at most once and ascending or left out. */
static void take_names(struct reader reader, struct span *names, uint32_t nfuncs)
{
    uint32_t count, index, size;
    if (!read_u32(&reader, &count))
        return;
    while (count-- && read_u32(&reader, &index) && read_u32(&reader, &size) &&
           size <= remaining(&reader)) {
        if (index < nfuncs)
            names[index] = (struct span){reader.at, size};
        reader.at += size;
    }
}

static void take_section(const struct module *guest, struct span section, struct span *names)
{
    struct reader reader = {guest->bytes, section.data, section.data + section.size, NULL};
    uint8_t id;
    uint32_t size;
    while (reader.at != reader.end && read_byte(&reader, &id) && read_u32(&reader, &size) &&
           size <= remaining(&reader)) {
        if (id == 1)
            take_names((struct reader){guest->bytes, reader.at, reader.at + size, NULL}, names,
                       guest->nfuncs);
        reader.at += size;
    }
}

/* By what module_func_name goes by, for all functions at once. */
static struct span *names_of(const struct module *guest)
{
    struct span *names = calloc((size_t)guest->nfuncs + 1, sizeof *names);
    for (uint32_t i = 0; names && i < guest->nimports; i++)
        if (guest->imports[i].kind == EXTERN_FUNC)
            names[guest->imports[i].index] = guest->imports[i].name;
    for (uint32_t i = 0; names && i < guest->nexports; i++)
        if (guest->exports[i].kind == EXTERN_FUNC)
            names[guest->exports[i].index] = guest->exports[i].name;
    for (uint32_t i = 0; names && i < guest->ncustoms; i++)
        if (span_is(guest->customs[i].name, "name"))
            take_section(guest, guest->customs[i].bytes, names);
    return names;
}

/* Cleaned: hosts print a backtrace's names as they are. */
static void put(struct buffer *map, uint32_t *count, uint32_t index, struct span name,
                const char *mark)
{
    char *copy = name.size ? malloc(name.size) : NULL;
    if (!copy) {
        map->failed |= name.size != 0;
        return;
    }
    memcpy(copy, name.data, name.size);
    size_t size = clean(copy, name.size);
    encode_u32(map, index);
    encode_u32(map, (uint32_t)(size + strlen(mark)));
    buffer_put(map, copy, size);
    buffer_put(map, mark, strlen(mark));
    ++*count;
    free(copy);
}

bool link_names(struct linker *linker, struct buffer *section)
{
    const struct module *guest = linker->guest;
    struct buffer map = {0}, subsection = {0};
    uint32_t count = 0;
    struct span *names = names_of(guest);
    if (!names)
        return error_set(linker->error, ERROR_MEMORY, "no memory for the names");
    for (uint32_t i = 0; i < guest->nfuncs; i++)
        put(&map, &count, linker->hot[i], names[i], "");
    for (uint32_t i = guest->nimported_funcs; i < guest->nfuncs; i++)
        put(&map, &count, linker->resume[i], names[i], " (resumed)");
    free(names);
    encode_u32(&subsection, count);
    buffer_put(&subsection, map.data, map.size);
    encode_name(section, "name");
    buffer_put_u8(section, 1);
    encode_bytes(section, subsection.data, subsection.size);
    section->failed |= map.failed || subsection.failed;
    buffer_free(&map);
    buffer_free(&subsection);
    return true;
}
