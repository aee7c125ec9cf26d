#include "state/writer.h"

#include <stdlib.h>

#include "state/parts.h"

static bool append(void *context, const void *data, size_t size, struct error *error)
{
    struct buffer *buffer = context;
    buffer_put(buffer, data, size);
    return !buffer->failed || error_set(error, ERROR_MEMORY, "no memory for a snapshot");
}

struct sink sink_into(struct buffer *buffer)
{
    return (struct sink){append, buffer};
}

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

static void put_section_header(uint8_t header[SECTION_HEADER_SIZE], enum section_id id,
                               uint16_t how, uint64_t size)
{
    put_le16(header, (uint16_t)id);
    put_le16(header + 2, how);
    put_le64(header + 4, size);
    put_le32(header + 12, section_check(header));
}

bool begin_section(struct writer *writer, enum section_id id, uint64_t size)
{
    uint8_t header[SECTION_HEADER_SIZE];
    put_section_header(header, id, STORED_PLAIN, size);
    checksum_reset(writer->checksum);
    return write_bytes(writer, header, sizeof header);
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

enum { DENSE_BLOCKS = 256 }; /* 1 MB, which a cache holds from the look at it to the writing */

struct parted {
    bool has;
    uint32_t pages;
    const struct blocks *blocks;
};

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

static void put_head(uint8_t *head, bool has, uint32_t pages, uint32_t runs)
{
    head[0] = has;
    put_le32(head + 1, pages);
    put_le32(head + 5, runs);
}

static void put_run_head(uint8_t *head, uint32_t first, uint32_t count)
{
    put_le32(head, first);
    put_le32(head + 4, count);
}

/* The next part: its head, and up to PART_BLOCKS blocks from *first on, packed or as they are. */
static size_t fill_part(const struct parted *memory, uint32_t *first, bool packed, uint8_t *bytes)
{
    uint32_t room = PART_BLOCKS, runs = 0, count;
    uint8_t *at = bytes + 9;
    for (; room && next_run(memory->blocks, room, first, &count); runs++) {
        room -= count;
        put_run_head(at, *first, count);
        at += 8;
        for (; count > 0; count--, (*first)++) {
            const uint8_t *block = block_at(memory->blocks, *first);
            if (!packed)
                memcpy(at, block, BLOCK_SIZE);
            at += packed ? block_pack(block, at) : BLOCK_SIZE;
        }
    }
    put_head(bytes, memory->has, memory->pages, runs);
    return (size_t)(at - bytes);
}

/* The payload stands behind room for the header, so that all of it is written at once. */
static bool write_part(struct writer *writer, uint16_t how, uint8_t *section, size_t stored)
{
    size_t covered = SECTION_HEADER_SIZE + stored;
    put_section_header(section, SECTION_MEMORY, how, stored);
    put_le64(section + covered, checksum_of(section, covered));
    return writer->sink->write(writer->sink->context, section, covered + CHECKSUM_SIZE,
                               writer->error);
}

/* How many dense blocks come next. */
static uint32_t count_dense(const struct blocks *blocks, uint32_t first)
{
    uint32_t count = 0;
    const uint8_t *block;
    while (count < DENSE_BLOCKS && (block = block_at(blocks, first + count)) != NULL &&
           block_is_dense(block))
        count++;
    return count;
}

/* They are written from where they are; what lies together in memory is written together. */
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

static bool write_dense(struct writer *writer, const struct parted *memory, uint32_t first,
                        uint32_t count)
{
    uint8_t head[9 + 8];
    put_head(head, memory->has, memory->pages, 1);
    put_run_head(head + 9, first, count);
    return begin_section(writer, SECTION_MEMORY, sizeof head + (uint64_t)count * BLOCK_SIZE) &&
           write_bytes(writer, head, sizeof head) &&
           write_run(writer, memory->blocks, first, count) && end_section(writer);
}

/* `space` has room for a section, and behind it, if it is to be compressed, for the same plain. */
static bool write_next(struct writer *writer, const struct parted *memory, uint32_t *first,
                       uint8_t *space, uint8_t *plain)
{
    uint8_t *payload = space + SECTION_HEADER_SIZE;
    if (plain) {
        size_t size = fill_part(memory, first, false, plain);
        return write_part(writer, STORED_LZ4, space,
                          part_pack(plain, (uint32_t)size, payload, PART_ROOM));
    }
    uint32_t dense = count_dense(memory->blocks, *first), from = *first;
    *first += dense;
    return dense
               ? write_dense(writer, memory, from, dense)
               : write_part(writer, STORED_PACKED, space, fill_part(memory, first, true, payload));
}

bool write_memory(struct writer *writer, bool has, uint32_t pages, const struct blocks *blocks,
                  bool compress)
{
    const struct parted memory = {has, pages, blocks};
    const size_t room = SECTION_HEADER_SIZE + PART_ROOM + CHECKSUM_SIZE;
    uint8_t *space = malloc(room + PART_SIZE);
    if (!space)
        return error_set(writer->error, ERROR_MEMORY, "no memory for a snapshot");
    uint32_t first = 0, count;
    bool good = true, more = true;
    while (good && more) {
        good = write_next(writer, &memory, &first, space, compress ? space + room : NULL);
        more = next_run(blocks, 1, &first, &count);
    }
    free(space);
    return good;
}
