/* snapshot_reader.c - a snapshot's file as sections. The mirror image of writer.c.
 *
 * A snapshot is untrusted: here its structure, its checksums and its notes are checked; what the
 * sections say is rebuild.c's. */
#include "state/snapshot_reader.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "state/call.h"
#include "state/cursor.h"
#include "state/hash.h"

static bool refuse(struct error *error, uint64_t offset, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: %s", reason);
}

const char *header_read(const uint8_t *bytes, size_t size, struct header *header, uint64_t *at)
{
    size_t magic = size < 8 ? size : 8;
    *at = 0;
    if (size == 0)
        return "not a snapshot, but an empty file";
    if (magic == 8 && memcmp(bytes, ENVELOPE_MAGIC, 8) == 0)
        return "it is signed or encrypted, and only the native yado opens that";
    if (memcmp(bytes, SNAPSHOT_MAGIC, magic) != 0)
        return "not a snapshot";
    *at = size;
    if (size < HEADER_SIZE)
        return "cut short: its header is not all there";
    *at = 0;
    if (get_le64(bytes + 56) != checksum_of(bytes, 56))
        return "its header was changed (checksum)";
    *at = 8;
    header->version = get_le32(bytes + 8);
    if (header->version == 0 || (header->version <= SNAPSHOT_VERSION && get_le32(bytes + 12) != 0))
        return "no such version of the format";
    memcpy(header->module_hash, bytes + 16, MODULE_HASH_SIZE);
    header->module_size = get_le64(bytes + 48);
    return NULL;
}

bool section_header_read(const uint8_t bytes[SECTION_HEADER_SIZE], struct section_header *header)
{
    *header = (struct section_header){
        .id = get_le16(bytes), .how = get_le16(bytes + 2), .size = get_le64(bytes + 4)};
    return get_le32(bytes + 12) == section_check(bytes);
}

static bool open_header(struct snapshot *snapshot, struct error *error)
{
    struct header header;
    uint64_t at;
    const char *why = header_read(snapshot->bytes, snapshot->size, &header, &at);
    if (why)
        return refuse(error, at, why);
    if (header.version > SNAPSHOT_VERSION)
        return error_set_at(error, ERROR_SNAPSHOT, 8,
                            "snapshot refused: written by a newer Yadokari, in version %u of the "
                            "format; this one reads up to version %u",
                            header.version, SNAPSHOT_VERSION);
    snapshot->version = header.version;
    memcpy(snapshot->module_hash, header.module_hash, MODULE_HASH_SIZE);
    snapshot->module_size = header.module_size;
    return true;
}

static struct section *section_of(struct snapshot *snapshot, uint32_t id)
{
    switch (id) {
    case SECTION_RUN: return &snapshot->run;
    case SECTION_FRAMES: return &snapshot->frames;
    case SECTION_MEMORY: return &snapshot->memory;
    case SECTION_GLOBALS: return &snapshot->globals;
    case SECTION_TABLES: return &snapshot->tables;
    case SECTION_SEGMENTS: return &snapshot->segments;
    case SECTION_WASI: return &snapshot->wasi;
    case SECTION_MODULE: return &snapshot->module;
    case SECTION_NOTES: return &snapshot->notes;
    case SECTION_CALL: return snapshot->version >= 5 ? &snapshot->call : NULL;
    case SECTION_BASE: return snapshot->version >= 4 ? &snapshot->base : NULL;
    case SECTION_FILES: return snapshot->version >= 3 ? &snapshot->files : NULL;
    default: return NULL;
    }
}

static bool section_error(struct error *error, uint64_t offset, uint32_t id, const char *reason)
{
    return error_set_at(error, ERROR_SNAPSHOT, offset, "snapshot refused: section %s %s",
                        section_name(id), reason);
}

/* How a section is stored; parts of the memory are many sections of one id. */
static bool stored_well(const struct snapshot *snapshot, uint32_t id, uint32_t how)
{
    uint32_t other = snapshot->version >= 6   ? STORED_PACKED
                     : snapshot->version >= 2 ? STORED_LZ4
                                              : STORED_PLAIN;
    return how == STORED_PLAIN || (id == SECTION_MEMORY && how == other);
}

static void add_part(struct snapshot *snapshot, const uint8_t *start, size_t size)
{
    if (snapshot->memory_parts++ == 0)
        snapshot->memory = (struct section){start, size};
    else
        snapshot->memory.size += size;
}

/* One section at *at; *at moves behind it. */
static bool open_section(struct snapshot *snapshot, size_t *at, uint32_t *last_id,
                         struct error *error)
{
    const uint8_t *start = snapshot->bytes + *at;
    size_t left = snapshot->size - *at;
    struct section_header header;
    if (left < SECTION_HEADER_SIZE)
        return refuse(error, *at, "cut short: its end is missing");
    if (!section_header_read(start, &header))
        return error_set_at(error, ERROR_SNAPSHOT, *at,
                            "snapshot refused: the header of the section after %s was changed "
                            "(checksum)",
                            *last_id ? section_name(*last_id) : "the file's header");
    const uint32_t id = header.id, how = header.how;
    const uint64_t size = header.size;
    left -= SECTION_HEADER_SIZE;
    if (left < CHECKSUM_SIZE || size > left - CHECKSUM_SIZE)
        return section_error(error, *at, id, "is cut short");
    size_t covered = SECTION_HEADER_SIZE + (size_t)size;
    if (get_le64(start + covered) != checksum_of(start, covered))
        return section_error(error, *at, id, "was changed (checksum)");
    struct section *section = section_of(snapshot, id);
    if ((!section && id != SECTION_END) || !stored_well(snapshot, id, how))
        return error_set_at(error, ERROR_SNAPSHOT, *at,
                            "snapshot refused: unknown section %u, flags %u", id, how);
    bool part = id == SECTION_MEMORY && (how != STORED_PLAIN || snapshot->version >= 6);
    if (id <= *last_id && !(part && *last_id == id && snapshot->memory_parts))
        return section_error(error, *at, id, "is out of order");
    if (part)
        add_part(snapshot, start, covered + CHECKSUM_SIZE);
    else if (section)
        *section = (struct section){start + SECTION_HEADER_SIZE, (size_t)size};
    else if (size != 0)
        return section_error(error, *at, id, "is not empty");
    *last_id = id;
    *at += covered + CHECKSUM_SIZE;
    return true;
}

