/* test_snapshot.c - a guest out to bytes and back at every safepoint; every bit and every length of
 * a file; forged files with right checksums; saving.
 *
 *     snapshot                the tests
 *     snapshot --seeds DIR         writes a few snapshots for the fuzzer to start from
 *     snapshot --checksums FILE    puts the checksums of a forged file right */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fuzz/snapshot_guest.h"
#include "base/output.h"
#include "check.h"
#include "state/describe.h"
#include "state/parts.h"

static void check_message(const struct error *error, enum error_kind kind, const char *words,
                          const char *what)
{
    if (!check(error->kind == kind && strstr(error->message, words), what))
        printf("  instead: kind %d: %s\n", error->kind, error->message);
}

/* ---- every safepoint */

static void begin(struct subject *subject, const struct module *module)
{
    struct error error = {0};
    check(subject_make(subject, module, false, &error) &&
              execution_call(&subject->execution, module->start, NULL, &error),
          "a guest that begins");
}

/* Out to bytes, destroyed, back, and out again: the same bytes. */
static bool tear_down(struct subject *subject)
{
    struct buffer bytes = {0}, again = {0};
    struct snapshot snapshot = {0};
    struct error error = {0};
    const struct module *module = subject->module;
    bool compress = subject->compress, good = subject_capture(subject, true, &bytes, &error);
    subject_unmake(subject);
    if (good)
        good = snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
               snapshot_check_module(&snapshot, guest_bytes, sizeof guest_bytes, &error) &&
               subject_restore(subject, module, &snapshot, &error);
    subject->compress = compress;
    good = good && subject_capture(subject, true, &again, &error);
    if (!good)
        printf("  %s\n", error.message);
    good = good && bytes.size == again.size && memcmp(bytes.data, again.data, bytes.size) == 0;
    buffer_free(&bytes);
    buffer_free(&again);
    return good;
}

/* Runs the guest, torn down at every k-th safepoint (0: never), and compares how it ends. */
static void run_torn(const struct module *module, uint32_t k, bool compress, uint64_t *fuel)
{
    struct subject subject;
    struct error error = {0};
    enum run_status status;
    unsigned teardowns = 0, stops = 0;
    begin(&subject, module);
    subject.stops = true;
    while (status = subject_run(&subject, k ? k : INT32_MAX, &error),
           status == RUN_OUT_OF_FUEL || status == RUN_STOPPED) {
        stops += status == RUN_STOPPED;
        bool again = subject.stops;
        subject.compress = compress;
        if (k && !check(tear_down(&subject), "torn down and rebuilt"))
            break;
        subject.stops = again;
        teardowns += k != 0;
    }
    check(status == RUN_DONE && execution_result(&subject.execution, 0).i32 == GUEST_RESULT,
          "the same result as ever");
    check(stops == 1, "one stop at a host call");
    check(k != 1 || teardowns > 15, "many safepoints");
    if (*fuel == 0)
        *fuel = subject.execution.fuel_used;
    check(subject.execution.fuel_used == *fuel, "the same fuel as ever");
    subject_unmake(&subject);
}

static void test_teardown(const struct module *module)
{
    uint64_t fuel = 0;
    for (uint32_t k = 0; k < 8; k++) {
        run_torn(module, k, false, &fuel);
        run_torn(module, k, true, &fuel);
    }
}

/* A snapshot after that much fuel; at the host call when the fuel lasts until there. */
static bool snapshot_stored(const struct module *module, uint32_t fuel, bool reproducible,
                            bool compress, struct buffer *bytes)
{
    struct subject subject;
    struct error error = {0};
    begin(&subject, module);
    subject.stops = true;
    subject.guest.started = false;
    enum run_status status = RUN_OUT_OF_FUEL;
    for (; fuel > 0 && status == RUN_OUT_OF_FUEL; fuel--)
        status = subject_run(&subject, 1, &error);
    subject.compress = compress;
    bool good = subject_capture(&subject, reproducible, bytes, &error);
    subject_unmake(&subject);
    return check(good, "a snapshot for a test");
}

static bool snapshot_at(const struct module *module, uint32_t fuel, bool reproducible,
                        struct buffer *bytes)
{
    return snapshot_stored(module, fuel, reproducible, false, bytes);
}

#define AT_START 2   /* in the start function's loop */
#define AT_SUM   7   /* two frames of `sum`, above `work` and `go` */
#define AT_HOST  100 /* before the call of `host` */

/* ---- every bit, every length */

static void test_bits(const struct module *module, bool compress)
{
    struct buffer bytes = {0};
    unsigned accepted = 0, silent = 0, named_cut = 0;
    if (snapshot_stored(module, AT_START, false, compress, &bytes))
        for (size_t i = 0; i < bytes.size * 8; i++) {
            struct snapshot snapshot = {0};
            struct error error = {0};
            bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
            accepted += snapshot_open(&snapshot, bytes.data, bytes.size, &error);
            bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
            silent += error.kind != ERROR_SNAPSHOT || !error.message[0];
            named_cut += strstr(error.message, "cut short") != NULL;
        }
    check(accepted == 0, "a snapshot with one bit changed is refused");
    check(silent == 0, "with a message");
    check(named_cut == 0, "which never says that it was cut");
    buffer_free(&bytes);
}

static void test_lengths(const struct module *module, bool compress)
{
    struct buffer bytes = {0};
    unsigned accepted = 0, named = 0;
    if (snapshot_stored(module, AT_START, false, compress, &bytes))
        for (size_t size = 0; size < bytes.size; size++) {
            struct snapshot snapshot = {0};
            struct error error = {0};
            uint8_t *cut = malloc(size ? size : 1); /* so that a sanitizer sees its end */
            if (!cut)
                break;
            memcpy(cut, bytes.data, size);
            accepted += snapshot_open(&snapshot, cut, size, &error);
            named += strstr(error.message, size ? "cut short" : "empty file") != NULL;
            free(cut);
        }
    check(accepted == 0, "a snapshot that is cut short is refused");
    check(named == bytes.size, "with a message that says so");
    buffer_free(&bytes);
}

/* ---- forged files */

