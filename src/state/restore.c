/* restore.c - sections as a guest. The mirror image of capture.c.
 *
 * A snapshot is untrusted. snapshot_open checks the structure and every checksum; snapshot_restore
 * checks every value against the module before it believes it. Memory is asked for only after the
 * bytes that justify it have been seen. */
#include <stdlib.h>

#include "base/utf8.h"
#include "exec/reach.h"
#include "state/block.h"
#include "state/call.h"
#include "state/cursor.h"
#include "state/format.h"
#include "state/hash.h"
#include "state/memory.h"
#include "state/replica.h"
#include "state/snapshot.h"

static bool refuse(struct error *error, uint64_t offset, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: %s", reason);
}

/* The file. */

static bool open_header(struct snapshot *snapshot, struct error *error)
{
    const uint8_t *header = snapshot->bytes;
    size_t magic = snapshot->size < 8 ? snapshot->size : 8;
    if (snapshot->size == 0)
        return refuse(error, 0, "not a snapshot, but an empty file");
    if (magic == 8 && memcmp(header, ENVELOPE_MAGIC, 8) == 0)
        return refuse(error, 0, "it is signed or encrypted, and only the native yado opens that");
    if (memcmp(header, SNAPSHOT_MAGIC, magic) != 0)
        return refuse(error, 0, "not a snapshot");
    if (snapshot->size < HEADER_SIZE)
        return refuse(error, snapshot->size, "cut short: its header is not all there");
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
    case SECTION_CALL: return snapshot->version >= 5 ? &snapshot->call : NULL;
    case SECTION_BASE: return snapshot->version >= 4 ? &snapshot->base : NULL;
    case SECTION_FILES: return snapshot->version >= 3 ? &snapshot->files : NULL;
    default: return NULL;
    }
}

static bool section_error(struct error *error, uint64_t offset, uint32_t id, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: section %s %s",
                        section_name(id), reason);
}

/* How a section is stored; parts of the memory are many sections of one id. */
static bool stored_well(const struct snapshot *snapshot, uint32_t id, uint32_t how)
{
    uint32_t other = snapshot->version >= 6   ? STORED_PACKED
                     : snapshot->version >= 2 ? STORED_LZ4
                                              : STORED_PLAIN;
    return how == STORED_PLAIN || (id == SECTION_MEMORY && how == other);
}

static void add_part(struct snapshot *snapshot, const uint8_t *start, size_t size)
{
    if (snapshot->memory_parts++ == 0)
        snapshot->memory = (struct section){start, size};
    else
        snapshot->memory.size += size;
}