static bool open_run(struct snapshot *snapshot, struct error *error)
{
    const uint8_t *run = snapshot->run.data;
    if (snapshot->run.size != 13 || run[0] > 1)
        return section_error(error, (uint64_t)(run - snapshot->bytes), SECTION_RUN, "is malformed");
    snapshot->started = run[0];
    snapshot->entry = get_le32(run + 1);
    snapshot->fuel_used = get_le64(run + 5);
    return true;
}

/* One line of the notes; `last` is the key of the line before. */
static bool open_note(struct cursor *cursor, struct span *last)
{
    const uint8_t *start = cursor->at;
    size_t left = (size_t)(cursor->end - start), size = 0;
    while (size < left && ((start[size] >= 'a' && start[size] <= 'z') || start[size] == '-'))
        size++;
    if (size == 0 || size == left || start[size] != '=')
        return cursor_refuse(cursor, "has a line that is not key=value");
    size_t common = size < last->size ? size : last->size;
    int order = common ? memcmp(last->data, start, common) : 0;
    if (order > 0 || (order == 0 && last->size >= size))
        return cursor_refuse(cursor, "has its lines out of order");
    *last = (struct span){start, (uint32_t)size};
    cursor->at += size + 1;
    for (; cursor->at != cursor->end && *cursor->at != '\n'; cursor->at++)
        if (*cursor->at < 0x20 || *cursor->at == 0x7F ||
            (*cursor->at == 0xC2 && cursor->at[1] < 0xA0))
            return cursor_refuse(cursor, "has a control character in it");
    return *cursor_take(cursor, 1) == '\n';
}

/* What is in the notes may go to a terminal as it is. */
static bool open_notes(const struct snapshot *snapshot, struct error *error)
{
    if (!snapshot->notes.data)
        return true;
    struct cursor cursor = cursor_of(snapshot, SECTION_NOTES, &snapshot->notes, error);
    struct span last = {0};
    if (snapshot->notes.size == 0 || snapshot->notes.size > UINT32_MAX ||
        !utf8_valid(snapshot->notes.data, (uint32_t)snapshot->notes.size))
        return cursor_refuse(&cursor, "is empty or not UTF-8");
    while (cursor.good && cursor.at != cursor.end)
        if (!open_note(&cursor, &last))
            return false;
    return cursor.good;
}

struct span snapshot_note(const struct snapshot *snapshot, const char *key)
{
    const uint8_t *at = snapshot->notes.data;
    const uint8_t *end = at ? at + snapshot->notes.size : NULL;
    size_t length = strlen(key);
    while (at != end) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            break;
        size_t size = (size_t)(line_end - at);
        if (size > length && memcmp(at, key, length) == 0 && at[length] == '=')
            return (struct span){at + length + 1, (uint32_t)(size - length - 1)};
        at = line_end + 1;
    }
    return (struct span){0};
}

static uint32_t oldest_version(const struct snapshot *snapshot)
{
    return snapshot->version >= 6   ? 6
           : snapshot->call.data    ? 5
           : snapshot->base.data    ? 4
           : snapshot->files.data   ? 3
           : snapshot->memory_parts ? 2
                                    : 1;
}

bool snapshot_open(struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                   struct error *error)
{
    *snapshot = (struct snapshot){.bytes = bytes, .size = size};
    if (!open_header(snapshot, error))
        return false;
    size_t at = HEADER_SIZE;
    uint32_t last_id = 0;
    while (last_id != SECTION_END)
        if (!open_section(snapshot, &at, &last_id, error))
            return false;
    if (at != size)
        return refuse(error, at, "bytes follow its end");
    for (uint32_t id = SECTION_RUN; id <= SECTION_WASI; id++)
        if (!section_of(snapshot, id)->data)
            return section_error(error, size, id, "is missing");
    if (snapshot->module.data && snapshot->module.size != snapshot->module_size)
        return section_error(error, (uint64_t)(snapshot->module.data - bytes), SECTION_MODULE,
                             "has another size than the header says");
    if (snapshot->version != oldest_version(snapshot))
        return refuse(error, 8, "written in another version of the format than it needs");
    snapshot->compressed = snapshot->memory_parts && snapshot->version < 6;
    if (!open_run(snapshot, error) || !open_call(snapshot, error) || !open_notes(snapshot, error))
        return false;
    snapshot->module_path = snapshot_note(snapshot, "module");
    return true;
}

bool snapshot_check_module(const struct snapshot *snapshot, const uint8_t *bytes, size_t size,
                           struct error *error)
{
    uint8_t hash[MODULE_HASH_SIZE];
    char wanted[17], found[17];
    digest_of(bytes, size, hash);
    if (size == snapshot->module_size && memcmp(hash, snapshot->module_hash, sizeof hash) == 0)
        return true;
    hex_text(snapshot->module_hash, 8, wanted);
    hex_text(hash, 8, found);
    return error_set(error, ERROR_SNAPSHOT,
                     "another module: the snapshot was taken of %s... (%llu bytes), this is %s... "
                     "(%llu bytes)",
                     wanted, (unsigned long long)snapshot->module_size, found,
                     (unsigned long long)size);
}