/* Opens and restores what `parts` make; false with the error. */
static bool accepts(const struct module *module, const struct parts *parts, struct error *error)
{
    struct buffer bytes = {0};
    struct snapshot snapshot = {0};
    struct subject subject;
    parts_join(parts, &bytes);
    bool good = snapshot_open(&snapshot, bytes.data, bytes.size, error);
    if (good) {
        good = subject_restore(&subject, module, &snapshot, error);
        if (good)
            subject_run(&subject, 50, error);
        subject_unmake(&subject);
    }
    buffer_free(&bytes);
    return good;
}

struct forging {
    const struct module *module;
    struct parts parts;
};

/* As version 1 has it: the memory as it is. */
static void unpack_memory(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++) {
        struct part *part = &parts->part[i];
        uint8_t plain[PART_SIZE];
        uint32_t size;
        if (part->flags != STORED_PACKED)
            continue;
        check(part_unpack(STORED_PACKED, part->payload.data, part->payload.size, plain, &size),
              "a packed memory");
        part->payload.size = 0;
        buffer_put(&part->payload, plain, size);
        part->flags = STORED_PLAIN;
    }
    put_le32(parts->header + 8, 1);
}

static struct forging forging_of(const struct module *module, uint32_t fuel)
{
    struct forging forging = {.module = module};
    struct buffer bytes = {0};
    struct error error = {0};
    if (snapshot_at(module, fuel, false, &bytes))
        parts_split(&forging.parts, bytes.data, bytes.size);
    unpack_memory(&forging.parts);
    check(accepts(module, &forging.parts, &error), "a snapshot taken apart and put together");
    buffer_free(&bytes);
    return forging;
}

static struct part *part_of(struct forging *forging, uint16_t id)
{
    for (unsigned i = 0; i < forging->parts.count; i++)
        if (forging->parts.part[i].id == id)
            return &forging->parts.part[i];
    abort();
}

static uint8_t *payload(struct forging *forging, uint16_t id)
{
    return part_of(forging, id)->payload.data;
}

static void refused(struct forging *forging, const char *words)
{
    struct error error = {0};
    if (check(!accepts(forging->module, &forging->parts, &error), words))
        check_message(&error, ERROR_SNAPSHOT, words, words);
}

/* Changes bytes of a payload, sees the file refused, and changes them back. */
static void refused_with(struct forging *forging, uint16_t id, size_t at, const void *data,
                         size_t size, const char *words)
{
    uint8_t before[64];
    uint8_t *place = payload(forging, id) + at;
    memcpy(before, place, size);
    memcpy(place, data, size);
    refused(forging, words);
    memcpy(place, before, size);
}

static void refused_u8(struct forging *forging, uint16_t id, size_t at, uint8_t value,
                       const char *words)
{
    refused_with(forging, id, at, &value, 1, words);
}

static void refused_u32(struct forging *forging, uint16_t id, size_t at, uint32_t value,
                        const char *words)
{
    uint8_t bytes[4];
    put_le32(bytes, value);
    refused_with(forging, id, at, bytes, sizeof bytes, words);
}

static void test_header(const struct module *module)
{
    struct forging forging = forging_of(module, AT_START);
    uint8_t *header = forging.parts.header;
    put_le32(header + 8, 7);
    refused(&forging, "in version 7 of the format; this one reads up to version 6");
    put_le32(header + 8, 0);
    refused(&forging, "no such version");
    put_le32(header + 8, 1);
    put_le32(header + 12, 1);
    refused(&forging, "no such version");
    put_le32(header + 12, 0);
    header[0] = 'x';
    refused(&forging, "not a snapshot");
    parts_free(&forging.parts);
}

static void swap(struct part *a, struct part *b)
{
    struct part c = *a;
    *a = *b;
    *b = c;
}

static void test_sections(const struct module *module)
{
    struct forging forging = forging_of(module, AT_START);
    struct part *part = forging.parts.part;
    swap(&part[2], &part[3]);
    refused(&forging, "section memory is out of order");
    swap(&part[2], &part[3]);
    part[3].id = SECTION_MEMORY;
    refused(&forging, "section memory is out of order");
    part[3].id = SECTION_GLOBALS;
    part[6].id = SECTION_MODULE;
    refused(&forging, "section WASI is missing");
    part[6].id = 77;
    refused(&forging, "unknown section 77");
    part[6].id = SECTION_WASI;
    part[6].flags = 1;
    refused(&forging, "flags 1");
    part[6].flags = 0;
    struct part *end = part_of(&forging, SECTION_END);
    buffer_put_u8(&end->payload, 0);
    refused(&forging, "section end is not empty");
    end->payload.size = 0;
    forging.parts.count--;
    refused(&forging, "cut short");
    forging.parts.count++;
    for (unsigned i = 0; i < 7; i++) {
        static const char *const words[] = {
            "section run",     "section frames has bytes", "section memory has bytes",
            "section globals", "section tables has bytes", "section segments has bytes",
        };
        if (part[i].id == SECTION_WASI)
            continue;
        buffer_put_u8(&part[i].payload, 0);
        refused(&forging, words[i]);
        part[i].payload.size -= 2;
        refused(&forging, section_name(part[i].id));
        part[i].payload.size++;
    }
    parts_free(&forging.parts);
}

static void test_run_section(const struct module *module)
{
    struct forging forging = forging_of(module, AT_START);
    refused_u8(&forging, SECTION_RUN, 0, 2, "section run is malformed");
    refused_u8(&forging, SECTION_RUN, 0, 1, "another function outermost");
    refused_u32(&forging, SECTION_RUN, 1, 6, "names a function that the module does not have");
    refused_u32(&forging, SECTION_RUN, 1, UINT32_MAX, "names a function");
    refused_u32(&forging, SECTION_RUN, 1, GUEST_WORK, "takes arguments");
    parts_free(&forging.parts);
    forging = forging_of(module, AT_SUM);
    refused_u8(&forging, SECTION_RUN, 0, 0, "another function outermost");
    refused_u32(&forging, SECTION_RUN, 1, GUEST_LEAF, "another function outermost");
    parts_free(&forging.parts);
}

/* A snapshot AT_START whose guest goes on with `_initialize` (the start function again) and then
 * with `work` and an argument. */