/* One section at *at; *at moves behind it. */
static bool open_section(struct snapshot *snapshot, size_t *at, uint32_t *last_id,
                         struct error *error)
{
    const uint8_t *start = snapshot->bytes + *at;
    size_t left = snapshot->size - *at;
    if (left < SECTION_HEADER_SIZE)
        return refuse(error, *at, "cut short: its end is missing");
    uint32_t id = get_le16(start);
    uint64_t size = get_le64(start + 4);
    if (get_le32(start + 12) != section_check(start))
        return error_set_at(error, ERROR_SNAPSHOT, *at,
                            "snapshot refused: the header of the section after %s was changed "
                            "(checksum)",
                            *last_id ? section_name(*last_id) : "the file's header");
    left -= SECTION_HEADER_SIZE;
    if (left < CHECKSUM_SIZE || size > left - CHECKSUM_SIZE)
        return section_error(error, *at, id, "is cut short");
    size_t covered = SECTION_HEADER_SIZE + (size_t)size;
    if (get_le64(start + covered) != checksum_of(start, covered))
        return section_error(error, *at, id, "was changed (checksum)");
    struct section *section = section_of(snapshot, id);
    uint32_t how = get_le16(start + 2);
    if ((!section && id != SECTION_END) || !stored_well(snapshot, id, how))
        return error_set_at(error, ERROR_SNAPSHOT, *at,
                            "snapshot refused: unknown section %u, flags %u", id, how);
    bool part = id == SECTION_MEMORY && (how != STORED_PLAIN || snapshot->version >= 6);
    if (id <= *last_id && !(part && *last_id == id && snapshot->memory_parts))
        return section_error(error, *at, id, "is out of order");
    if (part)
        add_part(snapshot, start, covered + CHECKSUM_SIZE);
    else if (section)
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

/* One line of the notes; `last` is the key of the line before. */
static bool open_note(struct cursor *cursor, struct span *last)
{
    const uint8_t *start = cursor->at;
    size_t left = (size_t)(cursor->end - start), size = 0;
    while (size < left && ((start[size] >= 'a' && start[size] <= 'z') || start[size] == '-'))
        size++;
    if (size == 0 || size == left || start[size] != '=')
        return cursor_refuse(cursor, "has a line that is not key=value");
    size_t common = size < last->size ? size : last->size;
    int order = common ? memcmp(last->data, start, common) : 0;
    if (order > 0 || (order == 0 && last->size >= size))
        return cursor_refuse(cursor, "has its lines out of order");
    *last = (struct span){start, (uint32_t)size};
    cursor->at += size + 1;
    for (; cursor->at != cursor->end && *cursor->at != '\n'; cursor->at++)
        if (*cursor->at < 0x20 || *cursor->at == 0x7F ||
            (*cursor->at == 0xC2 && cursor->at[1] < 0xA0))
            return cursor_refuse(cursor, "has a control character in it");
    return *cursor_take(cursor, 1) == '\n';
}

/* What is in the notes may go to a terminal as it is. */
static bool open_notes(const struct snapshot *snapshot, struct error *error)
{
    if (!snapshot->notes.data)
        return true;
    struct cursor cursor = cursor_of(snapshot, SECTION_NOTES, &snapshot->notes, error);
    struct span last = {0};
    if (snapshot->notes.size == 0 || snapshot->notes.size > UINT32_MAX ||
        !utf8_valid(snapshot->notes.data, (uint32_t)snapshot->notes.size))
        return cursor_refuse(&cursor, "is empty or not UTF-8");
    while (cursor.good && cursor.at != cursor.end)
        if (!open_note(&cursor, &last))
            return false;
    return cursor.good;
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

static uint32_t oldest_version(const struct snapshot *snapshot)
{
    return snapshot->version >= 6   ? 6
           : snapshot->call.data    ? 5
           : snapshot->base.data    ? 4
           : snapshot->files.data   ? 3
           : snapshot->memory_parts ? 2
                                    : 1;
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
    if (snapshot->module.data && snapshot->module.size != snapshot->module_size)
        return section_error(error, (uint64_t)(snapshot->module.data - bytes), SECTION_MODULE,
                             "has another size than the header says");
    if (snapshot->version != oldest_version(snapshot))
        return refuse(error, 8, "written in another version of the format than it needs");
    snapshot->compressed = snapshot->memory_parts && snapshot->version < 6;
    if (!open_run(snapshot, error) || !open_call(snapshot, error) || !open_notes(snapshot, error))
        return false;
    snapshot->module_path = snapshot_note(snapshot, "module");
    return true;
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
    digest_of(bytes, size, hash);
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
    const uint8_t *start = cursor->at;
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
    return execution_push_frame(execution, &frame, cursor->error) || cursor_explain(cursor, start);
}

static bool same_results(const struct functype *a, const struct functype *b)
{
    return a->nresults == b->nresults &&
           (a->nresults == 0 ||
            memcmp(a->types + a->nparams, b->types + b->nparams, a->nresults) == 0);
}

/* The outermost frame is what was called, or what that has tail-called: whoever reads the results
 * relies on their types. */
static bool check_outermost(struct cursor cursor, const struct module *module, uint32_t called)
{
    uint32_t funcidx = cursor_u32(&cursor);
    if (!cursor.good)
        return false;
    if (funcidx == called ||
        (module->has_tail_calls && funcidx < module->nfuncs &&
         same_results(module_functype(module, funcidx), module_functype(module, called))))
        return true;
    cursor.at -= 4;
    return cursor_refuse(&cursor, "has another function outermost than what runs");
}

static bool restore_frames(const struct snapshot *snapshot, struct execution *execution,
                           struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_FRAMES, &snapshot->frames, error);
    struct buffer values = {0};
    const struct module *module = execution->instance->module;
    uint32_t count = cursor_u32(&cursor);
    bool good = count == 0
                    ? cursor.good
                    : check_outermost(cursor, module,
                                      snapshot->started                    ? snapshot->entry
                                      : snapshot->stage == INITIALIZE_RUNS ? snapshot->initialize
                                                                           : module->start);
    for (; good && count > 0; count--)
        good = restore_frame(&cursor, execution, &values);
    buffer_free(&values);
    good = good && cursor_end(&cursor);
    /* also frees what pushing has kept */
    bool sealed = execution_seal_frames(execution, good ? error : NULL);
    return good && (sealed || cursor_explain(&cursor, cursor.at));
}

/* Memory: checked as a whole first, then copied, when everything else has been checked too: only
 * here can a small file ask for much. */

static bool check_blocks(struct cursor *cursor, uint32_t count)
{
    for (; count > 0; count--)
        if (block_is_zero(cursor_take(cursor, BLOCK_SIZE)))
            return cursor_refuse(cursor, "has a block of zeros only");
    return true;
}

/* Runs ascend through all parts of the memory; `next` is the block after those before. */
static bool check_runs(struct cursor *cursor, uint32_t runs, uint64_t blocks, uint64_t *next)
{
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t first = cursor_u32(cursor), count = cursor_u32(cursor);
        if (!cursor->good)
            return false;
        if (count == 0 || first < *next + (i > 0) || (uint64_t)first + count > blocks)
            return cursor_refuse(cursor, "has runs of blocks that overlap, touch or lie outside");
        *next = (uint64_t)first + count;
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        if (!check_blocks(cursor, count))
            return false;
    }
    return cursor_end(cursor);
}

