/* describe.c - a snapshot for a person. Nothing that it prints comes unchecked to a terminal:
 * snapshot_open has checked the notes, labels and WASI texts are cleaned where they are made. */
#include "state/describe.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/decimal.h"
#include "base/hex.h"
#include "state/parts.h"

struct description {
    const struct snapshot *snapshot;
    const struct module *module;
    void (*line)(void *context, const char *text);
    void *context;
    struct error *error;
};

static void say(const struct description *d, const char *format, ...) ERROR_PRINTF(2, 3);

static void say(const struct description *d, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    d->line(d->context, text);
}

static void describe_sections(const struct description *d)
{
    const struct snapshot *snapshot = d->snapshot;
    const struct section *const sections[] = {
        &snapshot->run,    &snapshot->frames,   &snapshot->memory, &snapshot->globals,
        &snapshot->tables, &snapshot->segments, &snapshot->wasi,   &snapshot->module,
        &snapshot->notes,  &snapshot->files,    &snapshot->base,   &snapshot->call,
    };
    char text[400] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (sections[i]->data)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %zu", used ? ", " : "",
                                     section_name(SECTION_RUN + i), sections[i]->size);
    say(d, "bytes in sections: %s", text);
}

static void describe_head(const struct description *d)
{
    const struct snapshot *snapshot = d->snapshot;
    char hash[2 * MODULE_HASH_SIZE + 1];
    hex_text(snapshot->module_hash, MODULE_HASH_SIZE, hash);
    say(d, "snapshot of %zu bytes, version %u", snapshot->size, snapshot->version);
    say(d, "module: %llu bytes, BLAKE3 %s%s", (unsigned long long)snapshot->module_size, hash,
        snapshot->module.data ? ", embedded" : "");
    static const char *const keys[] = {"module", "host", "time", "base"};
    for (unsigned i = 0; i < 4; i++) {
        struct span note = snapshot_note(snapshot, keys[i]);
        if (note.size)
            say(d, "note: %s = %.*s", keys[i], (int)note.size, (const char *)note.data);
    }
    describe_sections(d);
    say(d, "fuel used: %llu", (unsigned long long)snapshot->fuel_used);
    say(d, "running: %s",
        snapshot->started                    ? "the entry function"
        : snapshot->stage == INITIALIZE_RUNS ? "_initialize"
                                             : "the start function");
}

/* Frames: the file has the outermost first, a person wants the innermost first. */

static void format_value(const struct typed_value *value, char text[DECIMAL_TEXT])
{
    float f32;
    double f64;
    uint32_t low = (uint32_t)value->bits;
    switch (value->type) {
    case TYPE_I32: snprintf(text, DECIMAL_TEXT, "%d", (int32_t)low); break;
    case TYPE_I64: snprintf(text, DECIMAL_TEXT, "%lld", (long long)value->bits); break;
    case TYPE_F32:
        memcpy(&f32, &low, sizeof f32);
        decimal_general((double)f32, text);
        break;
    case TYPE_F64:
        memcpy(&f64, &value->bits, sizeof f64);
        decimal_general(f64, text);
        break;
    default:
        if (low == UINT32_MAX)
            snprintf(text, DECIMAL_TEXT, "null");
        else
            snprintf(text, DECIMAL_TEXT, value->type == TYPE_FUNCREF ? "func[%u]" : "%u", low);
    }
}

static void say_values(const struct description *d, struct cursor *cursor, const char *what,
                       uint32_t count)
{
    char text[400] = "", one[40];
    size_t used = 0;
    for (uint32_t i = 0; i < count && cursor->good; i++) {
        struct typed_value value;
        if (!cursor_value(cursor, &value))
            return;
        format_value(&value, one);
        if (used + 60 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, " %s:%s",
                                     valtype_name(value.type), one);
        else if (text[used - 1] != '.')
            used += (size_t)snprintf(text + used, sizeof text - used, " ...");
    }
    if (count)
        say(d, "      %s:%s", what, text);
}

/* What is still to come. */
static bool describe_call(const struct description *d)
{
    if (!d->snapshot->call.data)
        return true;
    struct cursor cursor = cursor_of(d->snapshot, SECTION_CALL, &d->snapshot->call, d->error);
    cursor_take(&cursor, 5);
    say(d, "then the entry function, with");
    say_values(d, &cursor, "arguments", cursor_u32(&cursor));
    return cursor_end(&cursor);
}

static void describe_frame(const struct description *d, const uint8_t *start, uint32_t depth)
{
    struct cursor cursor = cursor_of(d->snapshot, SECTION_FRAMES, &d->snapshot->frames, d->error);
    cursor.at = start;
    uint32_t funcidx = cursor_u32(&cursor);
    enum site_kind kind = (enum site_kind)cursor_u8(&cursor);
    uint32_t offset = cursor_u32(&cursor), nlocals = cursor_u32(&cursor),
             noperands = cursor_u32(&cursor);
    char label[200];
    if (d->module && funcidx < d->module->nfuncs)
        module_func_label(d->module, funcidx, label, sizeof label);
    else
        snprintf(label, sizeof label, "func[%u]", funcidx);
    say(d, "  %2u: %s + 0x%x (%s)", depth, label, offset, site_kind_name(kind));
    say_values(d, &cursor, "locals", nlocals);
    say_values(d, &cursor, "operands", noperands);
}

