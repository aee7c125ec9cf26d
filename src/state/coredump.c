/* coredump.c - a snapshot as a WebAssembly core dump.
 *
 *     custom "core"           what it is a dump of
 *     custom "coremodules"    one module
 *     custom "coreinstances"  one instance: memory 0, all globals
 *     memory, global          as sections of a module
 *     custom "corestack"      the frames, innermost first
 *     data                    an active segment for each run of the memory */
#include "state/coredump.h"

#include "state/parts.h"

enum { WASM_CUSTOM = 0, WASM_MEMORY = 5, WASM_GLOBAL = 6, WASM_DATA = 11 };
enum { OPCODE_END = 0x0B, OPCODE_I32_CONST = 0x41, OPCODE_REF_NULL = 0xD0 };
static const uint8_t MISSING = 0x01;

/* LEB128; buffer_put_leb is the unsigned one. */

static void put_signed(struct buffer *buffer, int64_t value)
{
    bool more = true;
    while (more) {
        uint8_t byte = value & 0x7F;
        value = value < 0 ? ~(~value >> 7) : value >> 7;
        more = !((value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40)));
        buffer_put_u8(buffer, more ? byte | 0x80 : byte);
    }
}

static void put_name(struct buffer *buffer, const char *name)
{
    buffer_put_leb(buffer, strlen(name));
    buffer_put(buffer, name, strlen(name));
}

/* Ends a section: what is in `body` goes to the dump, and `body` is empty again. */
static void put_section(struct buffer *dump, uint8_t id, struct buffer *body)
{
    buffer_put_u8(dump, id);
    buffer_put_leb(dump, body->size);
    buffer_put(dump, body->data, body->size);
    dump->failed |= body->failed;
    body->size = 0;
}

/* Values. */

static void put_number(struct buffer *buffer, const struct typed_value *value)
{
    switch (value->type) {
    case TYPE_I32: put_signed(buffer, (int32_t)(uint32_t)value->bits); break;
    case TYPE_I64: put_signed(buffer, (int64_t)value->bits); break;
    case TYPE_F32: buffer_put_u32(buffer, (uint32_t)value->bits); break;
    default: buffer_put_u64(buffer, value->bits); break;
    }
}

static bool is_number(valtype type)
{
    return type == TYPE_I32 || type == TYPE_I64 || type == TYPE_F32 || type == TYPE_F64;
}

/* None of them goes to the dump if `omit`. */
static void put_values(struct buffer *buffer, struct cursor *cursor, uint32_t count, bool omit)
{
    struct typed_value value;
    buffer_put_leb(buffer, omit ? 0 : count);
    for (uint32_t i = 0; i < count && cursor_value(cursor, &value); i++) {
        if (omit)
            continue;
        buffer_put_u8(buffer, is_number(value.type) ? value.type : MISSING);
        if (is_number(value.type))
            put_number(buffer, &value);
    }
}

/* Frames: the file has the outermost first, a core dump the innermost. */

static bool put_frame(struct buffer *body, const struct module *module, struct cursor *cursor,
                      bool values)
{
    uint32_t funcidx = cursor_u32(cursor);
    cursor_u8(cursor);
    uint32_t offset = cursor_u32(cursor), nlocals = cursor_u32(cursor),
             noperands = cursor_u32(cursor);
    if (!cursor->good)
        return false;
    if (funcidx >= module->nfuncs || offset < module->funcs[funcidx].locals)
        return cursor_refuse(cursor, "has a frame that is not in the module");
    buffer_put_u8(body, 0);
    buffer_put_leb(body, 0);
    buffer_put_leb(body, funcidx);
    buffer_put_leb(body, offset - module->funcs[funcidx].locals);
    put_values(body, cursor, nlocals, !values);
    put_values(body, cursor, noperands, !values);
    return cursor->good;
}

static bool put_stack(struct buffer *dump, const struct snapshot *snapshot,
                      const struct module *module, bool values, struct buffer *body,
                      struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_FRAMES, &snapshot->frames, error);
    struct buffer frames = {0}, starts = {0};
    uint32_t count = cursor_u32(&cursor);
    for (uint32_t i = 0; i < count && cursor.good; i++) {
        buffer_put_u64(&starts, frames.size);
        put_frame(&frames, module, &cursor, values);
    }
    if (cursor.good && cursor_end(&cursor) && !starts.failed && !frames.failed) {
        put_name(body, "corestack");
        buffer_put_u8(body, 0);
        put_name(body, "main");
        buffer_put_leb(body, count);
        size_t end = frames.size;
        for (uint32_t i = count; i-- > 0;) {
            size_t start = (size_t)get_le64(starts.data + (size_t)i * 8);
            buffer_put(body, frames.data + start, end - start);
            end = start;
        }
        put_section(dump, WASM_CUSTOM, body);
    }
    dump->failed |= starts.failed || frames.failed;
    buffer_free(&starts);
    buffer_free(&frames);
    return cursor.good;
}

/* Globals. */

static uint8_t const_opcode(valtype type)
{
    return type == TYPE_I32 ? 0x41 : type == TYPE_I64 ? 0x42 : type == TYPE_F32 ? 0x43 : 0x44;
}