static struct forging forging_of_call(const struct module *module)
{
    struct forging forging = forging_of(module, AT_START);
    struct parts *parts = &forging.parts;
    struct part call = {.id = SECTION_CALL};
    buffer_put_u8(&call.payload, INITIALIZE_NEXT);
    buffer_put_u32(&call.payload, GUEST_START);
    buffer_put_u32(&call.payload, 1);
    buffer_put_u8(&call.payload, TYPE_I32);
    buffer_put_u32(&call.payload, 4);
    parts->part[parts->count] = parts->part[parts->count - 1];
    parts->part[parts->count - 1] = call;
    parts->count++;
    put_le32(parts->header + 8, 5);
    put_le32(payload(&forging, SECTION_RUN) + 1, GUEST_WORK);
    return forging;
}

static void test_call_section(const struct module *module)
{
    struct forging forging = forging_of_call(module);
    struct error error = {0};
    const uint16_t id = SECTION_CALL;
    check(accepts(module, &forging.parts, &error), "calls that are still to come");
    refused_u8(&forging, id, 0, 3, "section call is malformed");
    refused_u8(&forging, id, 0, INITIALIZE_NONE, "section call is malformed");
    refused_u8(&forging, SECTION_RUN, 0, 1, "section call is malformed");
    refused_u32(&forging, id, 1, 6, "names a function that the module does not have");
    refused_u32(&forging, id, 1, GUEST_GO, "a function that takes or returns values");
    refused_u32(&forging, id, 1, GUEST_LEAF, "a function that takes or returns values");
    refused_u32(&forging, id, 5, 0, "another number of arguments");
    refused_u32(&forging, id, 5, UINT32_MAX, "another number of arguments");
    refused_u8(&forging, id, 9, TYPE_F32, "an argument that the function cannot take");
    refused_u8(&forging, id, 9, 1, "a value of an unknown type");
    refused_u32(&forging, SECTION_RUN, 1, GUEST_GO, "another number of arguments");
    put_le32(forging.parts.header + 8, 4);
    refused(&forging, "unknown section 12");
    put_le32(forging.parts.header + 8, 5);
    part_of(&forging, id)->payload.size--;
    refused(&forging, "section call ends too early");
    part_of(&forging, id)->payload.size = 8;
    refused(&forging, "section call ends too early");
    parts_free(&forging.parts);
    forging = forging_of(module, AT_START);
    put_le32(forging.parts.header + 8, 5);
    refused(&forging, "another version of the format than it needs");
    parts_free(&forging.parts);
}

/* Captured while `_initialize` runs, and again while the start function does, it goes on to the
 * end. */
static void test_calls(const struct module *module)
{
    for (uint32_t fuel = 1; fuel < 18; fuel++) {
        struct subject subject, again;
        struct error error = {0};
        struct buffer bytes = {0};
        struct snapshot snapshot;
        struct typed_value argument = {TYPE_I32, 4};
        bool good = subject_make(&subject, module, false, &error);
        subject.guest.stage = INITIALIZE_NEXT;
        subject.guest.initialize = GUEST_START;
        subject.guest.entry = GUEST_WORK;
        buffer_put(&subject.guest.arguments, &argument, sizeof argument);
        good = good && guest_begin(&subject.guest, &error);
        for (uint32_t i = 0; i < fuel; i++)
            subject_run(&subject, 1, &error);
        good = good && subject_capture(&subject, true, &bytes, &error) &&
               snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
               subject_restore(&again, module, &snapshot, &error);
        enum run_status status = RUN_OUT_OF_FUEL;
        while (good && (status == RUN_OUT_OF_FUEL || !again.guest.started))
            status = subject_run(&again, 7, &error);
        check(good && status == RUN_DONE &&
                  execution_result(&again.execution, 0).i32 == GUEST_RESULT,
              "goes on from its calls");
        subject_unmake(&subject);
        if (good)
            subject_unmake(&again);
        buffer_free(&bytes);
    }
}

/* Where the frames of a snapshot AT_SUM are: go, work (one parameter and five locals; three
 * operands), sum, sum. */
enum {
    FRAME_GO = 4,
    FRAME_HEAD = 17,
    FRAME_WORK = FRAME_GO + FRAME_HEAD,
    WORK_VALUES = FRAME_WORK + FRAME_HEAD,
    WORK_I64 = WORK_VALUES + 5,
    WORK_FUNCREF = WORK_I64 + 9 + 5 + 9,
    WORK_EXTERNREF = WORK_FUNCREF + 5,
    WORK_OPERANDS = WORK_EXTERNREF + 5,
    FRAME_SUM = WORK_OPERANDS + 3 * 5,
};

static void test_frames(const struct module *module)
{
    struct forging forging = forging_of(module, AT_SUM);
    const uint16_t id = SECTION_FRAMES;
    refused_u32(&forging, id, 0, 1, "section frames has bytes behind its end");
    refused_u32(&forging, id, 0, UINT32_MAX, "section frames ends too early");
    refused_u32(&forging, id, FRAME_WORK, GUEST_HOST, "no such function");
    refused_u32(&forging, id, FRAME_WORK, UINT32_MAX, "no such function");
    refused_u32(&forging, id, FRAME_WORK, GUEST_LEAF, "section frames: frame of function 2");
    refused_u8(&forging, id, FRAME_WORK + 4, 4, "unknown kind of site");
    refused_u8(&forging, id, FRAME_WORK + 4, SITE_LOOP, "not a safepoint");
    refused_u8(&forging, id, FRAME_WORK + 4, SITE_HOST_CALL, "not a safepoint");
    refused_u32(&forging, id, FRAME_WORK + 5, 0, "not a safepoint");
    refused_u32(&forging, id, FRAME_WORK + 5, UINT32_MAX, "not a safepoint");
    refused_u32(&forging, id, FRAME_WORK + 9, UINT32_MAX, "ends too early");
    refused_u32(&forging, id, FRAME_WORK + 13, UINT32_MAX, "ends too early");
    refused_u32(&forging, id, FRAME_WORK + 9, 5, "another number of locals or operands");
    refused_u32(&forging, id, FRAME_WORK + 13, 2, "another number of locals or operands");
    refused_u8(&forging, id, WORK_VALUES, 0x7B, "unknown type");
    refused_u8(&forging, id, WORK_VALUES, TYPE_F32, "another type than in the module");
    refused_u8(&forging, id, WORK_I64, TYPE_F64, "another type than in the module");
    refused_u32(&forging, id, WORK_FUNCREF + 1, 6, "a value that its type does not have");
    refused_u32(&forging, id, WORK_OPERANDS + 1, 5, "differs from what the module computes");
    refused_u32(&forging, id, WORK_OPERANDS + 6, 5, "differs from what the module computes");
    refused_u32(&forging, id, FRAME_SUM, GUEST_LEAF, "section frames: frame of function 2");
    parts_free(&forging.parts);
}

