/* test_replica.c - a guest's memory put together from a whole snapshot and the changes that follow
 * it; what does not follow, or is forged, is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fuzz/snapshot_guest.h"
#include "check.h"
#include "state/replica.h"

#define ROUNDS 3 /* snapshots: a whole one, then changes */

static void check_refused(bool good, const struct error *error, const char *words, const char *what)
{
    if (!check(!good && strstr(error->message, words), what))
        printf("  instead: %s\n", good ? "accepted" : error->message);
}

/* ---- a guest that runs, and snapshots of it */

struct chain {
    struct subject subject;
    struct buffer bytes[ROUNDS];
    struct snapshot snapshots[ROUNDS];
};

/* A base is a file. */
static bool capture(struct chain *chain, unsigned round)
{
    char path[] = "/tmp/yado-replica-XXXXXX";
    struct buffer *bytes = &chain->bytes[round];
    struct capture_options options = {.reproducible = true, .compress = round == 1};
    const struct sink sink = sink_into(bytes);
    int file = mkstemp(path);
    bool good = file >= 0;
    if (good && round > 0) {
        const struct buffer *base = &chain->bytes[round - 1];
        good = write(file, base->data, base->size) == (ssize_t)base->size;
        options.base = path;
    }
    good = good && snapshot_capture(&chain->subject.guest, &options, &sink, NULL) &&
           snapshot_open(&chain->snapshots[round], bytes->data, bytes->size, NULL);
    close(file);
    unlink(path);
    return good;
}

/* Blocks of the guest's memory that it does not use: `value` in every byte, or every 16th. */
static void fill(const struct chain *chain, uint32_t first, uint32_t count, uint8_t value,
                 uint32_t step)
{
    uint8_t *at = chain->subject.instance->memory->base + (size_t)first * BLOCK_SIZE;
    memset(at, 0, (size_t)count * BLOCK_SIZE);
    for (uint32_t i = 0; i < count * BLOCK_SIZE; i += step)
        at[i] = value;
}

/* Sparse blocks as many as a part has, then dense ones, of which some change. */
static void change(const struct chain *chain, unsigned round)
{
    if (round == 0)
        fill(chain, 1, 14, 1, 16), fill(chain, 15, 1, 2, 1);
    if (round == 1)
        fill(chain, 16, 15, 3, 1);
    if (round == 2)
        fill(chain, 17, 1, 4, 1), fill(chain, 19, 1, 0, 1), fill(chain, 22, 1, 5, 16);
}

/* The first before the guest's memory grows, the last in the middle of its work. */
static void begin(struct chain *chain, const struct module *module)
{
    static const uint32_t fuel[ROUNDS] = {1, 6, 2};
    *chain = (struct chain){0};
    bool good = subject_make(&chain->subject, module, false, NULL) &&
                execution_call(&chain->subject.execution, module->start, NULL, NULL);
    for (unsigned round = 0; good && round < ROUNDS; round++) {
        subject_run(&chain->subject, fuel[round], NULL);
        change(chain, round);
        good = capture(chain, round);
    }
    check(good && chain->snapshots[0].base.size == 0 && chain->snapshots[2].base.size > 0,
          "a snapshot and two of what changed");
}

static void end(struct chain *chain)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        buffer_free(&chain->bytes[round]);
    subject_unmake(&chain->subject);
}

static bool same_memory(const struct replica *replica, const struct chain *chain)
{
    const struct memory *memory = chain->subject.instance->memory;
    return replica->memory.size == memory->size &&
           memcmp(replica->memory.base, memory->base, memory->size) == 0;
}

/* ---- it arrives */

/* In an instance of its own, to its end. */
static bool runs_on(struct replica *replica, const struct chain *chain)
{
    struct subject arrived = {.module = chain->subject.module};
    const struct snapshot *last = &chain->snapshots[ROUNDS - 1];
    struct error error = {0};
    arrived.host = host_function_create(&arrived.module->types[0], double_it, &arrived);
    struct extern_value import = {.kind = EXTERN_FUNC, .of.function = arrived.host};
    struct instance_options options = {.bare = true, .memory = &replica->memory};
    bool good = instance_create(&arrived.instance, arrived.module, &import, &options, &error) &&
                execution_init(&arrived.execution, arrived.instance, 65536, &error) &&
                snapshot_restore_onto(replica, last, arrived.instance, &arrived.execution, &error);
    arrived.guest = (struct guest){
        .module = arrived.module, .instance = arrived.instance, .execution = &arrived.execution};
    good = good && guest_from_snapshot(&arrived.guest, last, &error) &&
           subject_run(&arrived, 1000, &error) == RUN_DONE &&
           execution_result(&arrived.execution, 0).i32 == GUEST_RESULT;
    if (!good)
        printf("  %s\n", error.message);
    subject_unmake(&arrived);
    return good;
}