/* One part: `pages` is what the parts before it say, or 0. */
static bool check_part(struct cursor *cursor, const struct memory *memory, uint32_t *pages,
                       uint64_t *next)
{
    uint8_t present = cursor_u8(cursor);
    uint32_t size = cursor_u32(cursor), runs = cursor_u32(cursor);
    if (!cursor->good)
        return false;
    if (present != (memory != NULL))
        return cursor_refuse(cursor, "does not fit the module, which has one memory or none");
    if (!memory)
        return (size | runs) == 0 ? cursor_end(cursor) : cursor_refuse(cursor, "is malformed");
    if (size < memory->pages || size > memory->max_pages)
        return error_set_at(
            cursor->error, ERROR_SNAPSHOT,
            (uint64_t)((cursor->place ? cursor->place : cursor->at) - cursor->snapshot->bytes),
            "snapshot refused: section memory has %u pages; the module allows %u to "
            "%u here",
            size, memory->pages, memory->max_pages);
    if (*next && (size != *pages || runs == 0))
        return cursor_refuse(cursor, "has parts that do not belong together");
    *pages = size;
    return check_runs(cursor, runs, (uint64_t)size * BLOCKS_PER_PAGE, next);
}

static bool check_memory(struct memory_parts *parts, const struct memory *memory, uint32_t *pages)
{
    struct cursor cursor;
    uint64_t next = 0;
    bool good, first = true;
    for (; memory_parts_next(parts, &cursor, &good); first = false) {
        if (!first && next == 0)
            return cursor_refuse(&cursor, "has parts that do not belong together");
        if (!check_part(&cursor, memory, pages, &next))
            return false;
    }
    return good;
}

/* What check_memory has found good. */
static bool copy_memory(struct memory_parts *parts, struct memory *memory)
{
    struct cursor cursor;
    bool good;
    while (memory_parts_next(parts, &cursor, &good)) {
        cursor_take(&cursor, 5);
        for (uint32_t runs = cursor_u32(&cursor); memory && runs > 0; runs--) {
            uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
            size_t size = (size_t)count * BLOCK_SIZE;
            memory_put(memory, first * BLOCK_SIZE, cursor_take(&cursor, size), size);
        }
    }
    return good;
}

bool memory_check(const struct snapshot *snapshot, const struct memory *memory, uint32_t *pages,
                  struct error *error)
{
    struct memory_parts parts;
    bool good = memory_parts_begin(&parts, snapshot, error);
    good = good && check_memory(&parts, memory, pages);
    memory_parts_end(&parts);
    return good;
}

