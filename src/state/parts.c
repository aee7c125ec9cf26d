/* parts.c - the memory in parts, so that neither side needs memory for all of it. */
#include "state/parts.h"

#include <lz4.h>
#include <stdlib.h>

size_t part_pack(const uint8_t *bytes, uint32_t size, uint8_t *payload, size_t room)
{
    if (room < 4)
        return 0;
    put_le32(payload, size);
    int packed =
        LZ4_compress_default((const char *)bytes, (char *)payload + 4, (int)size, (int)(room - 4));
    return packed > 0 ? (size_t)packed + 4 : 0;
}

_Static_assert(PART_ROOM >= 4u + LZ4_COMPRESSBOUND(PART_SIZE), "a part that LZ4 makes longer");

static bool decompress(const uint8_t *payload, size_t stored, uint8_t *bytes, uint32_t *size)
{
    *size = stored >= 4 ? get_le32(payload) : 0;
    return *size > 0 && *size <= PART_SIZE && stored <= PART_ROOM &&
           LZ4_decompress_safe((const char *)payload + 4, (char *)bytes, (int)(stored - 4),
                               (int)*size) == (int)*size;
}

static bool unpack_blocks(const uint8_t *payload, size_t stored, uint8_t *bytes, uint32_t *size)
{
    const uint8_t *at = payload + 9, *end = payload + stored;
    uint32_t runs = stored >= 9 ? get_le32(payload + 5) : 1, room = PART_BLOCKS;
    uint8_t *to = bytes + 9;
    for (; runs > 0; runs--) {
        uint32_t count = end - at >= 8 ? get_le32(at + 4) : 0;
        if (count == 0 || count > room)
            return false;
        room -= count;
        memcpy(to, at, 8);
        to += 8;
        at += 8;
        for (; count > 0; count--, to += BLOCK_SIZE) {
            size_t taken = block_unpack(at, (size_t)(end - at), to);
            if (taken == 0)
                return false;
            at += taken;
        }
    }
    memcpy(bytes, payload, 9);
    *size = (uint32_t)(to - bytes);
    return at == end;
}

bool part_unpack(uint32_t how, const uint8_t *payload, size_t stored, uint8_t *bytes,
                 uint32_t *size)
{
    return how == STORED_LZ4      ? decompress(payload, stored, bytes, size)
           : how == STORED_PACKED ? unpack_blocks(payload, stored, bytes, size)
                                  : false;
}

bool memory_parts_begin(struct memory_parts *parts, const struct snapshot *snapshot,
                        struct error *error)
{
    *parts = (struct memory_parts){.snapshot = snapshot, .error = error, .left = 1};
    if (snapshot->memory_parts == 0)
        return true;
    parts->next = snapshot->memory.data;
    parts->left = snapshot->memory_parts;
    parts->bytes = malloc(PART_SIZE);
    return parts->bytes || error_set(error, ERROR_MEMORY, "no memory for a part of a snapshot");
}

void memory_parts_end(struct memory_parts *parts)
{
    free(parts->bytes);
    parts->bytes = NULL;
}

static bool unpack(struct memory_parts *parts, struct cursor *cursor)
{
    const uint8_t *section = parts->next, *payload = section + SECTION_HEADER_SIZE;
    size_t stored = (size_t)get_le64(section + 4);
    uint32_t how = get_le16(section + 2), size;
    parts->next = payload + stored + CHECKSUM_SIZE;
    if (how == STORED_PLAIN) {
        cursor->at = payload;
        cursor->end = payload + stored;
        return true;
    }
    cursor->place = section;
    if (!part_unpack(how, payload, stored, parts->bytes, &size))
        return cursor_refuse(cursor, "cannot be decompressed");
    cursor->at = parts->bytes;
    cursor->end = parts->bytes + size;
    return true;
}

bool memory_parts_next(struct memory_parts *parts, struct cursor *cursor, bool *good)
{
    *good = true;
    if (parts->left == 0)
        return false;
    parts->left--;
    *cursor = cursor_of(parts->snapshot, SECTION_MEMORY, &parts->snapshot->memory, parts->error);
    if (parts->next)
        *good = unpack(parts, cursor);
    return *good;
}
