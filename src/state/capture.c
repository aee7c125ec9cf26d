/* capture.c - a guest as sections. The mirror image of rebuild.c. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/utf8.h"
#include "exec/reach.h"
#include "state/block.h"
#include "state/call.h"
#include "state/delta.h"
#include "state/writer.h"

static bool write_any(void *context, const void *data, size_t size, struct error *error)
{
    (void)error;
    return write_bytes(context, data, size);
}

static bool write_progress(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    buffer_put_u8(&buffer, guest->started);
    buffer_put_u32(&buffer, guest->entry);
    buffer_put_u64(&buffer, guest->execution->fuel_used);
    return write_buffer(writer, SECTION_RUN, &buffer);
}

/* Frames. */

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

struct guest_memory {
    const struct memory *memory;
    const uint64_t *now, *before; /* NULL without a base: hashes of the blocks */
};

_Static_assert(BLOCK_SIZE == MEMORY_VIEW, "a block is seen at once");

static const uint8_t *memory_block(const void *context, uint32_t index)
{
    const struct guest_memory *guest = context;
    if (guest->now && (!guest->now[index] || guest->now[index] == guest->before[index]))
        return NULL;
    const uint8_t *block = memory_view(guest->memory, index * BLOCK_SIZE);
    return guest->now || !block_is_zero(block) ? block : NULL;
}

static bool write_guest_memory(struct writer *writer, const struct guest *guest,
                               const struct delta *delta, bool compress)
{
    const struct memory *memory = guest->instance->memory;
    struct guest_memory of = {memory, delta->now, delta->before};
    struct blocks blocks = {memory ? (uint32_t)(memory->size / BLOCK_SIZE) : 0, memory_block, &of};
    return write_memory(writer, memory != NULL, memory ? memory->pages : 0, &blocks, compress);
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

/* Device and inode of what the guest has open. */
static void put_files(struct buffer *buffer, const struct wasi_files *files)
{
    struct buffer directories = {0}, opened = {0};
    wasi_files_note(files, &directories, &opened);
    buffer_put_u8(&directories, 0);
    buffer_put_u8(&opened, 0);
    buffer->failed |= directories.failed || opened.failed;
    if (!buffer->failed && opened.size > 1) {
        put_note(buffer, "directories", (const char *)directories.data);
        put_note(buffer, "files", (const char *)opened.data);
    }
    buffer_free(&directories);
    buffer_free(&opened);
}

static bool write_notes(struct writer *writer, const struct guest *guest,
                        const struct capture_options *options, const struct wasi_files *files)
{
    struct buffer buffer = {0};
    char seconds[40];
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    if (options->base)
        put_note(&buffer, "base", options->base_note ? options->base_note : options->base);
    if (files)
        put_files(&buffer, files);
    snprintf(seconds, sizeof seconds, "%lld.%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000);
    if (options->host)
        put_note(&buffer, "host", options->host);
    const char *module = options->module_note ? options->module_note : guest->module_path;
    if (module)
        put_note(&buffer, "module", module);
    put_note(&buffer, "time", seconds);
    return write_buffer(writer, SECTION_NOTES, &buffer);
}

/* The oldest version of the format that has all that is in it. */
static uint32_t version_for(const struct guest *guest, const struct capture_options *options,
                            uint64_t files_size)
{
    return !options->compress       ? 6
           : call_is_pending(guest) ? 5
           : options->base          ? 4
           : files_size             ? 3
                                    : 2;
}

static bool write_base(struct writer *writer, const struct delta *delta)
{
    struct buffer buffer = {0};
    delta_put(delta, &buffer);
    return write_buffer(writer, SECTION_BASE, &buffer);
}

static bool write_all(struct writer *writer, const struct guest *guest,
                      const struct capture_options *options, const struct delta *delta,
                      const struct wasi_files *files, uint64_t files_size)
{
    return write_header(writer, version_for(guest, options, files_size), guest->module_hash,
                        guest->module->size) &&
           write_progress(writer, guest) && write_frames(writer, guest) &&
           write_guest_memory(writer, guest, delta, options->compress) &&
           write_globals(writer, guest) && write_tables(writer, guest) &&
           write_segments(writer, guest) && write_wasi(writer, guest) &&
           (!options->embed_module ||
            write_section(writer, SECTION_MODULE, guest->module->bytes, guest->module->size)) &&
           (options->reproducible || write_notes(writer, guest, options, files)) &&
           (files_size == 0 || write_files(writer, files, files_size)) &&
           (!options->base || write_base(writer, delta)) &&
           (!call_is_pending(guest) || write_call(writer, guest)) &&
           write_section(writer, SECTION_END, NULL, 0);
}

bool snapshot_capture(const struct guest *guest, const struct capture_options *options,
                      const struct sink *sink, struct error *error)
{
    struct writer writer;
    struct delta delta = {0};
    struct wasi_files *files = NULL;
    uint64_t files_size = 0;
    struct wasi_carry carry = options->carry;
    carry.times = !options->reproducible;
    bool good = writer_begin(&writer, sink, error) &&
                delta_begin(&delta, options->base, options->unwrapping, guest, error);
    if (good && guest->wasi)
        good = wasi_files_begin(&files, guest->wasi, &carry, &files_size, error);
    good = good && write_all(&writer, guest, options, &delta, files, files_size);
    wasi_files_end(files);
    delta_end(&delta);
    writer_end(&writer);
    return good;
}