static bool put_globals(struct buffer *dump, const struct snapshot *snapshot,
                        const struct module *module, struct buffer *body, struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_GLOBALS, &snapshot->globals, error);
    if (cursor_u32(&cursor) != module->nglobals)
        return cursor_refuse(&cursor, "has another number of globals than the module");
    buffer_put_leb(body, module->nglobals);
    for (uint32_t i = 0; i < module->nglobals && cursor.good; i++) {
        struct typed_value value;
        if (!cursor_value(&cursor, &value))
            return false;
        buffer_put_u8(body, value.type);
        buffer_put_u8(body, module->globals[i].type.mutable);
        buffer_put_u8(body, is_number(value.type) ? const_opcode(value.type) : OPCODE_REF_NULL);
        if (is_number(value.type))
            put_number(body, &value);
        else
            buffer_put_u8(body, value.type);
        buffer_put_u8(body, OPCODE_END);
    }
    put_section(dump, WASM_GLOBAL, body);
    return cursor_end(&cursor);
}

/* Memory. */

struct memory_dump {
    struct buffer segments;
    uint32_t count, pages;
    bool present;
};

static bool put_runs(struct memory_dump *memory, struct cursor *cursor)
{
    memory->present = cursor_u8(cursor);
    memory->pages = cursor_u32(cursor);
    for (uint32_t runs = cursor_u32(cursor); runs > 0 && cursor->good; runs--, memory->count++) {
        uint32_t first = cursor_u32(cursor), count = cursor_u32(cursor);
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        buffer_put_u8(&memory->segments, 0);
        buffer_put_u8(&memory->segments, OPCODE_I32_CONST);
        put_signed(&memory->segments, (int32_t)(first * BLOCK_SIZE));
        buffer_put_u8(&memory->segments, OPCODE_END);
        buffer_put_leb(&memory->segments, (uint64_t)count * BLOCK_SIZE);
        buffer_put(&memory->segments, cursor_take(cursor, (size_t)count * BLOCK_SIZE),
                   (size_t)count * BLOCK_SIZE);
    }
    return cursor_end(cursor);
}

static bool read_memory(struct memory_dump *memory, const struct snapshot *snapshot,
                        struct error *error)
{
    struct memory_parts parts;
    struct cursor cursor;
    bool good = memory_parts_begin(&parts, snapshot, error);
    while (good && memory_parts_next(&parts, &cursor, &good))
        good = put_runs(memory, &cursor);
    memory_parts_end(&parts);
    return good;
}

static void put_memory(struct buffer *dump, const struct memory_dump *memory, struct buffer *body)
{
    buffer_put_leb(body, memory->present);
    if (memory->present) {
        buffer_put_u8(body, 0);
        buffer_put_leb(body, memory->pages);
    }
    put_section(dump, WASM_MEMORY, body);
}

/* False for a memory that its segments' heads make larger than a section of a module can be. */
static bool put_data(struct buffer *dump, struct memory_dump *memory, struct buffer *body,
                     struct error *error)
{
    buffer_put_leb(body, memory->count);
    if (body->size + memory->segments.size > UINT32_MAX)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the guest's memory does not fit into a core dump: at most 4 GiB do");
    buffer_put_u8(dump, WASM_DATA);
    buffer_put_leb(dump, body->size + memory->segments.size);
    buffer_put(dump, body->data, body->size);
    buffer_put(dump, memory->segments.data, memory->segments.size);
    body->size = 0;
    return true;
}

static void put_head(struct buffer *dump, const struct module *module, bool has_memory,
                     const char *name, struct buffer *body)
{
    buffer_put(dump, "\0asm\1\0\0\0", 8);
    put_name(body, "core");
    buffer_put_u8(body, 0);
    put_name(body, name);
    put_section(dump, WASM_CUSTOM, body);
    put_name(body, "coremodules");
    buffer_put_leb(body, 1);
    buffer_put_u8(body, 0);
    put_name(body, name);
    put_section(dump, WASM_CUSTOM, body);
    put_name(body, "coreinstances");
    buffer_put_leb(body, 1);
    buffer_put_u8(body, 0);
    buffer_put_leb(body, 0);
    buffer_put_leb(body, has_memory);
    if (has_memory)
        buffer_put_leb(body, 0);
    buffer_put_leb(body, module->nglobals);
    for (uint32_t i = 0; i < module->nglobals; i++)
        buffer_put_leb(body, i);
    put_section(dump, WASM_CUSTOM, body);
}

bool snapshot_coredump(const struct snapshot *snapshot, const struct module *module,
                       const char *name, bool values, struct buffer *dump, struct error *error)
{
    struct memory_dump memory = {0};
    struct buffer body = {0};
    bool good = read_memory(&memory, snapshot, error);
    if (good) {
        put_head(dump, module, memory.present, name, &body);
        put_memory(dump, &memory, &body);
        good = put_globals(dump, snapshot, module, &body, error) &&
               put_stack(dump, snapshot, module, values, &body, error) &&
               put_data(dump, &memory, &body, error);
    }
    dump->failed |= memory.segments.failed || body.failed;
    buffer_free(&memory.segments);
    buffer_free(&body);
    if (good && dump->failed)
        return error_set(error, ERROR_MEMORY, "no memory for the core dump");
    return good;
}
