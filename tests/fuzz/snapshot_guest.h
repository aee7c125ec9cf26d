/* snapshot_guest.h - the guest of the snapshot tests: a small module that has one of everything
 * that a snapshot holds; and the parts of a snapshot file, to be changed and put together again
 * with checksums that are right.
 *
 *     (module
 *       (type $unary (func (param i32) (result i32)))
 *       (import "env" "host" (func $host (type $unary)))
 *       (memory (export "memory") 1 4)
 *       (table $functions 4 8 funcref)
 *       (table $things 1 2 externref)
 *       (global $count (mut i32) (i32.const 7))
 *       (global $wide (mut i64) (i64.const -2))
 *       (global $single (mut f32) (f32.const 1.5))
 *       (global $double f64 (f64.const 2.5))
 *       (global $function (mut funcref) (ref.null func))
 *       (start $start)
 *       (elem (table $functions) (i32.const 1) func $leaf $sum)
 *       (elem $late funcref (ref.func $leaf))
 *       (elem declare func $work)
 *       (data (i32.const 16) "hello")
 *       (data $later "later")
 *       (func $start
 *         (local i32)
 *         (loop
 *           (global.set $count (i32.add (global.get $count) (i32.const 1)))
 *           (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const
 * 3))))) (func $leaf (type $unary) (i32.add (local.get 0) (i32.const 100))) (func $sum (type
 * $unary)               ;; 1 + ... + n, recursive (if (result i32) (local.get 0) (then (local.get
 * 0) (call $sum (i32.sub (local.get 0) (i32.const 1))) (i32.add)) (else (i32.const 0)))) (func
 * $work (param i32) (result i32) (local i64 f32 f64 funcref externref) (local.set 1 (i64.const
 * 0x123456789abcdef0)) (local.set 2 (f32.const nan:0x200001)) (local.set 3 (f64.const -0.5))
 *         (local.set 4 (ref.func $sum))
 *         (drop (memory.grow (i32.const 2)))
 *         (i64.store (i32.const 0x1fff8) (local.get 1))  ;; the last bytes of page 1
 *         (i32.store8 (i32.const 0x5000) (i32.const 9))
 *         (drop (table.grow $functions (ref.func $work) (i32.const 2)))
 *         (table.init $functions $late (i32.const 0) (i32.const 0) (i32.const 1))
 *         (elem.drop $late)
 *         (memory.init $later (i32.const 0x6000) (i32.const 0) (i32.const 5))
 *         (data.drop $later)
 *         (global.set $function (local.get 4))
 *         (local.get 0)                        ;; an operand that is a local's value,
 *         (i32.const 1000)                     ;; a constant,
 *         (i32.mul (local.get 0) (i32.const 3));; and one of its own
 *         (call $sum (local.get 0))
 *         (i32.add) (i32.add) (i32.add)
 *         (call_indirect $functions (type $unary) (i32.const 1))
 *         (loop (param i32) (result i32)       ;; a parameter on the stack at the site
 *           (i32.add (i32.const 1))
 *           (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
 *         (call $host)
 *         (call_indirect $functions (type $unary) (i32.const 0)))
 *       (func $go (export "go") (result i32)
 *         (call $work (i32.const 4))))
 *
 * It returns 2360 when `host` doubles. (Encoded by wasm-tools.) */
#ifndef TESTS_SNAPSHOT_GUEST_H
#define TESTS_SNAPSHOT_GUEST_H

#include "guest/session.h"
#include "state/format.h"
#include "state/hash.h"
#include "state/snapshot.h"