/* The innermost frame may not wait for a call, and none below it may do anything else. */
static void test_frame_order(const struct module *module)
{
    struct forging forging = forging_of(module, AT_SUM);
    struct buffer *frames = &part_of(&forging, SECTION_FRAMES)->payload;
    size_t size = frames->size;
    uint32_t count = get_le32(frames->data);
    check(count == 4, "four frames");
    put_le32(frames->data, 0);
    frames->size = 4;
    refused(&forging, "section frames: there are no frames");
    /* both frames of `sum` have one local; the lower one has that as an operand too */
    frames->size = FRAME_SUM + FRAME_HEAD + 10;
    put_le32(frames->data, count - 1);
    refused(&forging, "the innermost frame waits for a call");
    put_le32(frames->data, count);
    frames->size = size;
    const size_t start = FRAME_SUM + FRAME_HEAD + 10;
    uint8_t *twice = buffer_extend(frames, size - start);
    if (twice)
        memcpy(twice, frames->data + start, size - start);
    put_le32(frames->data, count + 1);
    refused(&forging, "the frame below it is not at a call");
    parts_free(&forging.parts);
}

static void test_memory(const struct module *module)
{
    struct forging forging = forging_of(module, AT_HOST);
    const uint16_t id = SECTION_MEMORY;
    struct buffer *memory = &part_of(&forging, id)->payload;
    /* blocks 0, 5 to 6 and 31 of three pages */
    enum { RUN_0 = 9, RUN_1 = RUN_0 + 8 + 4096, RUN_2 = RUN_1 + 8 + 2 * 4096 };
    check(memory->size == RUN_2 + 8 + 4096 && get_le32(memory->data + 1) == 3 &&
              get_le32(memory->data + RUN_1) == 5 && get_le32(memory->data + RUN_1 + 4) == 2 &&
              get_le32(memory->data + RUN_2) == 31,
          "only the blocks that hold something");
    refused_u8(&forging, id, 0, 0, "one memory or none");
    refused_u8(&forging, id, 0, 2, "one memory or none");
    refused_u32(&forging, id, 1, 0, "has 0 pages; the module allows 1 to 4");
    refused_u32(&forging, id, 1, 5, "has 5 pages");
    refused_u32(&forging, id, 1, 65536, "has 65536 pages");
    refused_u32(&forging, id, 1, 1, "overlap, touch or lie outside");
    refused_u32(&forging, id, 5, 2, "bytes behind its end");
    refused_u32(&forging, id, 5, UINT32_MAX, "ends too early");
    refused_u32(&forging, id, RUN_1, 0, "overlap, touch or lie outside");
    refused_u32(&forging, id, RUN_1, 1, "overlap, touch or lie outside");
    refused_u32(&forging, id, RUN_2, 48, "overlap, touch or lie outside");
    refused_u32(&forging, id, RUN_1 + 4, 0, "overlap, touch or lie outside");
    refused_u32(&forging, id, RUN_1 + 4, UINT32_MAX, "overlap, touch or lie outside");
    refused_u32(&forging, id, RUN_2 + 4, 2, "ends too early");
    memset(memory->data + RUN_1 + 8 + 4096, 0, 4096);
    refused(&forging, "a block of zeros only");
    parts_free(&forging.parts);
}

/* Puts other bytes, compressed as they should be, into a part of the memory. */
static void repack(struct part *part, const uint8_t *bytes, uint32_t size)
{
    uint8_t *room = malloc(PART_ROOM);
    if (!room)
        return;
    size_t stored = part_pack(bytes, size, room, PART_ROOM);
    part->payload.size = 0;
    buffer_put(&part->payload, room, stored);
    free(room);
}

static void test_compressed(const struct module *module)
{
    struct forging forging = {.module = module};
    struct buffer bytes = {0};
    struct error error = {0};
    struct snapshot snapshot = {0};
    if (!snapshot_stored(module, AT_HOST, true, true, &bytes) ||
        !check(snapshot_open(&snapshot, bytes.data, bytes.size, &error), "a compressed snapshot"))
        return;
    check(snapshot.version == 2 && snapshot.memory_parts == 1 && bytes.size < 2000, "is small");
    parts_split(&forging.parts, bytes.data, bytes.size);
    check(accepts(module, &forging.parts, &error), "taken apart and put together");

    struct memory_parts parts;
    struct cursor cursor = {0};
    uint8_t plain[PART_SIZE];
    bool good;
    check(memory_parts_begin(&parts, &snapshot, &error) &&
              memory_parts_next(&parts, &cursor, &good),
          "its memory");
    uint32_t size = (uint32_t)(cursor.end - cursor.at);
    memcpy(plain, cursor.at, size);
    memory_parts_end(&parts);

    struct part *part = part_of(&forging, SECTION_MEMORY);
    for (uint32_t i = 0; i < 5; i++)
        refused_u32(&forging, SECTION_MEMORY, 0,
                    (uint32_t[]){0, size - 1, size + 1, PART_SIZE + 1, UINT32_MAX}[i],
                    "section memory cannot be decompressed");
    put_le32(forging.parts.header + 8, 1);
    refused(&forging, "unknown section 3, flags 1");
    put_le32(forging.parts.header + 8, 2);
    part->flags = 2;
    refused(&forging, "unknown section 3, flags 2");
    part->flags = STORED_LZ4;
    put_le32(plain + 1, 5);
    repack(part, plain, size);
    refused(&forging, "has 5 pages");
    put_le32(plain + 1, 3);
    put_le32(plain + 9, 48);
    repack(part, plain, size);
    refused(&forging, "overlap, touch or lie outside");
    put_le32(plain + 9, 0);
    repack(part, plain, size - 1);
    refused(&forging, "ends too early");
    repack(part, plain, size);
    check(accepts(module, &forging.parts, &error), "as it was");
    forging.parts.part[forging.parts.count++] =
        (struct part){.id = SECTION_END}; /* room for a second part */
    unsigned at = (unsigned)(part - forging.parts.part);
    memmove(part + 1, part, (forging.parts.count - 1 - at) * sizeof *part);
    part->payload = (struct buffer){0};
    repack(part, plain, size);
    refused(&forging, "overlap, touch or lie outside");
    parts_free(&forging.parts);
    buffer_free(&bytes);
}