static bool restore_memory(const struct snapshot *snapshot, struct instance *instance,
                           struct error *error)
{
    struct memory *memory = instance->memory;
    struct memory_parts parts = {0};
    uint32_t pages = 0;
    bool good = memory_check(snapshot, memory, &pages, error);
    if (good && memory && memory_grow(memory, pages - memory->pages) == UINT32_MAX)
        return error_set(error, ERROR_MEMORY, "no memory for the guest's %u pages", pages);
    good = good && memory_parts_begin(&parts, snapshot, error) && copy_memory(&parts, memory);
    memory_parts_end(&parts);
    return good;
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
            return cursor_refuse(cursor, "has an element that is no reference of the module");
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

/* Instantiation drops every segment that is not passive. */
static bool restore_segment(struct cursor *cursor, enum segment_mode mode, bool *dropped)
{
    uint8_t flag = cursor_u8(cursor);
    if (!cursor->good)
        return false;
    if (flag > 1 || (mode != SEGMENT_PASSIVE && !flag))
        return cursor_refuse(cursor, "has a segment in a state that the module cannot reach");
    *dropped = flag;
    return true;
}

static bool restore_segments(const struct snapshot *snapshot, struct instance *instance,
                             struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_SEGMENTS, &snapshot->segments, error);
    const struct module *module = instance->module;
    if (cursor_u32(&cursor) != module->nelems)
        return cursor_refuse(&cursor, "has another number of element segments than the module");
    for (uint32_t i = 0; i < module->nelems; i++)
        if (!restore_segment(&cursor, module->elems[i].mode, &instance->dropped_elems[i]))
            return false;
    if (cursor_u32(&cursor) != module->ndatas)
        return cursor_refuse(&cursor, "has another number of data segments than the module");
    for (uint32_t i = 0; i < module->ndatas; i++)
        if (!restore_segment(&cursor, module->datas[i].mode, &instance->dropped_datas[i]))
            return false;
    return cursor_end(&cursor);
}

/* `entry` may still have to be called, when the start function or `_initialize` returns. */
static bool check_run(const struct snapshot *snapshot, const struct instance *instance,
                      struct error *error)
{
    const struct module *module = instance->module;
    uint64_t offset = (uint64_t)(snapshot->run.data - snapshot->bytes);
    if (snapshot->entry >= module->nfuncs ||
        (!snapshot->started && snapshot->stage != INITIALIZE_RUNS && !module->has_start))
        return section_error(error, offset, SECTION_RUN,
                             "names a function that the module does not have");
    if (snapshot->call.data)
        return check_call(snapshot, instance, error);
    if (!snapshot->started && module_functype(module, snapshot->entry)->nparams > 0)
        return section_error(error, offset, SECTION_RUN,
                             "is to go on with a function that takes arguments");
    return true;
}

/* All but the memory. */
static bool restore_rest(const struct snapshot *snapshot, struct instance *instance,
                         struct execution *execution, struct error *error)
{
    if (!check_run(snapshot, instance, error) || !restore_frames(snapshot, execution, error) ||
        !restore_globals(snapshot, instance, error) || !restore_tables(snapshot, instance, error) ||
        !restore_segments(snapshot, instance, error))
        return false;
    execution->fuel_used = snapshot->fuel_used;
    return true;
}

bool snapshot_restore(const struct snapshot *snapshot, struct instance *instance,
                      struct execution *execution, struct error *error)
{
    if (snapshot->base.data)
        return refuse(error, HEADER_SIZE, "it holds only changes since another snapshot");
    return restore_rest(snapshot, instance, execution, error) &&
           restore_memory(snapshot, instance, error);
}

bool snapshot_restore_onto(const struct replica *replica, const struct snapshot *snapshot,
                           struct instance *instance, struct execution *execution,
                           struct error *error)
{
    uint8_t id[DIGEST_SIZE];
    snapshot_id(snapshot, id);
    if (memcmp(id, replica->id, sizeof id) != 0)
        return refuse(error, 0, "its memory is another snapshot's");
    return restore_rest(snapshot, instance, execution, error);
}
