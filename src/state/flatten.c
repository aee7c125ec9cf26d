/* flatten.c - a snapshot and its bases as one snapshot without a base. */
#include <stdlib.h>

#include "state/block.h"
#include "state/delta.h"
#include "state/parts.h"
#include "state/writer.h"

void snapshot_id(const struct snapshot *snapshot, uint8_t id[DIGEST_SIZE])
{
    struct digest *digest = digest_begin();
    memset(id, 0, DIGEST_SIZE);
    if (!digest)
        return;
    digest_add(digest, snapshot->bytes, HEADER_SIZE);
    for (size_t at = HEADER_SIZE; at < snapshot->size;) {
        const uint8_t *section = snapshot->bytes + at;
        size_t size = (size_t)get_le64(section + 4);
        digest_add(digest, section, SECTION_HEADER_SIZE);
        digest_add(digest, section + SECTION_HEADER_SIZE + size, CHECKSUM_SIZE);
        at += SECTION_HEADER_SIZE + size + CHECKSUM_SIZE;
    }
    digest_end(digest, id);
}

/* The memory that the chain makes: by block, where it is, or NULL. */
struct memory_map {
    const uint8_t **blocks;
    uint32_t count;
    bool has;
    uint32_t pages;
    uint8_t **unpacked; /* owned: parts that were compressed */
    uint32_t nunpacked;
};

static const uint8_t *map_block(const void *context, uint32_t index)
{
    const struct memory_map *map = context;
    return map->blocks[index];
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "no memory for a snapshot and its bases");
}

/* The bytes of a compressed part are kept, since the map points into them. */
static bool keep_part(struct memory_map *map, struct memory_parts *parts, struct cursor *cursor)
{
    if (cursor->at != parts->bytes)
        return true;
    size_t size = (size_t)(cursor->end - cursor->at);
    uint8_t **longer = realloc(map->unpacked, (map->nunpacked + 1) * sizeof *longer);
    uint8_t *copy = longer ? malloc(size) : NULL;
    if (longer)
        map->unpacked = longer;
    if (!copy)
        return out_of_memory(parts->error);
    map->unpacked[map->nunpacked++] = copy;
    memcpy(copy, cursor->at, size);
    cursor->at = copy;
    cursor->end = copy + size;
    return true;
}

static bool map_runs(struct memory_map *map, struct cursor *cursor)
{
    cursor_take(cursor, 5);
    for (uint32_t runs = cursor_u32(cursor); runs > 0 && cursor->good; runs--) {
        uint32_t first = cursor_u32(cursor), count = cursor_u32(cursor);
        if ((uint64_t)first + count > map->count)
            return cursor_refuse(cursor, "has runs of blocks that lie outside");
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        for (; count > 0; count--)
            map->blocks[first++] = cursor_take(cursor, BLOCK_SIZE);
    }
    return cursor->good;
}

static bool map_memory(struct memory_map *map, const struct snapshot *snapshot, struct error *error)
{
    struct memory_parts parts;
    struct cursor cursor;
    bool good = memory_parts_begin(&parts, snapshot, error);
    bool right = good;
    while (right && memory_parts_next(&parts, &cursor, &good))
        right = keep_part(map, &parts, &cursor) && map_runs(map, &cursor);
    memory_parts_end(&parts);
    return right && good;
}

/* Blocks that the newest snapshot does not name are zero now; the others must be what it says. */
static bool check_hashes(struct memory_map *map, const struct snapshot *snapshot,
                         struct error *error)
{
    struct cursor cursor = cursor_of(snapshot, SECTION_BASE, &snapshot->base, error);
    uint64_t next = 0;
    cursor_take(&cursor, DIGEST_SIZE);
    for (uint32_t runs = cursor_u32(&cursor); runs > 0 && cursor.good; runs--) {
        uint32_t first = cursor_u32(&cursor), count = cursor_u32(&cursor);
        if (first < next || (uint64_t)first + count > map->count)
            return cursor_refuse(&cursor, "has runs of blocks that overlap or lie outside");
        for (; next < first; next++)
            map->blocks[next] = NULL;
        for (; count > 0 && cursor.good; count--, next++) {
            const uint8_t *block = map->blocks[next];
            if (!block || block_hash(block) != get_le64(cursor_take(&cursor, 8)))
                return cursor_refuse(&cursor, "does not fit the memory of its base");
        }
    }
    for (; next < map->count; next++)
        map->blocks[next] = NULL;
    return cursor_end(&cursor);
}

/* The place is one in another file than the reader is looking at. */
static bool in_base(struct error *error, uint32_t index)
{
    if (error)
        error->offset = ERROR_NO_OFFSET;
    return error_prefix(error, "base %u of the chain", index);
}