/* ---- blocks without their zeros */

/* Packed and unpacked, a block is what it was; cut, or with room for less, it is refused. */
static size_t pack_and_back(const uint8_t block[BLOCK_SIZE])
{
    uint8_t packed[PACKED_ROOM], again[BLOCK_SIZE];
    size_t size = block_pack(block, packed);
    check(size <= PACKED_ROOM && block_unpack(packed, size, again) == size &&
              memcmp(again, block, BLOCK_SIZE) == 0,
          "a block packed and unpacked");
    unsigned accepted = 0;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1); /* so that a sanitizer sees its end */
        if (!part)
            break;
        memcpy(part, packed, cut);
        accepted += block_unpack(part, cut, again) != 0;
        free(part);
    }
    check(accepted == 0, "a packed block that is cut is refused");
    return size;
}

static void test_blocks(void)
{
    uint8_t block[BLOCK_SIZE] = {0};
    uint32_t state = 1;
    check(pack_and_back(block) == 4, "zeros");
    block[BLOCK_SIZE - 1] = 1;
    check(pack_and_back(block) == 6, "a byte at the end");
    memset(block, 0xFF, sizeof block);
    check(pack_and_back(block) == BLOCK_SIZE + 4 && block_is_dense(block), "no zero at all");
    for (unsigned i = 0; i < BLOCK_SIZE; i += 16)
        block[i] = block[i + 1] = 0;
    check(pack_and_back(block) == BLOCK_SIZE + BLOCK_SIZE / 16, "what packs worst");
    for (unsigned sparse = 1; sparse < 256; sparse <<= 1) {
        for (unsigned i = 0; i < BLOCK_SIZE; i++) {
            state = state * 1664525u + 1013904223u;
            block[i] = (state >> 8 & 255) < sparse ? 0 : (uint8_t)(state >> 24);
        }
        pack_and_back(block);
    }
    const uint8_t longer[] = {PACKED_ZEROS, 255, PACKED_ZEROS, 254, PACKED_WHOLE, 1};
    check(block_unpack(longer, sizeof longer, block) == 0, "more words than a block has");
}

static void test_packed(const struct module *module)
{
    struct forging forging = {.module = module};
    struct buffer bytes = {0};
    struct error error = {0};
    if (!snapshot_at(module, AT_HOST, true, &bytes))
        return;
    parts_split(&forging.parts, bytes.data, bytes.size);
    struct part *part = part_of(&forging, SECTION_MEMORY);
    const uint16_t id = SECTION_MEMORY;
    check(part->flags == STORED_PACKED && bytes.size < 2000, "a packed memory is small");
    check(accepts(module, &forging.parts, &error), "taken apart and put together");
    /* head, a run of one block */
    refused_u32(&forging, id, 1, 5, "has 5 pages");
    refused_u32(&forging, id, 5, 4, "section memory cannot be decompressed");
    refused_u32(&forging, id, 5, 2, "section memory cannot be decompressed");
    refused_u32(&forging, id, 5, UINT32_MAX, "section memory cannot be decompressed");
    refused_u32(&forging, id, 9, 48, "overlap, touch or lie outside");
    for (uint32_t i = 0; i < 4; i++)
        refused_u32(&forging, id, 13, (uint32_t[]){0, 2, 16, UINT32_MAX}[i],
                    "section memory cannot be decompressed");
    for (unsigned version = 1; version < 6; version++) {
        put_le32(forging.parts.header + 8, version);
        refused(&forging, "unknown section 3, flags 2");
    }
    put_le32(forging.parts.header + 8, 6);
    part->flags = STORED_LZ4;
    refused(&forging, "unknown section 3, flags 1");
    part->flags = STORED_PLAIN;
    refused(&forging, "section memory");
    part->flags = STORED_PACKED;
    for (size_t size = part->payload.size; part->payload.size > 0; part->payload.size--)
        if (part->payload.size < size)
            refused(&forging, "section memory");
    parts_free(&forging.parts);
    buffer_free(&bytes);
}

static void test_globals(const struct module *module)
{
    struct forging forging = forging_of(module, AT_HOST);
    const uint16_t id = SECTION_GLOBALS;
    enum { WIDE = 9, SINGLE = WIDE + 9, DOUBLE = SINGLE + 5, FUNCTION = DOUBLE + 9 };
    check(get_le32(payload(&forging, id) + FUNCTION + 1) == GUEST_SUM, "a function in a global");
    refused_u32(&forging, id, 0, 4, "another number of globals");
    refused_u8(&forging, id, 4, TYPE_F32, "a global that the module cannot have");
    refused_u8(&forging, id, DOUBLE + 8, 0x41, "changes an immutable global");
    refused_u32(&forging, id, FUNCTION + 1, 6, "a global that the module cannot have");
    parts_free(&forging.parts);
}

