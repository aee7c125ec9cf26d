/* fuzz_snapshot.c - a forged snapshot of a small guest. Checksums are put right first, so that the
 * fuzzer gets past them. What the reader accepts must be captured again as the very same bytes (one
 * state has one file), and must be able to run. */
#include <stdlib.h>

#include "snapshot_guest.h"
#include "state/describe.h"
#include "state/replica.h"
#include "state/snapshot_json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static struct module module;
static struct buffer base_bytes;
static struct snapshot base; /* of those in the corpus that have one */
static uint8_t hash[MODULE_HASH_SIZE];

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    require(module_load(&module, guest_bytes, sizeof guest_bytes, NULL));
    digest_of(guest_bytes, sizeof guest_bytes, hash);
    struct subject subject;
    require(subject_make(&subject, &module, false, NULL));
    subject.guest.started = false;
    require(execution_call(&subject.execution, module.start, NULL, NULL));
    subject_run(&subject, 5, NULL);
    require(subject_capture(&subject, true, &base_bytes, NULL));
    require(snapshot_open(&base, base_bytes.data, base_bytes.size, NULL));
    subject_unmake(&subject);
    return 0;
}

/* Changes one section's payload, its id or the order; sometimes the bytes as they are. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct parts parts;
    if (seed % 16 == 0 || !parts_split(&parts, data, size) || parts.count == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    struct part *part = &parts.part[seed / 16 % parts.count];
    struct buffer *payload = &part->payload, bytes = {0};
    size_t before = payload->size;
    if (seed / 256 % 32 == 0)
        part->id = (uint16_t)(seed / 8192 % (SECTION_CALL + 2));
    else if (seed / 256 % 32 == 1)
        buffer_free(&parts.part[--parts.count].payload);
    else if (buffer_extend(payload, 64))
        payload->size = LLVMFuzzerMutate(payload->data, before, before + 64);
    parts_join(&parts, &bytes);
    parts_free(&parts);
    if (!bytes.failed && bytes.size <= max_size) {
        size = bytes.size;
        memcpy(data, bytes.data, size);
    }
    buffer_free(&bytes);
    return size;
}

static void ignore_line(void *context, const char *text)
{
    (void)context;
    require(text[0]);
}

static void check_error(const struct error *error, size_t size)
{
    require(error->kind == ERROR_SNAPSHOT && error->message[0]);
    require(error->offset <= size || error->offset == ERROR_NO_OFFSET);
}

static bool same_section(const struct section *a, const struct section *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void require_same_memory(const struct memory *a, const struct memory *b)
{
    require(a->size == b->size && memcmp(a->base, b->base, a->size) == 0);
}

/* What was restored is captured as it was. Its memory may have been stored in another way, unless
 * it was Yadokari that wrote it. */
static void check_again(struct subject *subject, const struct snapshot *snapshot, bool own)
{
    struct buffer bytes = {0};
    struct snapshot again;
    subject->compress = snapshot->compressed;
    require(subject_capture(subject, true, &bytes, NULL));
    require(snapshot_open(&again, bytes.data, bytes.size, NULL));
    require(same_section(&again.run, &snapshot->run));
    require(same_section(&again.frames, &snapshot->frames));
    require(!own || same_section(&again.memory, &snapshot->memory));
    struct subject second;
    require(subject_restore(&second, &module, &again, NULL));
    require_same_memory(second.instance->memory, subject->instance->memory);
    subject_unmake(&second);
    require(same_section(&again.globals, &snapshot->globals));
    require(same_section(&again.tables, &snapshot->tables));
    require(same_section(&again.segments, &snapshot->segments));
    buffer_free(&bytes);
}

/* As text and as JSON, which has more in it. */
static void describe(const struct snapshot *snapshot)
{
    struct error error = {0}, why = {0};
    json_t *json;
    bool text = snapshot_describe(snapshot, &module, ignore_line, NULL, &error);
    require(text || error.kind == ERROR_SNAPSHOT);
    bool data = snapshot_json(snapshot, &module, true, &json, &why);
    require(data ? text : why.kind == ERROR_SNAPSHOT && why.message[0]);
    if (data)
        json_decref(json);
}

static void restore(const struct snapshot *snapshot, bool own)
{
    struct subject subject;
    struct error error = {0};
    if (subject_restore(&subject, &module, snapshot, &error)) {
        describe(snapshot);
        check_again(&subject, snapshot, own);
        subject_run(&subject, 200, &error);
        execution_depth(&subject.execution);
    } else {
        check_error(&error, snapshot->size);
        describe(snapshot);
    }
    subject_unmake(&subject);
}

/* What cannot be right by chance: module, version and the base's id. */
static void put_right(struct parts *parts)
{
    uint32_t version = 1;
    memcpy(parts->header + 16, hash, sizeof hash);
    put_le64(parts->header + 48, sizeof guest_bytes);
    for (unsigned i = 0; i < parts->count; i++) {
        struct part *part = &parts->part[i];
        uint32_t needed = part->flags == STORED_PACKED ? 6
                          : part->id == SECTION_BASE   ? 4
                          : part->id == SECTION_FILES  ? 3
                          : part->flags == STORED_LZ4  ? 2
                                                       : 1;
        version = needed > version ? needed : version;
        if (part->id == SECTION_BASE && part->payload.size >= DIGEST_SIZE)
            snapshot_id(&base, part->payload.data);
    }
    if (get_le32(parts->header + 8) <= SNAPSHOT_VERSION)
        put_le32(parts->header + 8, version);
}

/* As the memory of a guest that arrives while it still runs: if that is accepted, it is the memory
 * of `one`. */
static void replicate(const struct snapshot *snapshot, const struct snapshot *one)
{
    struct replica replica;
    struct subject subject;
    struct error error = {0}, why;
    require(replica_begin(&replica, &module, 0, NULL));
    if (snapshot->base.data)
        require(replica_apply(&replica, &base, NULL));
    bool good = replica_apply(&replica, snapshot, &error);
    if (!good)
        check_error(&error, snapshot->size);
    if (subject_restore(&subject, &module, one, &why) && good)
        require_same_memory(&replica.memory, subject.instance->memory);
    subject_unmake(&subject);
    replica_free(&replica);
}

/* With its base, if it has one, as one; which is a snapshot like any other then. */
static void squash(const struct snapshot *snapshot)
{
    struct snapshot chain[2] = {*snapshot, base}, one;
    struct buffer bytes = {0};
    struct error error = {0};
    const struct sink sink = sink_into(&bytes);
    if (!snapshot_squash(chain, snapshot->base.data ? 2 : 1, &sink, &error))
        check_error(&error, snapshot->size);
    else if (snapshot_open(&one, bytes.data, bytes.size, &error))
        restore(&one, true), replicate(snapshot, &one);
    else
        check_error(&error, bytes.size);
    buffer_free(&bytes);
}

static void restore_both(const struct snapshot *snapshot)
{
    restore(snapshot, false);
    squash(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot snapshot;
    struct error error = {0};
    struct parts parts;
    struct buffer bytes = {0};
    if (!snapshot_open(&snapshot, data, size, &error))
        check_error(&error, size);
    if (!parts_split(&parts, data, size))
        return 0;
    put_right(&parts);
    parts_join(&parts, &bytes);
    parts_free(&parts);
    error = (struct error){0};
    if (bytes.failed || !snapshot_open(&snapshot, bytes.data, bytes.size, &error))
        check_error(&error, bytes.size);
    else
        restore_both(&snapshot);
    buffer_free(&bytes);
    return 0;
}
