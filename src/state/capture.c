/* capture.c - a guest as sections. The mirror image of restore.c. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "state/format.h"
#include "state/hash.h"
#include "state/parts.h"
#include "state/snapshot.h"
#include "wasm/utf8.h"

struct writer {
    const struct sink *sink;
    struct checksum *checksum; /* of the section that is being written */
    struct error *error;
};

static bool write_bytes(struct writer *writer, const void *data, size_t size)
{
    checksum_add(writer->checksum, data, size);
    return size == 0 || writer->sink->write(writer->sink->context, data, size, writer->error);
}

static bool write_any(void *context, const void *data, size_t size, struct error *error)
{
    (void)error;
    return write_bytes(context, data, size);
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

static bool begin_section(struct writer *writer, enum section_id id, uint64_t size)
{
    return begin_section_stored(writer, id, STORED_PLAIN, size);
}

static bool end_section(struct writer *writer)
{
    uint8_t bytes[CHECKSUM_SIZE];
    put_le64(bytes, checksum_value(writer->checksum));
    return write_bytes(writer, bytes, sizeof bytes);
}

static bool write_section(struct writer *writer, enum section_id id, const void *data, size_t size)
{
    return begin_section(writer, id, size) && write_bytes(writer, data, size) &&
           end_section(writer);
}

/* Writes a section that was put together in memory, and frees the buffer. */
static bool write_buffer(struct writer *writer, enum section_id id, struct buffer *buffer)
{
    bool good = buffer->failed ? error_set(writer->error, ERROR_MEMORY, "no memory for the %s",
                                           section_name(id))
                               : write_section(writer, id, buffer->data, buffer->size);
    buffer_free(buffer);
    return good;
}

static bool write_header(struct writer *writer, const struct guest *guest, uint32_t version)
{
    uint8_t header[HEADER_SIZE] = {0};
    memcpy(header, SNAPSHOT_MAGIC, 8);
    put_le32(header + 8, version);
    memcpy(header + 16, guest->module_hash, MODULE_HASH_SIZE);
    put_le64(header + 48, guest->module->size);
    put_le64(header + 56, checksum_of(header, 56));
    return writer->sink->write(writer->sink->context, header, sizeof header, writer->error);
}

static bool write_run(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    buffer_put_u8(&buffer, guest->started);
    buffer_put_u32(&buffer, guest->entry);
    buffer_put_u64(&buffer, guest->execution->fuel_used);
    return write_buffer(writer, SECTION_RUN, &buffer);
}

/* Frames. */

static void put_value(struct buffer *buffer, const struct typed_value *value)
{
    buffer_put_u8(buffer, value->type);
    if (value->type == TYPE_I64 || value->type == TYPE_F64)
        buffer_put_u64(buffer, value->bits);
    else
        buffer_put_u32(buffer, (uint32_t)value->bits);
}

struct frames {
    struct buffer buffer;
    uint32_t count;
};

static bool put_frame(void *context, const struct frame *frame)
{
    struct frames *frames = context;
    struct buffer *buffer = &frames->buffer;
    frames->count++;
    buffer_put_u32(buffer, frame->funcidx);
    buffer_put_u8(buffer, (uint8_t)frame->kind);
    buffer_put_u32(buffer, frame->offset);
    buffer_put_u32(buffer, frame->nlocals);
    buffer_put_u32(buffer, frame->noperands);
    for (uint32_t i = 0; i < frame->nlocals + frame->noperands; i++)
        put_value(buffer, &frame->values[i]);
    return true;
}

static bool write_frames(struct writer *writer, const struct guest *guest)
{
    struct frames frames = {0};
    buffer_put_u32(&frames.buffer, 0);
    if (!execution_frames(guest->execution, put_frame, &frames, writer->error)) {
        buffer_free(&frames.buffer);
        return false;
    }
    if (!frames.buffer.failed)
        put_le32(frames.buffer.data, frames.count);
    return write_buffer(writer, SECTION_FRAMES, &frames.buffer);
}

/* Memory. */

/* The next run of blocks that are not zero, from *first on; false when there is none. */
static bool next_run(const struct memory *memory, uint32_t *first, uint32_t *count)
{
    uint32_t blocks = (uint32_t)(memory->size / BLOCK_SIZE), at = *first;
    while (at < blocks && block_is_zero(memory->base + (size_t)at * BLOCK_SIZE))
        at++;
    *first = at;
    while (at < blocks && !block_is_zero(memory->base + (size_t)at * BLOCK_SIZE))
        at++;
    *count = at - *first;
    return *count > 0;
}

static bool write_runs(struct writer *writer, const struct memory *memory)
{
    uint32_t first = 0, count;
    for (; next_run(memory, &first, &count); first += count) {
        uint8_t head[8];
        put_le32(head, first);
        put_le32(head + 4, count);
        if (!write_bytes(writer, head, sizeof head) ||
            !write_bytes(writer, memory->base + (size_t)first * BLOCK_SIZE,
                         (size_t)count * BLOCK_SIZE))
            return false;
    }
    return true;
}

static bool write_memory(struct writer *writer, const struct guest *guest)
{
    const struct memory *memory = guest->instance->memory;
    uint32_t runs = 0, first = 0, count;
    uint64_t size = 9;
    for (; memory && next_run(memory, &first, &count); first += count, runs++)
        size += 8 + (uint64_t)count * BLOCK_SIZE;
    uint8_t head[9] = {memory != NULL};
    put_le32(head + 1, memory ? memory->pages : 0);
    put_le32(head + 5, runs);
    return begin_section(writer, SECTION_MEMORY, size) && write_bytes(writer, head, sizeof head) &&
           (!memory || write_runs(writer, memory)) && end_section(writer);
}

/* The next part: its head, and up to PART_BLOCKS blocks from *first on. */
static uint32_t fill_part(const struct memory *memory, uint32_t *first, uint8_t *bytes)
{
    uint32_t room = PART_BLOCKS, runs = 0, count;
    uint8_t *at = bytes + 9;
    for (; memory && room && next_run(memory, first, &count); *first += count, runs++) {
        count = count < room ? count : room;
        room -= count;
        put_le32(at, *first);
        put_le32(at + 4, count);
        memcpy(at + 8, memory->base + (size_t)*first * BLOCK_SIZE, (size_t)count * BLOCK_SIZE);
        at += 8 + (size_t)count * BLOCK_SIZE;
    }
    bytes[0] = memory != NULL;
    put_le32(bytes + 1, memory ? memory->pages : 0);
    put_le32(bytes + 5, runs);
    return (uint32_t)(at - bytes);
}

static bool write_parts(struct writer *writer, const struct memory *memory, uint8_t *bytes,
                        uint8_t *payload)
{
    uint32_t first = 0;
    bool good = true, more = true;
    while (good && more) {
        uint32_t size = fill_part(memory, &first, bytes), count;
        size_t stored = part_pack(bytes, size, payload, PART_ROOM);
        good = begin_section_stored(writer, SECTION_MEMORY, STORED_LZ4, stored) &&
               write_bytes(writer, payload, stored) && end_section(writer);
        more = memory && next_run(memory, &first, &count);
    }
    return good;
}

static bool write_memory_packed(struct writer *writer, const struct guest *guest)
{
    uint8_t *space = malloc(PART_SIZE + PART_ROOM);
    bool good = space ? write_parts(writer, guest->instance->memory, space, space + PART_SIZE)
                      : error_set(writer->error, ERROR_MEMORY, "no memory for a snapshot");
    free(space);
    return good;
}

/* Globals, tables, segments. */

static bool write_globals(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    const struct instance *instance = guest->instance;
    buffer_put_u32(&buffer, guest->module->nglobals);
    for (uint32_t i = 0; i < guest->module->nglobals; i++) {
        const struct global_instance *global = instance->globals[i];
        struct typed_value value;
        if (!value_out(instance, global->type.type, global->value, &value, writer->error)) {
            buffer_free(&buffer);
            return false;
        }
        put_value(&buffer, &value);
    }
    return write_buffer(writer, SECTION_GLOBALS, &buffer);
}

static bool write_table(struct writer *writer, const struct instance *instance,
                        const struct table *table)
{
    uint8_t bytes[1024] = {table->type.element};
    size_t used = 5;
    put_le32(bytes + 1, table->size);
    for (uint32_t i = 0; i < table->size; i++) {
        uint64_t bits;
        if (!reference_bits(instance, table->type.element, table->elements[i], &bits,
                            writer->error))
            return false;
        if (used + 4 > sizeof bytes) {
            if (!write_bytes(writer, bytes, used))
                return false;
            used = 0;
        }
        put_le32(bytes + used, (uint32_t)bits);
        used += 4;
    }
    return write_bytes(writer, bytes, used);
}

static bool write_tables(struct writer *writer, const struct guest *guest)
{
    uint32_t ntables = guest->module->ntables;
    uint64_t size = 4;
    for (uint32_t i = 0; i < ntables; i++)
        size += 5 + 4 * (uint64_t)guest->instance->tables[i]->size;
    uint8_t count[4];
    put_le32(count, ntables);
    if (!begin_section(writer, SECTION_TABLES, size) || !write_bytes(writer, count, sizeof count))
        return false;
    for (uint32_t i = 0; i < ntables; i++)
        if (!write_table(writer, guest->instance, guest->instance->tables[i]))
            return false;
    return end_section(writer);
}

static void put_flags(struct buffer *buffer, const bool *flags, uint32_t count)
{
    buffer_put_u32(buffer, count);
    for (uint32_t i = 0; i < count; i++)
        buffer_put_u8(buffer, flags[i]);
}

static bool write_segments(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    put_flags(&buffer, guest->instance->dropped_elems, guest->module->nelems);
    put_flags(&buffer, guest->instance->dropped_datas, guest->module->ndatas);
    return write_buffer(writer, SECTION_SEGMENTS, &buffer);
}

static bool write_wasi(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    if (guest->wasi && !wasi_save(guest->wasi, &buffer, writer->error)) {
        buffer_free(&buffer);
        return false;
    }
    return write_buffer(writer, SECTION_WASI, &buffer);
}

/* `size` bytes, of which the guest's files are a part. */
static bool write_files(struct writer *writer, const struct wasi_files *files, uint64_t size)
{
    struct wasi_sink sink = {write_any, writer};
    return begin_section(writer, SECTION_FILES, size) &&
           wasi_files_write(files, &sink, writer->error) && end_section(writer);
}

/* Notes: a line each, by ascending key. What a terminal could take for a command becomes '?'. */

static bool is_control(const uint8_t *at)
{
    return at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0);
}