static void test_tables(const struct module *module)
{
    struct forging forging = forging_of(module, AT_HOST);
    const uint16_t id = SECTION_TABLES;
    enum { SIZE = 5, ELEMENTS = 9, THINGS = ELEMENTS + 6 * 4 };
    const uint8_t *tables = payload(&forging, id);
    check(get_le32(tables + SIZE) == 6 && get_le32(tables + ELEMENTS) == GUEST_LEAF &&
              get_le32(tables + ELEMENTS + 12) == UINT32_MAX &&
              get_le32(tables + ELEMENTS + 16) == GUEST_WORK,
          "what table.grow and table.init did");
    refused_u32(&forging, id, 0, 1, "another number of tables");
    refused_u8(&forging, id, 4, TYPE_EXTERNREF, "a table that the module cannot have");
    refused_u32(&forging, id, SIZE, 3, "a table that the module cannot have");
    refused_u32(&forging, id, SIZE, 9, "a table that the module cannot have");
    refused_u32(&forging, id, SIZE, UINT32_MAX, "a table that the module cannot have");
    refused_u32(&forging, id, SIZE, 8, "section tables");
    refused_u32(&forging, id, ELEMENTS, 6, "no reference of the module");
    refused_u8(&forging, id, THINGS, TYPE_FUNCREF, "a table that the module cannot have");
    parts_free(&forging.parts);
}

static void test_segments(const struct module *module)
{
    struct forging forging = forging_of(module, AT_HOST);
    const uint16_t id = SECTION_SEGMENTS;
    static const uint8_t all_dropped[] = {3, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0, 1, 1};
    check(memcmp(payload(&forging, id), all_dropped, sizeof all_dropped) == 0, "dropped segments");
    refused_u32(&forging, id, 0, 2, "another number of element segments");
    refused_u32(&forging, id, 7, 3, "another number of data segments");
    refused_u8(&forging, id, 4, 0, "a segment in a state that the module cannot reach");
    refused_u8(&forging, id, 5, 2, "a segment in a state");
    refused_u8(&forging, id, 6, 0, "a segment in a state");
    refused_u8(&forging, id, 11, 0, "a segment in a state");
    parts_free(&forging.parts);
}

static void set_text(struct buffer *buffer, const char *text)
{
    buffer->size = 0;
    buffer_put(buffer, text, strlen(text));
}

static void test_notes(const struct module *module)
{
    static const struct {
        const char *notes, *words;
    } bad[] = {
        {"", "empty or not UTF-8"},
        {"host=a", "ends too early"},
        {"host\n", "not key=value"},
        {"=a\n", "not key=value"},
        {"Host=a\n", "not key=value"},
        {"host=\x1b[2J\n", "a control character"},
        {"host=a\x7f\n", "a control character"},
        {"host=\xC2\x9B\n", "a control character"},
        {"host=\xFF\n", "not UTF-8"},
        {"host=a\nhost=b\n", "out of order"},
        {"module=a\nhost=b\n", "out of order"},
        {"module=a\nmod=b\n", "out of order"},
    };
    struct forging forging = forging_of(module, AT_START);
    struct buffer *notes = &part_of(&forging, SECTION_NOTES)->payload;
    struct error error = {0};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        set_text(notes, bad[i].notes);
        refused(&forging, bad[i].words);
    }
    set_text(notes, "a=\nhost=\xC3\xA9=\nhost-name=x\n");
    check(accepts(module, &forging.parts, &error), "notes that nobody asked for");
    parts_free(&forging.parts);
}

/* ---- what is written */

static void test_written_notes(const struct module *module)
{
    struct buffer bytes = {0}, plain = {0}, again = {0};
    struct snapshot snapshot = {0};
    struct subject subject;
    struct error error = {0};
    begin(&subject, module);
    subject_run(&subject, 3, &error);
    subject.guest.module_path = "a\x1b\n\xC3\xA9\xC2\x9B.wasm";
    check(subject_capture(&subject, false, &bytes, &error) &&
              subject_capture(&subject, true, &plain, &error) &&
              snapshot_open(&snapshot, bytes.data, bytes.size, &error),
          "a snapshot with notes");
    check(span_is(snapshot.module_path, "a??\xC3\xA9?.wasm"), "a path fit for a terminal");
    check(span_is(snapshot_note(&snapshot, "host"), "test"), "the host's note");
    check(snapshot_note(&snapshot, "time").size > 5, "the time's note");
    check(snapshot_note(&snapshot, "tim").size == 0, "no such note");
    subject.guest.module_path = "\xFF\xC2";
    check(subject_capture(&subject, false, &bytes, &error) &&
              snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
              span_is(snapshot.module_path, "??"),
          "a path that is not UTF-8");
    check(subject_capture(&subject, true, &again, &error) && again.size == plain.size &&
              memcmp(again.data, plain.data, plain.size) == 0,
          "notes do not touch the rest");
    check(snapshot_open(&snapshot, plain.data, plain.size, &error) && !snapshot.notes.data &&
              snapshot.module_path.size == 0,
          "reproducible: no notes");
    buffer_free(&bytes);
    buffer_free(&plain);
    buffer_free(&again);
    subject_unmake(&subject);
}

static void test_module(const struct module *module)
{
    struct buffer bytes = {0};
    struct snapshot snapshot = {0};
    struct subject subject;
    struct error error = {0};
    uint8_t other[sizeof guest_bytes];
    const struct capture_options options = {.embed_module = true};
    const struct sink sink = sink_into(&bytes);
    begin(&subject, module);
    subject_run(&subject, 3, &error);
    check(snapshot_capture(&subject.guest, &options, &sink, &error) &&
              snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
              snapshot_check_module(&snapshot, snapshot.module.data, snapshot.module.size, &error),
          "an embedded module");
    memcpy(other, guest_bytes, sizeof other);
    other[sizeof other - 1] ^= 1;
    check(!snapshot_check_module(&snapshot, other, sizeof other, &error), "another module");
    check_message(&error, ERROR_SNAPSHOT, "another module", "that it is another module");
    check(!snapshot_check_module(&snapshot, other, 8, &error), "a shorter module");
    struct forging forging = {.module = module};
    parts_split(&forging.parts, bytes.data, bytes.size);
    buffer_put_u8(&part_of(&forging, SECTION_MODULE)->payload, 0);
    refused(&forging, "section module has another size");
    parts_free(&forging.parts);
    buffer_free(&bytes);
    subject_unmake(&subject);
}

struct page {
    char text[8192];
};

static void add_line(void *context, const char *text)
{
    struct page *page = context;
    size_t used = strlen(page->text);
    snprintf(page->text + used, sizeof page->text - used, "%s\n", text);
}

