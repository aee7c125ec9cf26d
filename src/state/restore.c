/* restore.c - sections as a guest. The mirror image of capture.c.
 *
 * A snapshot is untrusted. snapshot_open checks the structure and every checksum; snapshot_restore
 * checks every value against the module before it believes it. Memory is asked for only after the
 * bytes that justify it have been seen. */
#include <stdlib.h>

#include "state/cursor.h"
#include "state/format.h"
#include "state/hash.h"
#include "state/snapshot.h"

const char *section_name(uint32_t id)
{
    static const char *const names[] = {
        [SECTION_RUN] = "run",         [SECTION_FRAMES] = "frames", [SECTION_MEMORY] = "memory",
        [SECTION_GLOBALS] = "globals", [SECTION_TABLES] = "tables", [SECTION_SEGMENTS] = "segments",
        [SECTION_WASI] = "WASI",       [SECTION_MODULE] = "module", [SECTION_NOTES] = "notes",
    };
    if (id == SECTION_END)
        return "end";
    return id < sizeof names / sizeof *names && names[id] ? names[id] : "unknown";
}

static bool refuse(struct error *error, uint64_t offset, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: %s", reason);
}

/* The file. */

static bool open_header(struct snapshot *snapshot, struct error *error)
{
    const uint8_t *header = snapshot->bytes;
    if (snapshot->size < 8 || memcmp(header, SNAPSHOT_MAGIC, 8) != 0)
        return refuse(error, 0, "not a snapshot");
    if (snapshot->size < HEADER_SIZE)
        return refuse(error, snapshot->size, "cut short in its header");
    snapshot->version = get_le32(header + 8);
    if (get_le64(header + 56) != checksum_of(header, 56))
        return refuse(error, 0, "its header was changed (checksum)");
    if (snapshot->version > SNAPSHOT_VERSION)
        return error_set_at(error, ERROR_SNAPSHOT, 8,
                            "snapshot refused: written by a newer Yadokari, in version %u of the "
                            "format; this one reads up to version %u",
                            snapshot->version, SNAPSHOT_VERSION);
    if (snapshot->version == 0 || get_le32(header + 12) != 0)
        return refuse(error, 8, "no such version of the format");
    memcpy(snapshot->module_hash, header + 16, MODULE_HASH_SIZE);
    snapshot->module_size = get_le64(header + 48);
    return true;
}

static struct section *section_of(struct snapshot *snapshot, uint32_t id)
{
    switch (id) {
    case SECTION_RUN: return &snapshot->run;
    case SECTION_FRAMES: return &snapshot->frames;
    case SECTION_MEMORY: return &snapshot->memory;
    case SECTION_GLOBALS: return &snapshot->globals;
    case SECTION_TABLES: return &snapshot->tables;
    case SECTION_SEGMENTS: return &snapshot->segments;
    case SECTION_WASI: return &snapshot->wasi;
    case SECTION_MODULE: return &snapshot->module;
    case SECTION_NOTES: return &snapshot->notes;
    default: return NULL;
    }
}

static bool section_error(struct error *error, uint64_t offset, uint32_t id, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: section %s %s",
                        section_name(id), reason);
}

/* One section at *at; *at moves behind it. */
static bool open_section(struct snapshot *snapshot, size_t *at, uint32_t *last_id,
                         struct error *error)
{
    const uint8_t *start = snapshot->bytes + *at;
    size_t left = snapshot->size - *at;
    if (left < SECTION_HEADER_SIZE + CHECKSUM_SIZE)
        return refuse(error, *at, "cut short: its end is missing");
    uint32_t id = get_le32(start);
    uint64_t size = get_le64(start + 8);
    if (size > left - SECTION_HEADER_SIZE - CHECKSUM_SIZE)
        return section_error(error, *at, id, "is cut short, or its size was changed");
    size_t covered = SECTION_HEADER_SIZE + (size_t)size;
    if (get_le64(start + covered) != checksum_of(start, covered))
        return section_error(error, *at, id, "was changed (checksum)");
    struct section *section = section_of(snapshot, id);
    if ((!section && id != SECTION_END) || get_le32(start + 4) != 0)
        return error_set_at(error, ERROR_SNAPSHOT, *at, "snapshot refused: unknown section %u", id);
    if (id <= *last_id)
        return section_error(error, *at, id, "is out of order");
    if (section)
        *section = (struct section){start + SECTION_HEADER_SIZE, (size_t)size};
    else if (size != 0)
        return section_error(error, *at, id, "is not empty");
    *last_id = id;
    *at += covered + CHECKSUM_SIZE;
    return true;
}

static bool open_run(struct snapshot *snapshot, struct error *error)
{
    const uint8_t *run = snapshot->run.data;
    if (snapshot->run.size != 13 || run[0] > 1)
        return section_error(error, (uint64_t)(run - snapshot->bytes), SECTION_RUN, "is malformed");
    snapshot->started = run[0];
    snapshot->entry = get_le32(run + 1);
    snapshot->fuel_used = get_le64(run + 5);
    return true;
}

