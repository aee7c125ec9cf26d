/* fuzz_snapshot.c - the snapshot reader against hostile bytes: checksums are repaired, so that the
 * fuzzer gets past them; what restores is run. */
#include <stdlib.h>

#include "state/format.h"
#include "state/hash.h"
#include "state/snapshot.h"

/* (module (memory 1 2) (table 2 4 funcref) (global (mut i32) (i32.const 7)) (data "x")
 *   (func (param i32) (result i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0)
 *     (i32.const 1))))) (local.get 0))
 *   (func (export "_start") (drop (call 0 (i32.const 9))))) */
static const uint8_t wasm[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0, 1, 9, 2, 0x60, 1, 0x7F, 1, 0x7F, 0x60, 0, 0, 3, 3, 2, 0, 1, 4, 5, 1,
    0x70, 1, 2, 4, 5, 4, 1, 1, 1, 2, 6, 6, 1, 0x7F, 1, 0x41, 7, 0x0B, 7, 10, 1, 6, '_', 's', 't', 'a',
    'r', 't', 0, 1, 10, 26, 2, 16, 0, 3, 0x40, 0x20, 0, 0x41, 1, 0x6B, 0x22, 0, 0x0D, 0, 0x0B, 0x20, 0,
    0x0B, 7, 0, 0x41, 9, 0x10, 0, 0x1A, 0x0B, 11, 4, 1, 1, 1, 'x'};

static void repair(uint8_t *bytes, size_t size) {
    if (size < HEADER_SIZE)
        return;
    put_le64(bytes + 56, checksum_of(bytes, 56));
    for (size_t at = HEADER_SIZE; size - at >= SECTION_HEADER_SIZE + CHECKSUM_SIZE;) {
        uint64_t payload = get_le64(bytes + at + 8);
        if (payload > size - at - SECTION_HEADER_SIZE - CHECKSUM_SIZE)
            return;
        size_t covered = SECTION_HEADER_SIZE + (size_t)payload;
        put_le64(bytes + at + covered, checksum_of(bytes + at, covered));
        at += covered + CHECKSUM_SIZE;
    }
}

static void restore(const struct snapshot *snapshot, const struct module *module) {
    struct instance *instance = NULL;
    struct execution execution = {0};
    struct instance_options options = {.bare = true, .max_pages = 2};
    struct error error;
    if (instance_create(&instance, module, NULL, &options, &error) &&
        execution_init(&execution, instance, 65536, &error) &&
        snapshot_restore(snapshot, instance, &execution, &error))
        execution_run(&execution, 1000);
    execution_free(&execution);
    instance_destroy(instance);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct module module;
    struct error error;
    struct snapshot snapshot;
    if (!module.bytes && !module_load(&module, wasm, sizeof wasm, &error))
        abort();
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    repair(bytes, size);
    if (snapshot_open(&snapshot, bytes, size, &error)) {
        restore(&snapshot, &module);
    }
    free(bytes);
    return 0;
}