static void test_arrival(const struct module *module)
{
    struct chain chain;
    struct replica replica;
    begin(&chain, module);
    check(replica_begin(&replica, module, 0, NULL) &&
              replica_apply(&replica, &chain.snapshots[0], NULL),
          "a replica begins; what follows may begin with a whole snapshot again");
    for (unsigned round = 0; round < ROUNDS; round++)
        check(replica_apply(&replica, &chain.snapshots[round], NULL), "a snapshot is applied");
    check(same_memory(&replica, &chain), "the memory is the guest's");
    check(runs_on(&replica, &chain), "and the guest goes on from it");
    replica_free(&replica);
    end(&chain);
}

static unsigned count_dense(const struct buffer *bytes)
{
    struct parts parts;
    unsigned dense = 0;
    parts_split(&parts, bytes->data, bytes->size);
    for (unsigned i = 0; i < parts.count; i++)
        dense += parts.part[i].id == SECTION_MEMORY && parts.part[i].flags == STORED_PLAIN;
    parts_free(&parts);
    return dense;
}

/* One state has one file, wherever its blocks come from. */
static void test_squash(const struct module *module)
{
    struct chain chain;
    struct buffer whole = {0}, squashed = {0};
    begin(&chain, module);
    const struct snapshot newest_first[ROUNDS] = {chain.snapshots[2], chain.snapshots[1],
                                                  chain.snapshots[0]};
    const struct sink sink = sink_into(&squashed);
    check(subject_capture(&chain.subject, true, &whole, NULL) &&
              snapshot_squash(newest_first, ROUNDS, &sink, NULL),
          "a snapshot and one of a chain");
    check(whole.size == squashed.size && memcmp(whole.data, squashed.data, whole.size) == 0,
          "are the same bytes");
    check(count_dense(&whole) == 2, "some of which are dense blocks as they are");
    buffer_free(&whole);
    buffer_free(&squashed);
    end(&chain);
}

/* ---- what does not fit */

static void test_order(const struct module *module)
{
    struct chain chain;
    struct replica replica;
    struct error error = {0};
    begin(&chain, module);
    replica_begin(&replica, module, 0, NULL);
    check_refused(replica_apply(&replica, &chain.snapshots[1], &error), &error, "based on another",
                  "changes without what they are changes of");
    check(replica_apply(&replica, &chain.snapshots[0], &error), "a whole one");
    check_refused(replica_apply(&replica, &chain.snapshots[2], &error), &error, "based on another",
                  "changes that one is missing before");
    check(replica_apply(&replica, &chain.snapshots[1], &error), "changes");
    check_refused(replica_apply(&replica, &chain.snapshots[0], &error), &error, "the module allows",
                  "a memory that has become smaller");
    replica_free(&replica);
    replica_begin(&replica, module, 1, NULL);
    check(replica_apply(&replica, &chain.snapshots[0], &error), "one page");
    check_refused(replica_apply(&replica, &chain.snapshots[1], &error), &error, "memory",
                  "more memory than is allowed");
    replica_free(&replica);
    end(&chain);
}

/* The changes of the last round with one u32 of their base section changed, checksums right. */
static void refused_u32(const struct chain *chain, size_t at, uint32_t value, const char *words)
{
    struct parts parts;
    struct replica replica;
    struct buffer bytes = {0};
    struct snapshot snapshot;
    struct error error = {0};
    const struct buffer *whole = &chain->bytes[ROUNDS - 1];
    parts_split(&parts, whole->data, whole->size);
    for (unsigned i = 0; i < parts.count; i++)
        if (parts.part[i].id == SECTION_BASE)
            put_le32(parts.part[i].payload.data + at, value);
    parts_join(&parts, &bytes);
    parts_free(&parts);
    replica_begin(&replica, chain->subject.module, 0, NULL);
    for (unsigned round = 0; round + 1 < ROUNDS; round++)
        replica_apply(&replica, &chain->snapshots[round], NULL);
    check_refused(snapshot_open(&snapshot, bytes.data, bytes.size, &error) &&
                      replica_apply(&replica, &snapshot, &error),
                  &error, words, words);
    replica_free(&replica);
    buffer_free(&bytes);
}

static void test_forged(const struct module *module)
{
    struct chain chain;
    begin(&chain, module);
    refused_u32(&chain, 0, 0, "based on another");
    refused_u32(&chain, DIGEST_SIZE, 1000000, "ends too early");
    refused_u32(&chain, DIGEST_SIZE + 4, 1000000, "outside");
    refused_u32(&chain, DIGEST_SIZE + 8, 1000000, "outside");
    refused_u32(&chain, DIGEST_SIZE + 12, 0, "does not fit");
    end(&chain);
}

int main(void)
{
    struct module module;
    if (!module_load(&module, guest_bytes, sizeof guest_bytes, NULL))
        return 1;
    test_arrival(&module);
    test_squash(&module);
    test_order(&module);
    test_forged(&module);
    module_free(&module);
    return checks_end();
}