static void put_note(struct buffer *buffer, const char *key, const char *value)
{
    const uint8_t *at = (const uint8_t *)value;
    bool valid = utf8_valid(at, (uint32_t)strlen(value));
    buffer_put(buffer, key, strlen(key));
    buffer_put_u8(buffer, '=');
    for (; *at; at++) {
        bool shown = (valid || *at < 0x80) && !is_control(at);
        buffer_put_u8(buffer, shown ? *at : '?');
        if (!shown && valid && *at >= 0x80)
            at++;
    }
    buffer_put_u8(buffer, '\n');
}

static bool write_notes(struct writer *writer, const struct guest *guest,
                        const struct capture_options *options)
{
    struct buffer buffer = {0};
    char seconds[40];
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    snprintf(seconds, sizeof seconds, "%lld.%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000);
    if (options->host)
        put_note(&buffer, "host", options->host);
    if (guest->module_path)
        put_note(&buffer, "module", guest->module_path);
    put_note(&buffer, "time", seconds);
    return write_buffer(writer, SECTION_NOTES, &buffer);
}

/* The oldest version of the format that has all that is in it. */
static uint32_t version_for(const struct capture_options *options, uint64_t files_size)
{
    return files_size ? 3 : options->compress ? 2 : 1;
}

static bool write_all(struct writer *writer, const struct guest *guest,
                      const struct capture_options *options, const struct wasi_files *files,
                      uint64_t files_size)
{
    return write_header(writer, guest, version_for(options, files_size)) &&
           write_run(writer, guest) && write_frames(writer, guest) &&
           (options->compress ? write_memory_packed(writer, guest) : write_memory(writer, guest)) &&
           write_globals(writer, guest) && write_tables(writer, guest) &&
           write_segments(writer, guest) && write_wasi(writer, guest) &&
           (!options->embed_module ||
            write_section(writer, SECTION_MODULE, guest->module->bytes, guest->module->size)) &&
           (options->reproducible || write_notes(writer, guest, options)) &&
           (files_size == 0 || write_files(writer, files, files_size)) &&
           write_section(writer, SECTION_END, NULL, 0);
}

bool snapshot_capture(const struct guest *guest, const struct capture_options *options,
                      const struct sink *sink, struct error *error)
{
    struct writer writer = {sink, checksum_create(), error};
    struct wasi_files *files = NULL;
    uint64_t files_size = 0;
    struct wasi_carry carry = options->carry;
    carry.times = !options->reproducible;
    bool good = writer.checksum || error_set(error, ERROR_MEMORY, "no memory for a snapshot");
    if (good && guest->wasi)
        good = wasi_files_begin(&files, guest->wasi, &carry, &files_size, error);
    good = good && write_all(&writer, guest, options, files, files_size);
    wasi_files_end(files);
    checksum_destroy(writer.checksum);
    return good;
}