static bool make_map(struct memory_map *map, const struct snapshot *chain, uint32_t count,
                     struct error *error)
{
    struct memory_parts parts;
    struct cursor cursor;
    bool good;
    if (!memory_parts_begin(&parts, chain, error))
        return false;
    if (memory_parts_next(&parts, &cursor, &good)) {
        map->has = cursor_u8(&cursor);
        map->pages = cursor_u32(&cursor);
        good = cursor.good;
    }
    memory_parts_end(&parts);
    if (!good || map->pages > MAX_PAGES)
        return good ? error_set(error, ERROR_SNAPSHOT,
                                "snapshot refused: more memory than there can be")
                    : false;
    map->count = map->pages * BLOCKS_PER_PAGE;
    map->blocks = calloc((size_t)map->count + 1, sizeof *map->blocks);
    if (!map->blocks)
        return out_of_memory(error);
    for (uint32_t i = count; i > 0; i--)
        if (!map_memory(map, &chain[i - 1], error))
            return i == 1 ? false : in_base(error, i - 1);
    return count == 1 || check_hashes(map, chain, error);
}

/* Each is the base of the one before it, and the last has none. */
static bool check_chain(const struct snapshot *chain, uint32_t count, struct error *error)
{
    for (uint32_t i = 0; i + 1 < count; i++) {
        uint8_t id[DIGEST_SIZE];
        snapshot_id(&chain[i + 1], id);
        if (chain[i].base.size < DIGEST_SIZE || memcmp(chain[i].base.data, id, DIGEST_SIZE) != 0 ||
            memcmp(chain[i].module_hash, chain[i + 1].module_hash, MODULE_HASH_SIZE) != 0)
            return error_set(error, ERROR_SNAPSHOT,
                             "snapshot refused: it is based on another snapshot");
    }
    return !chain[count - 1].base.data ||
           error_set(error, ERROR_SNAPSHOT, "snapshot refused: its base is missing");
}

/* All notes but the one that says where the base is. */
static bool write_notes(struct writer *writer, const struct snapshot *snapshot)
{
    struct section notes = snapshot->notes;
    struct span base = snapshot_note(snapshot, "base");
    if (!notes.data)
        return true;
    if (base.size) { /* it is the first line */
        size_t line = (size_t)(base.data + base.size + 1 - notes.data);
        notes = (struct section){notes.data + line, notes.size - line};
    }
    return write_section(writer, SECTION_NOTES, notes.data, notes.size);
}

static const struct section *embedded_module(const struct snapshot *chain, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (chain[i].module.data)
            return &chain[i].module;
    return NULL;
}

static bool write_plain(struct writer *writer, enum section_id id, const struct section *section)
{
    return !section || !section->data || write_section(writer, id, section->data, section->size);
}

static bool write_chain(struct writer *writer, const struct snapshot *chain, uint32_t count,
                        const struct memory_map *map)
{
    struct blocks blocks = {map->count, map_block, map};
    bool compress = chain->compressed;
    uint32_t version = !compress ? 6 : chain->call.data ? 5 : chain->files.data ? 3 : 2;
    return write_header(writer, version, chain->module_hash, chain->module_size) &&
           write_plain(writer, SECTION_RUN, &chain->run) &&
           write_plain(writer, SECTION_FRAMES, &chain->frames) &&
           write_memory(writer, map->has, map->pages, &blocks, compress) &&
           write_plain(writer, SECTION_GLOBALS, &chain->globals) &&
           write_plain(writer, SECTION_TABLES, &chain->tables) &&
           write_plain(writer, SECTION_SEGMENTS, &chain->segments) &&
           write_plain(writer, SECTION_WASI, &chain->wasi) &&
           write_plain(writer, SECTION_MODULE, embedded_module(chain, count)) &&
           write_notes(writer, chain) && write_plain(writer, SECTION_FILES, &chain->files) &&
           write_plain(writer, SECTION_CALL, &chain->call) &&
           write_section(writer, SECTION_END, NULL, 0);
}

bool snapshot_squash(const struct snapshot *chain, uint32_t count, const struct sink *sink,
                     struct error *error)
{
    struct memory_map map = {0};
    struct writer writer;
    bool good = writer_begin(&writer, sink, error) && check_chain(chain, count, error) &&
                make_map(&map, chain, count, error) && write_chain(&writer, chain, count, &map);
    for (uint32_t i = 0; i < map.nunpacked; i++)
        free(map.unpacked[i]);
    free(map.unpacked);
    free(map.blocks);
    writer_end(&writer);
    return good;
}