static const uint8_t guest_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0d, 0x03, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x60, 0x00, 0x00, 0x60, 0x00, 0x01, 0x7f, 0x02, 0x0c, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x04, 0x68,
    0x6f, 0x73, 0x74, 0x00, 0x00, 0x03, 0x06, 0x05, 0x01, 0x00, 0x00, 0x00, 0x02, 0x04, 0x09, 0x02,
    0x70, 0x01, 0x04, 0x08, 0x6f, 0x01, 0x01, 0x02, 0x05, 0x04, 0x01, 0x01, 0x01, 0x04, 0x06, 0x24,
    0x05, 0x7f, 0x01, 0x41, 0x07, 0x0b, 0x7e, 0x01, 0x42, 0x7e, 0x0b, 0x7d, 0x01, 0x43, 0x00, 0x00,
    0xc0, 0x3f, 0x0b, 0x7c, 0x00, 0x44, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x40, 0x0b, 0x70,
    0x01, 0xd0, 0x70, 0x0b, 0x07, 0x0f, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00,
    0x02, 0x67, 0x6f, 0x00, 0x05, 0x08, 0x01, 0x01, 0x09, 0x14, 0x03, 0x02, 0x00, 0x41, 0x01, 0x0b,
    0x00, 0x02, 0x02, 0x03, 0x05, 0x70, 0x01, 0xd2, 0x02, 0x0b, 0x03, 0x00, 0x01, 0x04, 0x0c, 0x01,
    0x02, 0x0a, 0xdc, 0x01, 0x05, 0x1a, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x23, 0x00, 0x41, 0x01, 0x6a,
    0x24, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6a, 0x22, 0x00, 0x41, 0x03, 0x49, 0x0d, 0x00, 0x0b, 0x0b,
    0x08, 0x00, 0x20, 0x00, 0x41, 0xe4, 0x00, 0x6a, 0x0b, 0x14, 0x00, 0x20, 0x00, 0x04, 0x7f, 0x20,
    0x00, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x10, 0x03, 0x6a, 0x05, 0x41, 0x00, 0x0b, 0x0b, 0x99, 0x01,
    0x05, 0x01, 0x7e, 0x01, 0x7d, 0x01, 0x7c, 0x01, 0x70, 0x01, 0x6f, 0x42, 0xf0, 0xbd, 0xf3, 0xd5,
    0x89, 0xcf, 0x95, 0x9a, 0x12, 0x21, 0x01, 0x43, 0x01, 0x00, 0xa0, 0x7f, 0x21, 0x02, 0x44, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0xe0, 0xbf, 0x21, 0x03, 0xd2, 0x03, 0x21, 0x04, 0x41, 0x02, 0x40,
    0x00, 0x1a, 0x41, 0xf8, 0xff, 0x07, 0x20, 0x01, 0x37, 0x03, 0x00, 0x41, 0x80, 0xa0, 0x01, 0x41,
    0x09, 0x3a, 0x00, 0x00, 0xd2, 0x04, 0x41, 0x02, 0xfc, 0x0f, 0x00, 0x1a, 0x41, 0x00, 0x41, 0x00,
    0x41, 0x01, 0xfc, 0x0c, 0x01, 0x00, 0xfc, 0x0d, 0x01, 0x41, 0x80, 0xc0, 0x01, 0x41, 0x00, 0x41,
    0x05, 0xfc, 0x08, 0x01, 0x00, 0xfc, 0x09, 0x01, 0x20, 0x04, 0x24, 0x04, 0x20, 0x00, 0x41, 0xe8,
    0x07, 0x20, 0x00, 0x41, 0x03, 0x6c, 0x20, 0x00, 0x10, 0x03, 0x6a, 0x6a, 0x6a, 0x41, 0x01, 0x11,
    0x00, 0x00, 0x03, 0x00, 0x41, 0x01, 0x6a, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00,
    0x0b, 0x10, 0x00, 0x41, 0x00, 0x11, 0x00, 0x00, 0x0b, 0x06, 0x00, 0x41, 0x04, 0x10, 0x04, 0x0b,
    0x0b, 0x12, 0x02, 0x00, 0x41, 0x10, 0x0b, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x01, 0x05, 0x6c,
    0x61, 0x74, 0x65, 0x72, 0x00, 0x87, 0x01, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x01, 0x23, 0x06, 0x00,
    0x04, 0x68, 0x6f, 0x73, 0x74, 0x01, 0x05, 0x73, 0x74, 0x61, 0x72, 0x74, 0x02, 0x04, 0x6c, 0x65,
    0x61, 0x66, 0x03, 0x03, 0x73, 0x75, 0x6d, 0x04, 0x04, 0x77, 0x6f, 0x72, 0x6b, 0x05, 0x02, 0x67,
    0x6f, 0x04, 0x08, 0x01, 0x00, 0x05, 0x75, 0x6e, 0x61, 0x72, 0x79, 0x05, 0x14, 0x02, 0x00, 0x09,
    0x66, 0x75, 0x6e, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x73, 0x01, 0x06, 0x74, 0x68, 0x69, 0x6e, 0x67,
    0x73, 0x07, 0x28, 0x05, 0x00, 0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x01, 0x04, 0x77, 0x69, 0x64,
    0x65, 0x02, 0x06, 0x73, 0x69, 0x6e, 0x67, 0x6c, 0x65, 0x03, 0x06, 0x64, 0x6f, 0x75, 0x62, 0x6c,
    0x65, 0x04, 0x08, 0x66, 0x75, 0x6e, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x08, 0x07, 0x01, 0x01, 0x04,
    0x6c, 0x61, 0x74, 0x65, 0x09, 0x08, 0x01, 0x01, 0x05, 0x6c, 0x61, 0x74, 0x65, 0x72,
};
#define GUEST_HOST    0
#define GUEST_START   1
#define GUEST_LEAF    2
#define GUEST_SUM     3
#define GUEST_WORK    4
#define GUEST_GO      5
#define GUEST_RESULT  2360
#define GUEST_GLOBALS 5

/* One such guest. `module` is common to all. */
struct subject {
    const struct module *module;
    struct function *host;
    struct instance *instance;
    struct execution execution;
    struct guest guest;
    bool stops;    /* the host function stops at its next call */
    bool compress; /* what is captured */
};