struct span snapshot_note(const struct snapshot *snapshot, const char *key)
{
    const uint8_t *at = snapshot->notes.data;
    const uint8_t *end = at ? at + snapshot->notes.size : NULL;
    size_t length = strlen(key);
    while (at != end) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            break;
        size_t size = (size_t)(line_end - at);
        if (size > length && memcmp(at, key, length) == 0 && at[length] == '=')
            return (struct span){at + length + 1, (uint32_t)(size - length - 1)};
        at = line_end + 1;
    }
    return (struct span){0};
}

bool snapshot_open(struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                   struct error *error)
{
    *snapshot = (struct snapshot){.bytes = bytes, .size = size};
    if (!open_header(snapshot, error))
        return false;
    size_t at = HEADER_SIZE;
    uint32_t last_id = 0;
    while (last_id != SECTION_END)
        if (!open_section(snapshot, &at, &last_id, error))
            return false;
    if (at != size)
        return refuse(error, at, "bytes follow its end");
    for (uint32_t id = SECTION_RUN; id <= SECTION_WASI; id++)
        if (!section_of(snapshot, id)->data)
            return section_error(error, size, id, "is missing");
    snapshot->module_path = snapshot_note(snapshot, "module");
    return open_run(snapshot, error);
}

static void hex(const uint8_t hash[MODULE_HASH_SIZE], char text[17])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < 16; i++)
        text[i] = digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
    text[16] = 0;
}

bool snapshot_check_module(const struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                           struct error *error)
{
    uint8_t hash[MODULE_HASH_SIZE];
    char wanted[17], found[17];
    module_hash(bytes, size, hash);
    if (size == snapshot->module_size && memcmp(hash, snapshot->module_hash, sizeof hash) == 0)
        return true;
    hex(snapshot->module_hash, wanted);
    hex(hash, found);
    return error_set(error, ERROR_SNAPSHOT,
                     "another module: the snapshot was taken of %s... (%llu bytes), this is %s... "
                     "(%llu bytes)",
                     wanted, (unsigned long long)snapshot->module_size, found,
                     (unsigned long long)size);
}

/* Frames. */

static bool restore_frame(struct cursor *cursor, struct execution *execution, struct buffer *values)
{
    struct frame frame = {.funcidx = cursor_u32(cursor)};
    uint8_t kind = cursor_u8(cursor);
    frame.offset = cursor_u32(cursor);
    frame.nlocals = cursor_u32(cursor);
    frame.noperands = cursor_u32(cursor);
    if (kind > SITE_HOST_CALL)
        return cursor_refuse(cursor, "has a frame at an unknown kind of site");
    frame.kind = (enum site_kind)kind;
    uint64_t count = (uint64_t)frame.nlocals + frame.noperands;
    if (!cursor->good || count > cursor_room(cursor, 5))
        return cursor_refuse(cursor, "ends too early");
    values->size = 0;
    struct typed_value *all =
        (struct typed_value *)(void *)buffer_extend(values, ((size_t)count + 1) * sizeof *all);
    if (!all)
        return error_set(cursor->error, ERROR_MEMORY, "no memory for a frame");
    for (uint64_t i = 0; i < count; i++)
        if (!cursor_value(cursor, &all[i]))
            return false;
    frame.values = all;
    return execution_push_frame(execution, &frame, cursor->error);
}

static bool restore_frames(const struct snapshot *snapshot, struct execution *execution,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_FRAMES, &snapshot->frames, error);
    struct buffer values = {0};
    bool good = true;
    for (uint32_t count = cursor_u32(&cursor); good && cursor.good && count > 0; count--)
        good = restore_frame(&cursor, execution, &values);
    buffer_free(&values);
    good = good && cursor_end(&cursor);
    /* also frees what pushing has kept */
    return execution_seal_frames(execution, good ? error : NULL) && good;
}

/* Memory: checked as a whole first, then copied. */

static bool check_runs(struct cursor cursor, uint32_t runs, uint64_t blocks)
{
    uint64_t next = 0;
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
        if (!cursor.good)
            return false;
        if (count == 0 || first < next + (i > 0) || (uint64_t)first + count > blocks)
            return cursor_refuse(&cursor, "has runs of blocks that overlap, touch or lie outside");
        next = (uint64_t)first + count;
        if (count > cursor_room(&cursor, BLOCK_SIZE))
            return cursor_refuse(&cursor, "ends too early");
        cursor_take(&cursor, (size_t)count * BLOCK_SIZE);
    }
    return cursor_end(&cursor);
}