static void test_describe(const struct module *module)
{
    static const char *const wanted[] = {
        "version 6",
        "note: module = guest.wasm",
        "fuel used: 7",
        "frames: 4, innermost first",
        "   0: sum + 0x",
        "(entry)",
        "   2: work + 0x",
        "operands: i32:4 i32:1000 i32:12",
        "funcref:func[3] externref:null",
        "   3: go + 0x",
        "memory: 3 pages (196608 bytes), of which 16384 bytes are stored in 3 runs",
        "globals: 5",
        "table 0: 6 elements of funcref, 5 not null",
        "element segments: 3, of which 3 are dropped",
        "data segments: 2, of which 2 are dropped",
        "bytes in sections: run 13, frames ",
    };
    struct buffer bytes = {0};
    struct snapshot snapshot = {0};
    struct error error = {0};
    struct page page = {""};
    if (!snapshot_at(module, AT_SUM, false, &bytes))
        return;
    check(snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
              snapshot_describe(&snapshot, module, add_line, &page, &error),
          "a description");
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!check(strstr(page.text, wanted[i]) != NULL, wanted[i]))
            printf("%s", page.text);
    page.text[0] = 0;
    check(snapshot_describe(&snapshot, NULL, add_line, &page, &error) &&
              strstr(page.text, "0: func[3] + 0x"),
          "a description without the module");
    buffer_free(&bytes);
}

static bool write_nothing(void *context, const void *data, size_t size, struct error *error)
{
    unsigned *left = context;
    (void)data, (void)size;
    return (*left)-- > 0 || error_set(error, ERROR_IO, "full");
}

static void test_full_sink(const struct module *module)
{
    struct subject subject;
    struct error error = {0};
    const struct capture_options options = {.reproducible = true};
    begin(&subject, module);
    subject_run(&subject, 3, &error);
    for (unsigned writes = 0; writes < 20; writes++) {
        unsigned left = writes;
        const struct sink sink = {write_nothing, &left};
        error = (struct error){0};
        check(!snapshot_capture(&subject.guest, &options, &sink, &error) && error.kind == ERROR_IO,
              "a sink that is full");
    }
    subject_unmake(&subject);
}

/* ---- files */

static bool read_file(const char *path, struct buffer *bytes)
{
    FILE *file = fopen(path, "rb");
    int c;
    bytes->size = 0;
    while (file && (c = getc(file)) != EOF)
        buffer_put_u8(bytes, (uint8_t)c);
    return file && fclose(file) == 0;
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void test_save(const struct module *module)
{
    char folder[] = "/tmp/snapshot-XXXXXX", path[64], part[64], other[64];
    struct subject subject;
    struct error error = {0};
    struct buffer captured = {0}, read = {0};
    const struct capture_options options = {.reproducible = true};
    uint64_t size = 0;
    if (!check(mkdtemp(folder) != NULL, "a folder for the test"))
        return;
    snprintf(path, sizeof path, "%s/a.snapshot", folder);
    snprintf(part, sizeof part, "%s" OUTPUT_PART, path);
    snprintf(other, sizeof other, "%s/other", folder);
    begin(&subject, module);
    subject_run(&subject, 3, &error);
    check(subject_capture(&subject, true, &captured, &error), "a capture");

    /* somebody else's link under the temporary name is not written through */
    check(symlink(other, part) == 0, "a link");
    check(snapshot_save(&subject.guest, &options, path, &size, &error), "saved");
    check(size == captured.size && read_file(path, &read) && read.size == size &&
              memcmp(read.data, captured.data, read.size) == 0,
          "the file is what was captured");
    check(!is_there(part) && !is_there(other), "nothing left beside it");

    check(snapshot_save(&subject.guest, &options, path, NULL, &error), "saved over it");

    /* a capture that fails in its middle: a table with a function of another module */
    struct function *foreign = host_function_create(&module->types[0], double_it, &subject);
    subject.instance->tables[0]->elements[3] = (reference)foreign;
    error = (struct error){0};
    check(!snapshot_save(&subject.guest, &options, path, NULL, &error), "not saved");
    check_message(&error, ERROR_UNSUPPORTED, "another module", "why not");
    check(read_file(path, &read) && read.size == captured.size && !is_there(part),
          "the old file is intact");
    subject.instance->tables[0]->elements[3] = 0;
    host_function_destroy(foreign);

    snprintf(other, sizeof other, "%s/none/a.snapshot", folder);
    check(!snapshot_save(&subject.guest, &options, other, NULL, &error), "no such folder");
    check_message(&error, ERROR_IO, "none/a.snapshot", "its name");
    check(!snapshot_save(&subject.guest, &options, folder, NULL, &error), "a folder is no file");
    snprintf(other, sizeof other, "%s" OUTPUT_PART, folder);
    check(!is_there(other), "nothing left beside the folder");

    unlink(path);
    check(rmdir(folder) == 0, "the folder is empty");
    buffer_free(&captured);
    buffer_free(&read);
    subject_unmake(&subject);
}

/* ---- imported state */

/* (module
 *   (import "e" "memory" (memory 1))
 *   (import "e" "table" (table 2 funcref))
 *   (import "e" "global" (global (mut i32)))
 *   (import "e" "reference" (global (mut funcref)))
 *   (func (export "go") (loop (br 0)))) */
static const uint8_t importer_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x02, 0x34,
    0x04, 0x01, 0x65, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x01, 0x01, 0x65, 0x05,
    0x74, 0x61, 0x62, 0x6c, 0x65, 0x01, 0x70, 0x00, 0x02, 0x01, 0x65, 0x06, 0x67, 0x6c, 0x6f, 0x62,
    0x61, 0x6c, 0x03, 0x7f, 0x01, 0x01, 0x65, 0x09, 0x72, 0x65, 0x66, 0x65, 0x72, 0x65, 0x6e, 0x63,
    0x65, 0x03, 0x70, 0x01, 0x03, 0x02, 0x01, 0x00, 0x07, 0x06, 0x01, 0x02, 0x67, 0x6f, 0x00, 0x00,
    0x0a, 0x09, 0x01, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b};

struct world {
    struct memory memory;
    struct table table;
    struct global_instance global, reference;
    struct instance *instance;
    struct execution execution;
    struct guest guest;
};