static inline enum call_result double_it(void *context, struct execution *execution,
                                         union value *values)
{
    struct subject *subject = context;
    (void)execution;
    if (subject->stops) {
        subject->stops = false;
        return CALL_STOP;
    }
    values[0].i32 *= 2;
    return CALL_OK;
}

/* False (with the error) leaves what subject_unmake has to free. */
static inline bool subject_make(struct subject *subject, const struct module *module, bool bare,
                                struct error *error)
{
    *subject = (struct subject){.module = module};
    subject->host = host_function_create(&module->types[0], double_it, subject);
    if (!subject->host)
        return error_set(error, ERROR_MEMORY, "no memory for the host function");
    struct extern_value import = {.kind = EXTERN_FUNC, .of.function = subject->host};
    struct instance_options options = {.bare = bare};
    if (!instance_create(&subject->instance, module, &import, &options, error) ||
        !execution_init(&subject->execution, subject->instance, 65536, error))
        return false;
    subject->guest = (struct guest){.module = module,
                                    .module_path = "guest.wasm",
                                    .instance = subject->instance,
                                    .execution = &subject->execution,
                                    .entry = GUEST_GO};
    digest_of(module->bytes, module->size, subject->guest.module_hash);
    return true;
}

static inline void subject_unmake(struct subject *subject)
{
    execution_free(&subject->execution);
    instance_destroy(subject->instance);
    host_function_destroy(subject->host);
    buffer_free(&subject->guest.arguments);
}

/* Goes on for `fuel` units, from the start function into the entry too. */
static inline enum run_status subject_run(struct subject *subject, uint32_t fuel,
                                          struct error *error)
{
    enum run_status status = execution_run(&subject->execution, fuel);
    if (status != RUN_DONE || subject->guest.started)
        return status;
    if (!guest_call_next(&subject->guest, error))
        return RUN_TRAP;
    return execution_run(&subject->execution, fuel);
}

static inline bool subject_capture(const struct subject *subject, bool reproducible,
                                   struct buffer *bytes, struct error *error)
{
    const struct capture_options options = {
        .reproducible = reproducible, .host = "test", .compress = subject->compress};
    const struct sink sink = sink_into(bytes);
    bytes->size = 0;
    return snapshot_capture(&subject->guest, &options, &sink, error);
}

/* A subject that goes on from an opened snapshot. */
static inline bool subject_restore(struct subject *subject, const struct module *module,
                                   const struct snapshot *snapshot, struct error *error)
{
    if (!subject_make(subject, module, true, error) ||
        !snapshot_restore(snapshot, subject->instance, &subject->execution, error))
        return false;
    return guest_from_snapshot(&subject->guest, snapshot, error);
}

/* The parts of a file. */

#define MAX_PARTS 16

struct part {
    uint16_t id, flags;
    struct buffer payload;
};

struct parts {
    uint8_t header[HEADER_SIZE];
    struct part part[MAX_PARTS];
    unsigned count;
};

/* Takes as many whole sections as there are, whatever their checksums; false without a header. */
static inline bool parts_split(struct parts *parts, const uint8_t *bytes, size_t size)
{
    *parts = (struct parts){0};
    if (size < HEADER_SIZE)
        return false;
    memcpy(parts->header, bytes, HEADER_SIZE);
    size_t at = HEADER_SIZE;
    while (parts->count < MAX_PARTS && size - at >= SECTION_HEADER_SIZE + CHECKSUM_SIZE) {
        uint64_t length = get_le64(bytes + at + 4);
        if (length > size - at - SECTION_HEADER_SIZE - CHECKSUM_SIZE)
            break;
        struct part *part = &parts->part[parts->count++];
        *part = (struct part){.id = get_le16(bytes + at), .flags = get_le16(bytes + at + 2)};
        buffer_put(&part->payload, bytes + at + SECTION_HEADER_SIZE, (size_t)length);
        at += SECTION_HEADER_SIZE + (size_t)length + CHECKSUM_SIZE;
    }
    return true;
}

/* Appends the file to `bytes`, with all checksums right. */
static inline void parts_join(const struct parts *parts, struct buffer *bytes)
{
    uint8_t header[HEADER_SIZE];
    memcpy(header, parts->header, sizeof header);
    put_le64(header + 56, checksum_of(header, 56));
    buffer_put(bytes, header, sizeof header);
    for (unsigned i = 0; i < parts->count && !bytes->failed; i++) {
        const struct part *part = &parts->part[i];
        uint8_t head[SECTION_HEADER_SIZE];
        size_t start = bytes->size;
        put_le16(head, part->id);
        put_le16(head + 2, part->flags);
        put_le64(head + 4, part->payload.size);
        put_le32(head + 12, section_check(head));
        buffer_put(bytes, head, sizeof head);
        if (part->payload.size)
            buffer_put(bytes, part->payload.data, part->payload.size);
        if (!bytes->failed)
            buffer_put_u64(bytes, checksum_of(bytes->data + start, bytes->size - start));
    }
}

static inline void parts_free(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++)
        buffer_free(&parts->part[i].payload);
    parts->count = 0;
}

#endif