static bool restore_memory(const struct snapshot *snapshot, struct instance *instance,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_MEMORY, &snapshot->memory, error);
    struct memory *memory = instance->memory;
    uint8_t present = cursor_u8(&cursor);
    uint32_t pages = cursor_u32(&cursor), runs = cursor_u32(&cursor);
    if (!cursor.good)
        return false;
    if (present != (memory != NULL))
        return cursor_refuse(&cursor, "does not fit the module, which has one memory or none");
    if (!memory)
        return pages + runs == 0 ? cursor_end(&cursor) : cursor_refuse(&cursor, "is malformed");
    if (pages < memory->pages || pages > memory->max_pages)
        return error_set(error, ERROR_SNAPSHOT,
                         "snapshot refused: section memory has %u pages; the module allows %u to "
                         "%u here",
                         pages, memory->pages, memory->max_pages);
    if (!check_runs(cursor, runs, (uint64_t)pages * (65536 / BLOCK_SIZE)))
        return false;
    if (memory_grow(memory, pages - memory->pages) == UINT32_MAX)
        return error_set(error, ERROR_MEMORY, "no memory for the guest's %u pages", pages);
    while (runs--) {
        uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
        size_t size = (size_t)count * BLOCK_SIZE;
        memcpy(memory->base + (size_t)first * BLOCK_SIZE, cursor_take(&cursor, size), size);
    }
    return cursor_end(&cursor);
}

/* Globals, tables, segments. */

static bool is_value(const struct instance *instance, const struct typed_value *value,
                     union value bits)
{
    struct typed_value present;
    return value_out(instance, value->type, bits, &present, NULL) && present.bits == value->bits;
}

static bool restore_globals(const struct snapshot *snapshot, struct instance *instance,
                            struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_GLOBALS, &snapshot->globals, error);
    if (cursor_u32(&cursor) != instance->module->nglobals)
        return cursor_refuse(&cursor, "has another number of globals than the module");
    for (uint32_t i = 0; cursor.good && i < instance->module->nglobals; i++) {
        struct global_instance *global = instance->globals[i];
        struct typed_value value;
        union value bits;
        if (!cursor_value(&cursor, &value))
            return false;
        if (value.type != global->type.type || !value_in(instance, &value, &bits))
            return cursor_refuse(&cursor, "has a global that the module cannot have");
        if (!global->type.mutable && !is_value(instance, &value, global->value))
            return cursor_refuse(&cursor, "changes an immutable global");
        global->value = bits;
    }
    return cursor_end(&cursor);
}

static bool restore_table(struct cursor *cursor, struct instance *instance, struct table *table)
{
    uint8_t type = cursor_u8(cursor);
    uint32_t size = cursor_u32(cursor);
    if (!cursor->good)
        return false;
    if (type != table->type.element || size < table->size || size > table->max)
        return cursor_refuse(cursor, "has a table that the module cannot have");
    if (size > cursor_room(cursor, 4))
        return cursor_refuse(cursor, "ends too early");
    if (table_grow(table, size - table->size, 0) == UINT32_MAX)
        return error_set(cursor->error, ERROR_MEMORY, "no memory for a table of %u elements", size);
    for (uint32_t i = 0; i < size; i++)
        if (!reference_of_bits(instance, type, cursor_u32(cursor), &table->elements[i]))
            return cursor_refuse(cursor, "has an element that is no function of the module");
    return true;
}

static bool restore_tables(const struct snapshot *snapshot, struct instance *instance,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_TABLES, &snapshot->tables, error);
    if (cursor_u32(&cursor) != instance->module->ntables)
        return cursor_refuse(&cursor, "has another number of tables than the module");
    for (uint32_t i = 0; i < instance->module->ntables; i++)
        if (!restore_table(&cursor, instance, instance->tables[i]))
            return false;
    return cursor_end(&cursor);
}

static bool take_flags(struct cursor *cursor, bool *flags, uint32_t count)
{
    if (cursor_u32(cursor) != count)
        return cursor_refuse(cursor, "has another number of segments than the module");
    for (uint32_t i = 0; cursor->good && i < count; i++) {
        uint8_t flag = cursor_u8(cursor);
        if (flag > 1)
            return cursor_refuse(cursor, "has a flag that is neither 0 nor 1");
        flags[i] = flag;
    }
    return cursor->good;
}

static bool restore_segments(const struct snapshot *snapshot, struct instance *instance,
                             struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_SEGMENTS, &snapshot->segments, error);
    return take_flags(&cursor, instance->dropped_elems, instance->module->nelems) &&
           take_flags(&cursor, instance->dropped_datas, instance->module->ndatas) &&
           cursor_end(&cursor);
}

static bool check_run(const struct snapshot *snapshot, const struct module *module,
                      struct error *error)
{
    bool fits = snapshot->started ? snapshot->entry < module->nfuncs : module->has_start;
    return fits || section_error(error, HEADER_SIZE, SECTION_RUN,
                                 "names a function that the module does not have");
}

bool snapshot_restore(const struct snapshot *snapshot, struct instance *instance,
                      struct execution *execution, struct error *error)
{
    if (!check_run(snapshot, instance->module, error) ||
        !restore_frames(snapshot, execution, error) || !restore_memory(snapshot, instance, error) ||
        !restore_globals(snapshot, instance, error) || !restore_tables(snapshot, instance, error) ||
        !restore_segments(snapshot, instance, error))
        return false;
    execution->fuel_used = snapshot->fuel_used;
    return true;
}
