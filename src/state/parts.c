/* parts.c - the memory in compressed parts, so that neither side needs memory for all of it. */
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

bool part_unpack(const uint8_t *payload, uint32_t stored, uint8_t *bytes, uint32_t *size)
{
    *size = stored >= 4 ? get_le32(payload) : 0;
    return *size > 0 && *size <= PART_SIZE && stored <= PART_ROOM &&
           LZ4_decompress_safe((const char *)payload + 4, (char *)bytes, (int)(stored - 4),
                               (int)*size) == (int)*size;
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
    const uint8_t *payload = parts->next + SECTION_HEADER_SIZE;
    size_t stored = (size_t)get_le64(parts->next + 4);
    uint32_t size;
    cursor->place = parts->next;
    parts->next = payload + stored + CHECKSUM_SIZE;
    if (stored > PART_ROOM || !part_unpack(payload, (uint32_t)stored, parts->bytes, &size))
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
