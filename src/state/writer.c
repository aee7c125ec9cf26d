#include "state/writer.h"

#include <stdlib.h>

#include "state/parts.h"

bool writer_begin(struct writer *writer, const struct sink *sink, struct error *error)
{
    *writer = (struct writer){sink, checksum_create(), error};
    return writer->checksum || error_set(error, ERROR_MEMORY, "no memory for a snapshot");
}

void writer_end(struct writer *writer)
{
    checksum_destroy(writer->checksum);
}

bool write_bytes(struct writer *writer, const void *data, size_t size)
{
    checksum_add(writer->checksum, data, size);
    return size == 0 || writer->sink->write(writer->sink->context, data, size, writer->error);
}

static bool begin_section_stored(struct writer *writer, enum section_id id, uint16_t how,
                                 uint64_t size)
{
    uint8_t header[SECTION_HEADER_SIZE] = {0};
    put_le16(header, (uint16_t)id);
    put_le16(header + 2, how);
    put_le64(header + 4, size);
    put_le32(header + 12, section_check(header));
    checksum_reset(writer->checksum);
    return write_bytes(writer, header, sizeof header);
}

bool begin_section(struct writer *writer, enum section_id id, uint64_t size)
{
    return begin_section_stored(writer, id, STORED_PLAIN, size);
}

bool end_section(struct writer *writer)
{
    uint8_t bytes[CHECKSUM_SIZE];
    put_le64(bytes, checksum_value(writer->checksum));
    return write_bytes(writer, bytes, sizeof bytes);
}

bool write_section(struct writer *writer, enum section_id id, const void *data, size_t size)
{
    return begin_section(writer, id, size) && write_bytes(writer, data, size) &&
           end_section(writer);
}

bool write_buffer(struct writer *writer, enum section_id id, struct buffer *buffer)
{
    bool good = buffer->failed ? error_set(writer->error, ERROR_MEMORY, "no memory for the %s",
                                           section_name(id))
                               : write_section(writer, id, buffer->data, buffer->size);
    buffer_free(buffer);
    return good;
}

bool write_header(struct writer *writer, uint32_t version, const uint8_t hash[MODULE_HASH_SIZE],
                  uint64_t module_size)
{
    uint8_t header[HEADER_SIZE] = {0};
    memcpy(header, SNAPSHOT_MAGIC, 8);
    put_le32(header + 8, version);
    memcpy(header + 16, hash, MODULE_HASH_SIZE);
    put_le64(header + 48, module_size);
    put_le64(header + 56, checksum_of(header, 56));
    return writer->sink->write(writer->sink->context, header, sizeof header, writer->error);
}

void put_value(struct buffer *buffer, const struct typed_value *value)
{
    buffer_put_u8(buffer, value->type);
    if (value->type == TYPE_I64 || value->type == TYPE_F64)
        buffer_put_u64(buffer, value->bits);
    else
        buffer_put_u32(buffer, (uint32_t)value->bits);
}

/* Memory. */

static const uint8_t *block_at(const struct blocks *blocks, uint32_t index)
{
    return index < blocks->count ? blocks->at(blocks->context, index) : NULL;
}

/* The next run of blocks that are there, from *first on, or its first `most` blocks; false when
 * there is none. */
static bool next_run(const struct blocks *blocks, uint32_t most, uint32_t *first, uint32_t *count)
{
    uint32_t at = *first;
    while (at < blocks->count && !block_at(blocks, at))
        at++;
    *first = at;
    while (at - *first < most && block_at(blocks, at))
        at++;
    *count = at - *first;
    return *count > 0;
}

/* What lies together in memory is written together. */
static bool write_run(struct writer *writer, const struct blocks *blocks, uint32_t first,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count;) {
        const uint8_t *start = block_at(blocks, first + i);
        size_t size = 0;
        do
            size += BLOCK_SIZE, i++;
        while (i < count && block_at(blocks, first + i) == start + size);
        if (!write_bytes(writer, start, size))
            return false;
    }
    return true;
}

static bool write_runs(struct writer *writer, const struct blocks *blocks)
{
    uint32_t first = 0, count;
    for (; next_run(blocks, UINT32_MAX, &first, &count); first += count) {
        uint8_t head[8];
        put_le32(head, first);
        put_le32(head + 4, count);
        if (!write_bytes(writer, head, sizeof head) || !write_run(writer, blocks, first, count))
            return false;
    }
    return true;
}

static void put_memory_head(uint8_t head[9], bool has, uint32_t pages, uint32_t runs)
{
    head[0] = has;
    put_le32(head + 1, pages);
    put_le32(head + 5, runs);
}

static bool write_plain(struct writer *writer, bool has, uint32_t pages,
                        const struct blocks *blocks)
{
    uint32_t runs = 0, first = 0, count;
    uint64_t size = 9;
    uint8_t head[9];
    for (; next_run(blocks, UINT32_MAX, &first, &count); first += count, runs++)
        size += 8 + (uint64_t)count * BLOCK_SIZE;
    put_memory_head(head, has, pages, runs);
    return begin_section(writer, SECTION_MEMORY, size) && write_bytes(writer, head, sizeof head) &&
           write_runs(writer, blocks) && end_section(writer);
}

/* The next part: its head, and up to PART_BLOCKS blocks from *first on. */
static uint32_t fill_part(bool has, uint32_t pages, const struct blocks *blocks, uint32_t *first,
                          uint8_t *bytes)
{
    uint32_t room = PART_BLOCKS, runs = 0, count;
    uint8_t *at = bytes + 9;
    for (; room && next_run(blocks, room, first, &count); runs++) {
        room -= count;
        put_le32(at, *first);
        put_le32(at + 4, count);
        at += 8;
        for (; count > 0; count--, at += BLOCK_SIZE)
            memcpy(at, block_at(blocks, (*first)++), BLOCK_SIZE);
    }
    put_memory_head(bytes, has, pages, runs);
    return (uint32_t)(at - bytes);
}

static bool write_parts(struct writer *writer, bool has, uint32_t pages,
                        const struct blocks *blocks, uint8_t *bytes, uint8_t *payload)
{
    uint32_t first = 0;
    bool good = true, more = true;
    while (good && more) {
        uint32_t size = fill_part(has, pages, blocks, &first, bytes), count;
        size_t stored = part_pack(bytes, size, payload, PART_ROOM);
        good = begin_section_stored(writer, SECTION_MEMORY, STORED_LZ4, stored) &&
               write_bytes(writer, payload, stored) && end_section(writer);
        more = next_run(blocks, 1, &first, &count);
    }
    return good;
}

bool write_memory(struct writer *writer, bool has, uint32_t pages, const struct blocks *blocks,
                  bool compress)
{
    if (!compress)
        return write_plain(writer, has, pages, blocks);
    uint8_t *space = malloc(PART_SIZE + PART_ROOM);
    bool good = space ? write_parts(writer, has, pages, blocks, space, space + PART_SIZE)
                      : error_set(writer->error, ERROR_MEMORY, "no memory for a snapshot");
    free(space);
    return good;
}