static bool world_make(struct world *world, const struct module *module)
{
    *world =
        (struct world){.global.type = {TYPE_I32, true}, .reference.type = {TYPE_FUNCREF, true}};
    const struct limits limits = {.min = 1, .max = MAX_PAGES};
    const struct tabletype type = {TYPE_FUNCREF, {.min = 2, .max = UINT32_MAX}};
    const struct extern_value imports[] = {
        {.kind = EXTERN_MEMORY, .of.memory = &world->memory},
        {.kind = EXTERN_TABLE, .of.table = &world->table},
        {.kind = EXTERN_GLOBAL, .of.global = &world->global},
        {.kind = EXTERN_GLOBAL, .of.global = &world->reference},
    };
    if (!memory_create(&world->memory, &limits, 3, NULL) ||
        !table_create(&world->table, &type, NULL) ||
        !instance_create(&world->instance, module, imports, NULL, NULL) ||
        !execution_init(&world->execution, world->instance, 8192, NULL))
        return false;
    world->guest = (struct guest){.module = module,
                                  .instance = world->instance,
                                  .execution = &world->execution,
                                  .started = true};
    return true;
}

static void world_unmake(struct world *world)
{
    execution_free(&world->execution);
    instance_destroy(world->instance);
    memory_destroy(&world->memory);
    table_destroy(&world->table);
}

static void test_imports(void)
{
    struct module module;
    struct world world = {0}, other = {0};
    struct buffer bytes = {0};
    struct snapshot snapshot = {0};
    struct error error = {0};
    const struct capture_options options = {.reproducible = true};
    const struct sink sink = sink_into(&bytes);
    check(module_load(&module, importer_bytes, sizeof importer_bytes, &error), "a module");
    check(world_make(&world, &module) && world_make(&other, &module), "two worlds");
    check(execution_call(&world.execution, 0, NULL, &error) &&
              execution_run(&world.execution, 10) == RUN_OUT_OF_FUEL,
          "a run");
    memory_grow(&world.memory, 1);
    world.memory.base[100000] = 42;
    world.table.elements[1] = funcref_of(world.instance, 0);
    world.global.value.i32 = 43;
    world.reference.value.ref = funcref_of(world.instance, 0);
    check(snapshot_capture(&world.guest, &options, &sink, &error) &&
              snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
              snapshot_restore(&snapshot, other.instance, &other.execution, &error),
          "imported state out and in");
    check(other.memory.pages == 2 && other.memory.base[100000] == 42 &&
              other.global.value.i32 == 43 && other.execution.fuel_used == 10 &&
              other.table.elements[1] == funcref_of(other.instance, 0) &&
              other.reference.value.ref == funcref_of(other.instance, 0),
          "by value");
    bytes.size = 0;
    world.reference.value.ref = funcref_of(other.instance, 0);
    check(!snapshot_capture(&world.guest, &options, &sink, &error), "another instance's function");
    check_message(&error, ERROR_UNSUPPORTED, "another module", "why not");
    world_unmake(&world);
    world_unmake(&other);
    module_free(&module);
    buffer_free(&bytes);
}

static bool write_seed(const char *folder, const char *name, unsigned number, struct buffer *bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%u", folder, name, number);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(bytes->data, 1, bytes->size, file) == bytes->size;
    good = file && fclose(file) == 0 && good;
    if (!good)
        printf("cannot write %s: %s\n", path, strerror(errno));
    buffer_free(bytes);
    return good;
}

/* With two blocks that are stored as they are. */
static void dense_at_start(const struct module *module, struct buffer *bytes)
{
    struct subject subject;
    begin(&subject, module);
    subject.guest.started = false;
    subject_run(&subject, AT_START, NULL);
    memset(subject.instance->memory->base, 1, 2 * BLOCK_SIZE);
    subject_capture(&subject, true, bytes, NULL);
    subject_unmake(&subject);
}

static int write_seeds(const struct module *module, const char *folder)
{
    static const uint32_t fuels[] = {1, AT_START, 5, AT_SUM, 13, AT_HOST};
    struct buffer bytes = {0};
    for (unsigned i = 0; i < sizeof fuels / sizeof *fuels; i++) {
        snapshot_at(module, fuels[i], i % 2, &bytes);
        if (!write_seed(folder, "after", fuels[i], &bytes))
            return 1;
    }
    dense_at_start(module, &bytes);
    if (!write_seed(folder, "dense", AT_START, &bytes))
        return 1;
    struct forging forging = forging_of_call(module);
    parts_join(&forging.parts, &bytes);
    parts_free(&forging.parts);
    return !write_seed(folder, "call", AT_START, &bytes);
}

static int put_checksums_right(const char *path)
{
    static uint8_t bytes[1 << 20];
    struct parts parts;
    struct buffer forged = {0};
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    bool good = parts_split(&parts, bytes, size);
    if (good)
        parts_join(&parts, &forged);
    parts_free(&parts);
    file = good ? fopen(path, "wb") : NULL;
    good = file && fwrite(forged.data, 1, forged.size, file) == forged.size;
    if (file && fclose(file) != 0)
        good = false;
    buffer_free(&forged);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct module module;
    struct error error = {0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!module_load(&module, guest_bytes, sizeof guest_bytes, &error)) {
        printf("%s\n", error.message);
        return 1;
    }
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        int status = write_seeds(&module, argv[2]);
        module_free(&module);
        return status;
    }
    if (argc == 3 && strcmp(argv[1], "--checksums") == 0) {
        module_free(&module);
        return put_checksums_right(argv[2]);
    }
    test_teardown(&module);
    for (int compress = 0; compress < 2; compress++) {
        test_bits(&module, compress);
        test_lengths(&module, compress);
    }
    test_header(&module);
    test_sections(&module);
    test_run_section(&module);
    test_call_section(&module);
    test_calls(&module);
    test_frames(&module);
    test_frame_order(&module);
    test_memory(&module);
    test_compressed(&module);
    test_blocks();
    test_packed(&module);
    test_globals(&module);
    test_tables(&module);
    test_segments(&module);
    test_notes(&module);
    test_written_notes(&module);
    test_module(&module);
    test_describe(&module);
    test_full_sink(&module);
    test_save(&module);
    test_imports();
    module_free(&module);
    return checks_end();
}
