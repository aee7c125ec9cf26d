/* diff.c - what changed between two snapshots of one guest. */
#include "state/diff.h"

#include <stdarg.h>
#include <stdio.h>

#include "state/parts.h"

#define RANGES_SHOWN 16

struct diff {
    const struct snapshot *a, *b;
    const struct module *module;
    void (*line)(void *context, const char *text);
    void *context;
    bool differ;
    struct error *error;
};

static void say(struct diff *d, const char *format, ...) ERROR_PRINTF(2, 3);

static void say(struct diff *d, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    d->line(d->context, text);
    d->differ = true;
}

static bool same(const struct section *a, const struct section *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Frames. */

struct frames {
    struct cursor cursor;
    uint32_t count;
};

struct frame_bytes {
    const uint8_t *at;
    size_t size;
    uint32_t funcidx, offset;
};

static struct frames frames_of(const struct snapshot *snapshot, struct error *error)
{
    struct frames frames = {cursor_of(snapshot, SECTION_FRAMES, &snapshot->frames, error), 0};
    frames.count = cursor_u32(&frames.cursor);
    return frames;
}

static bool next_frame(struct frames *frames, struct frame_bytes *frame)
{
    struct cursor *cursor = &frames->cursor;
    frame->at = cursor->at;
    frame->funcidx = cursor_u32(cursor);
    cursor_u8(cursor);
    frame->offset = cursor_u32(cursor);
    uint64_t values = (uint64_t)cursor_u32(cursor) + cursor_u32(cursor);
    struct typed_value value;
    while (cursor->good && values--)
        cursor_value(cursor, &value);
    frame->size = (size_t)(cursor->at - frame->at);
    return cursor->good;
}

static void say_frame(struct diff *d, char sign, uint32_t depth, const struct frame_bytes *frame)
{
    char label[200];
    if (d->module && frame->funcidx < d->module->nfuncs)
        module_func_label(d->module, frame->funcidx, label, sizeof label);
    else
        snprintf(label, sizeof label, "func[%u]", frame->funcidx);
    say(d, "%c frame %u: %s + 0x%x", sign, depth, label, frame->offset);
}

/* Depth is counted from the outermost frame here: that end stays where it is. */
static bool diff_frames(struct diff *d)
{
    struct frames a = frames_of(d->a, d->error), b = frames_of(d->b, d->error);
    uint32_t most = a.count > b.count ? a.count : b.count;
    bool apart = false;
    if (a.count != b.count)
        say(d, "frames: %u -> %u", a.count, b.count);
    for (uint32_t i = 0; i < most; i++) {
        struct frame_bytes from = {0}, to = {0};
        if ((i < a.count && !next_frame(&a, &from)) || (i < b.count && !next_frame(&b, &to)))
            return false;
        apart |= from.size != to.size || memcmp(from.at, to.at, from.size) != 0;
        if (!apart)
            continue;
        if (from.size)
            say_frame(d, '-', i, &from);
        if (to.size)
            say_frame(d, '+', i, &to);
    }
    return true;
}

/* Memory: the stored blocks of both, in ascending order; a block that is not stored is zero. */

struct blocks {
    struct memory_parts parts;
    struct cursor cursor;
    uint32_t pages, runs, block, left;
    const uint8_t *bytes;
    bool done, good;
};

static void next_block(struct blocks *blocks)
{
    while (blocks->good && blocks->left == 0 && !blocks->done) {
        if (blocks->runs == 0) {
            blocks->done = !memory_parts_next(&blocks->parts, &blocks->cursor, &blocks->good);
            if (blocks->done)
                break;
            cursor_u8(&blocks->cursor);
            blocks->pages = cursor_u32(&blocks->cursor);
            blocks->runs = cursor_u32(&blocks->cursor);
            continue;
        }
        blocks->runs--;
        blocks->block = cursor_u32(&blocks->cursor) - 1;
        blocks->left = cursor_u32(&blocks->cursor);
        if (blocks->left > cursor_room(&blocks->cursor, BLOCK_SIZE))
            blocks->good = cursor_refuse(&blocks->cursor, "ends too early");
    }
    if (!blocks->good || blocks->done || blocks->left == 0)
        return;
    blocks->left--;
    blocks->block++;
    blocks->bytes = cursor_take(&blocks->cursor, BLOCK_SIZE);
}

static bool begin_blocks(struct blocks *blocks, const struct snapshot *snapshot,
                         struct error *error)
{
    *blocks = (struct blocks){.good = true};
    blocks->good = memory_parts_begin(&blocks->parts, snapshot, error);
    next_block(blocks);
    return blocks->good;
}

struct changes {
    uint32_t blocks, ranges, first, last;
    uint64_t bytes;
};

static void end_range(struct diff *d, struct changes *changes)
{
    if (changes->blocks && changes->ranges <= RANGES_SHOWN)
        say(d, "  0x%08llx to 0x%08llx", (unsigned long long)changes->first * BLOCK_SIZE,
            (unsigned long long)changes->last * BLOCK_SIZE + BLOCK_SIZE - 1);
}

static void compare_block(struct diff *d, struct changes *changes, uint32_t block,
                          const uint8_t *from, const uint8_t *to)
{
    static const uint8_t zeros[BLOCK_SIZE];
    uint32_t count = 0;
    from = from ? from : zeros;
    to = to ? to : zeros;
    for (uint32_t i = 0; i < BLOCK_SIZE; i++)
        count += from[i] != to[i];
    if (count == 0)
        return;
    if (changes->blocks == 0 || block != changes->last + 1) {
        end_range(d, changes);
        changes->ranges++;
        changes->first = block;
    }
    changes->last = block;
    changes->blocks++;
    changes->bytes += count;
}

static bool diff_memory(struct diff *d)
{
    struct blocks a, b = {.good = true};
    struct changes changes = {0};
    bool good = begin_blocks(&a, d->a, d->error) && begin_blocks(&b, d->b, d->error);
    while (good && (!a.done || !b.done)) {
        bool from = !a.done && (b.done || a.block <= b.block);
        bool to = !b.done && (a.done || b.block <= a.block);
        compare_block(d, &changes, from ? a.block : b.block, from ? a.bytes : NULL,
                      to ? b.bytes : NULL);
        if (from)
            next_block(&a);
        if (to)
            next_block(&b);
        good = a.good && b.good;
    }
    memory_parts_end(&a.parts);
    memory_parts_end(&b.parts);
    if (!good)
        return false;
    end_range(d, &changes);
    if (a.pages != b.pages)
        say(d, "memory: %u pages -> %u pages", a.pages, b.pages);
    if (changes.ranges > RANGES_SHOWN)
        say(d, "  ... and %u ranges more", changes.ranges - RANGES_SHOWN);
    if (changes.blocks)
        say(d, "memory: %llu bytes differ, in %u blocks of %u", (unsigned long long)changes.bytes,
            changes.blocks, BLOCK_SIZE);
    return true;
}

/* Globals. */

static bool diff_globals(struct diff *d)
{
    struct cursor a = cursor_of(d->a, SECTION_GLOBALS, &d->a->globals, d->error),
                  b = cursor_of(d->b, SECTION_GLOBALS, &d->b->globals, d->error);
    uint32_t count = cursor_u32(&a);
    if (cursor_u32(&b) != count)
        return cursor_refuse(&b, "has another number of globals");
    for (uint32_t i = 0; i < count; i++) {
        struct typed_value from, to;
        if (!cursor_value(&a, &from) || !cursor_value(&b, &to))
            return false;
        if (from.bits != to.bits)
            say(d, "global %u (%s): 0x%llx -> 0x%llx", i, valtype_name(from.type),
                (unsigned long long)from.bits, (unsigned long long)to.bits);
    }
    return true;
}

bool snapshot_diff(const struct snapshot *a, const struct snapshot *b, const struct module *module,
                   void (*line)(void *context, const char *text), void *context, bool *differ,
                   struct error *error)
{
    struct diff d = {a, b, module, line, context, false, error};
    if (memcmp(a->module_hash, b->module_hash, MODULE_HASH_SIZE) != 0)
        return error_set(error, ERROR_SNAPSHOT, "the two snapshots are of different modules");
    if (a->fuel_used != b->fuel_used)
        say(&d, "fuel: %llu -> %llu", (unsigned long long)a->fuel_used,
            (unsigned long long)b->fuel_used);
    bool good = diff_frames(&d) && diff_memory(&d) && diff_globals(&d);
    if (good && !same(&a->tables, &b->tables))
        say(&d, "tables: differ");
    if (good && !same(&a->segments, &b->segments))
        say(&d, "segments: differ");
    if (good && !same(&a->wasi, &b->wasi))
        say(&d, "WASI: arguments, descriptors or clocks differ");
    if (good && (a->started != b->started || !same(&a->call, &b->call)))
        say(&d, "calls: another one runs or is still to come");
    *differ = d.differ;
    return good;
}