static bool describe_frames(const struct description *d)
{
    struct cursor cursor = cursor_of(d->snapshot, SECTION_FRAMES, &d->snapshot->frames, d->error);
    uint32_t count = cursor_u32(&cursor);
    if (count > cursor_room(&cursor, 17))
        return cursor_refuse(&cursor, "ends too early");
    struct buffer starts = {0};
    for (uint32_t i = 0; i < count && cursor.good; i++) {
        const uint8_t *start = cursor.at;
        cursor_u32(&cursor);
        if (cursor_u8(&cursor) > SITE_HOST_CALL)
            cursor_refuse(&cursor, "has a frame at an unknown kind of site");
        cursor_u32(&cursor);
        uint64_t values = (uint64_t)cursor_u32(&cursor) + cursor_u32(&cursor);
        struct typed_value value;
        while (cursor.good && values--)
            cursor_value(&cursor, &value);
        buffer_put(&starts, &start, sizeof start);
    }
    bool good = cursor_end(&cursor) &&
                (!starts.failed || error_set(d->error, ERROR_MEMORY, "no memory for the frames"));
    if (good)
        say(d, "frames: %u, innermost first", count);
    for (uint32_t i = count; good && i-- > 0;) {
        const uint8_t *start;
        memcpy(&start, starts.data + i * sizeof start, sizeof start);
        if (count - 1 - i < 100)
            describe_frame(d, start, count - 1 - i);
    }
    if (good && count > 100)
        say(d, "  ... and %u frames below", count - 100);
    buffer_free(&starts);
    return good;
}

struct memory_sums {
    bool present;
    uint32_t pages, runs;
    uint64_t blocks;
};

static bool add_runs(struct cursor *cursor, struct memory_sums *sums)
{
    sums->present = cursor_u8(cursor);
    sums->pages = cursor_u32(cursor);
    uint32_t runs = cursor_u32(cursor);
    for (uint32_t i = 0; i < runs && cursor->good; i++) {
        cursor_u32(cursor);
        uint32_t count = cursor_u32(cursor);
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        cursor_take(cursor, (size_t)count * BLOCK_SIZE);
        sums->blocks += count;
    }
    sums->runs += runs;
    return cursor_end(cursor);
}

static bool describe_memory(const struct description *d)
{
    struct memory_sums sums = {0};
    struct memory_parts parts;
    struct cursor cursor;
    bool good = memory_parts_begin(&parts, d->snapshot, d->error);
    while (good && memory_parts_next(&parts, &cursor, &good))
        good = add_runs(&cursor, &sums);
    memory_parts_end(&parts);
    if (good && sums.present)
        say(d, "memory: %u pages (%llu bytes), of which %llu bytes are stored in %u runs%s%s",
            sums.pages, (unsigned long long)sums.pages * 65536,
            (unsigned long long)sums.blocks * BLOCK_SIZE, sums.runs,
            d->snapshot->base.data ? ", changed since its base" : "",
            d->snapshot->compressed ? ", compressed" : "");
    else if (good)
        say(d, "memory: none");
    return good;
}

static bool describe_globals(const struct description *d)
{
    struct cursor cursor = cursor_of(d->snapshot, SECTION_GLOBALS, &d->snapshot->globals, d->error);
    uint32_t count = cursor_u32(&cursor);
    if (count > cursor_room(&cursor, 5))
        return cursor_refuse(&cursor, "ends too early");
    say(d, "globals: %u", count);
    say_values(d, &cursor, "values", count);
    return cursor_end(&cursor);
}

static bool describe_tables(const struct description *d)
{
    struct cursor cursor = cursor_of(d->snapshot, SECTION_TABLES, &d->snapshot->tables, d->error);
    uint32_t count = cursor_u32(&cursor);
    for (uint32_t i = 0; i < count && cursor.good; i++) {
        valtype type = cursor_u8(&cursor);
        uint32_t size = cursor_u32(&cursor), used = 0;
        if (size > cursor_room(&cursor, 4))
            return cursor_refuse(&cursor, "ends too early");
        for (uint32_t j = 0; j < size; j++)
            used += cursor_u32(&cursor) != UINT32_MAX;
        say(d, "table %u: %u elements of %s, %u not null", i, size, valtype_name(type), used);
    }
    return cursor_end(&cursor);
}

static bool describe_segments(const struct description *d)
{
    struct cursor cursor =
        cursor_of(d->snapshot, SECTION_SEGMENTS, &d->snapshot->segments, d->error);
    static const char *const kinds[] = {"element", "data"};
    for (unsigned kind = 0; kind < 2; kind++) {
        uint32_t count = cursor_u32(&cursor), dropped = 0;
        if (count > cursor_room(&cursor, 1))
            return cursor_refuse(&cursor, "ends too early");
        for (uint32_t i = 0; i < count; i++)
            dropped += cursor_u8(&cursor);
        say(d, "%s segments: %u, of which %u are dropped", kinds[kind], count, dropped);
    }
    return cursor_end(&cursor);
}

bool snapshot_describe(const struct snapshot *snapshot, const struct module *module,
                       void (*line)(void *context, const char *text), void *context,
                       struct error *error)
{
    struct description d = {snapshot, module, line, context, error};
    struct wasi_sections sections = {.wasi = snapshot->wasi.data,
                                     .wasi_size = snapshot->wasi.size,
                                     .files = snapshot->files.data,
                                     .files_size = snapshot->files.size};
    describe_head(&d);
    return describe_call(&d) && describe_frames(&d) && describe_memory(&d) &&
           describe_globals(&d) && describe_tables(&d) && describe_segments(&d) &&
           (snapshot->wasi.size == 0 || wasi_describe(&sections, line, context, error));
}
