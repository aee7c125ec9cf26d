/* replica.c - a whole snapshot and its changes, put into a memory one after the other. */
#include "state/replica.h"

#include <stdlib.h>

#include "exec/reach.h"
#include "state/block.h"
#include "state/memory.h"

bool replica_begin(struct replica *replica, const struct module *module, uint32_t max_pages,
                   struct error *error)
{
    *replica = (struct replica){.has_memory = module->nmemories > module->nimported_memories};
    return !replica->has_memory ||
           memory_create(&replica->memory, &module->memories[0], max_pages, error);
}

void replica_free(struct replica *replica)
{
    memory_destroy(&replica->memory);
    free(replica->hashes);
    *replica = (struct replica){0};
}

static bool grow(struct replica *replica, uint32_t pages, struct error *error)
{
    uint32_t blocks = pages * BLOCKS_PER_PAGE;
    if (!replica->has_memory)
        return true;
    uint64_t *hashes = realloc(replica->hashes, ((size_t)blocks + 1) * sizeof *hashes);
    if (hashes)
        replica->hashes = hashes;
    if (!hashes || memory_grow(&replica->memory, pages - replica->memory.pages) == UINT32_MAX)
        return error_set(error, ERROR_MEMORY, "no memory for the guest's %u pages", pages);
    memset(hashes + replica->blocks, 0, (blocks - replica->blocks) * sizeof *hashes);
    replica->blocks = blocks;
    return true;
}

static void copy_run(struct replica *replica, uint32_t first, uint32_t count, const uint8_t *bytes)
{
    memory_put(&replica->memory, first * BLOCK_SIZE, bytes, (size_t)count * BLOCK_SIZE);
    for (uint32_t i = 0; i < count; i++)
        replica->hashes[first + i] = block_hash(bytes + (size_t)i * BLOCK_SIZE);
}

/* What memory_check has found good. */
static bool copy_blocks(struct replica *replica, const struct snapshot *snapshot,
                        struct error *error)
{
    struct memory_parts parts;
    struct cursor cursor;
    bool good;
    if (!memory_parts_begin(&parts, snapshot, error))
        return false;
    while (memory_parts_next(&parts, &cursor, &good)) {
        cursor_take(&cursor, 5);
        for (uint32_t runs = cursor_u32(&cursor); replica->has_memory && runs > 0; runs--) {
            uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
            copy_run(replica, first, count, cursor_take(&cursor, (size_t)count * BLOCK_SIZE));
        }
    }
    memory_parts_end(&parts);
    return good;
}

/* Blocks that the changes do not name are zero now. */
static void clear_blocks(struct replica *replica, uint32_t first, uint32_t end)
{
    for (; first < end; first++)
        if (replica->hashes[first]) {
            memory_clear(&replica->memory, first * BLOCK_SIZE, BLOCK_SIZE);
            replica->hashes[first] = 0;
        }
}

/* All other blocks must be what the changes say. */
static bool settle(struct replica *replica, const struct snapshot *snapshot, struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_BASE, &snapshot->base, error);
    uint32_t next = 0;
    cursor_take(&cursor, DIGEST_SIZE);
    for (uint32_t runs = cursor_u32(&cursor); runs > 0 && cursor.good; runs--) {
        uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
        if (first < next || (uint64_t)first + count > replica->blocks)
            return cursor_refuse(&cursor, "has runs of blocks that overlap or lie outside");
        clear_blocks(replica, next, first);
        next = first + count;
        for (; first < next && cursor.good; first++)
            if (replica->hashes[first] != get_le64(cursor_take(&cursor, 8)))
                return cursor_refuse(&cursor, "does not fit the memory of its base");
    }
    clear_blocks(replica, next, replica->blocks);
    return cursor_end(&cursor);
}

static bool follows(const struct replica *replica, const struct snapshot *snapshot,
                    struct error *error)
{
    const struct section *base = &snapshot->base;
    return !base->data ||
           (replica->hashes && base->size >= DIGEST_SIZE &&
            memcmp(base->data, replica->id, DIGEST_SIZE) == 0) ||
           error_set(error, ERROR_SNAPSHOT, "snapshot refused: it is based on another snapshot");
}

bool replica_apply(struct replica *replica, const struct snapshot *snapshot, struct error *error)
{
    uint32_t pages = replica->memory.pages;
    if (!follows(replica, snapshot, error) ||
        !memory_check(snapshot, replica->has_memory ? &replica->memory : NULL, &pages, error) ||
        !grow(replica, pages, error))
        return false;
    if (!snapshot->base.data)
        clear_blocks(replica, 0, replica->blocks);
    snapshot_id(snapshot, replica->id);
    return copy_blocks(replica, snapshot, error) &&
           (!snapshot->base.data || settle(replica, snapshot, error));
}
