/* untrusted.c - the bytes may be anybody's. A count is believed only as far as the bytes that are left
 * can hold so many, so that memory stays in proportion to the section. */
#include "wasi/untrusted.h"

#include <stdlib.h>

bool refuse(const struct reader *reader, const char *why)
{
    return error_set_at(reader->error, ERROR_SNAPSHOT, reader->at, "section %s: %s",
                        reader->section, why);
}

const uint8_t *take(struct reader *reader, uint64_t size)
{
    if (size > reader->size - reader->at) {
        refuse(reader, "cut short");
        return NULL;
    }
    reader->at += (size_t)size;
    return reader->data + reader->at - (size_t)size;
}

bool take_u8(struct reader *reader, uint8_t *value)
{
    const uint8_t *at = take(reader, 1);
    if (at)
        *value = *at;
    return at;
}

bool take_u16(struct reader *reader, uint16_t *value)
{
    const uint8_t *at = take(reader, 2);
    if (at)
        *value = get_le16(at);
    return at;
}

bool take_u32(struct reader *reader, uint32_t *value)
{
    const uint8_t *at = take(reader, 4);
    if (at)
        *value = get_le32(at);
    return at;
}

bool take_u64(struct reader *reader, uint64_t *value)
{
    const uint8_t *at = take(reader, 8);
    if (at)
        *value = get_le64(at);
    return at;
}

bool take_bool(struct reader *reader, bool *value)
{
    uint8_t byte;
    if (!take_u8(reader, &byte))
        return false;
    *value = byte;
    return byte <= 1 || refuse(reader, "a flag that is neither 0 nor 1");
}

bool take_count(struct reader *reader, size_t least, uint32_t *count)
{
    if (!take_u32(reader, count))
        return false;
    return *count <= (reader->size - reader->at) / least || refuse(reader, "cut short");
}

bool take_text(struct reader *reader, struct slice *slice)
{
    if (!take_u32(reader, &slice->size))
        return false;
    slice->data = (const char *)take(reader, slice->size);
    if (!slice->data)
        return false;
    return !memchr(slice->data, 0, slice->size) || refuse(reader, "a text with a NUL in it");
}

bool take_texts(struct reader *reader, struct slices *slices)
{
    uint32_t count;
    if (!take_count(reader, 4, &count))
        return false;
    slices->items = calloc(count ? count : 1, sizeof *slices->items);
    if (!slices->items)
        return error_set(reader->error, ERROR_MEMORY, "out of memory for section %s",
                         reader->section);
    for (slices->count = 0; slices->count < count; slices->count++)
        if (!take_text(reader, &slices->items[slices->count]))
            return false;
    return true;
}

bool take_path(struct reader *reader, struct slice *path)
{
    if (!take_text(reader, path))
        return false;
    if (!text_valid(path->data, path->size))
        return refuse(reader, "a path that is not UTF-8");
    return path_is_canonical(path->data, path->size) ||
           refuse(reader, "a path that is not below its directory");
}
