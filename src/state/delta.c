/* delta.c - hashes of a base's blocks, read from its file in one pass and in little memory. */
#include "state/delta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "exec/reach.h"
#include "state/block.h"
#include "state/hash.h"
#include "state/parts.h"
#include "state/snapshot_reader.h"

enum { READ_AHEAD = 1 << 16 };

/* A file that is read once. */
struct scan {
    struct source source;
    uint8_t *buffer; /* READ_AHEAD bytes, those from `at` to `end` not taken yet */
    size_t at, end;
    const char *path;
    struct error *error;
    struct checksum *checksum; /* of the section */
    struct digest *id;
    uint64_t left; /* bytes of the payload */
    uint64_t *hashes;
    uint32_t blocks;
};

static bool refuse_base(const struct scan *scan, const char *why)
{
    return error_set(scan->error, ERROR_SNAPSHOT, "the base %s cannot be used: %s", scan->path,
                     why);
}

static bool read_file(void *context, uint8_t *bytes, size_t size, size_t *got, struct error *error)
{
    const int *file = context;
    ssize_t count;
    do
        count = read(*file, bytes, size);
    while (count < 0 && errno == EINTR);
    *got = count > 0 ? (size_t)count : 0;
    return count >= 0 || error_set(error, ERROR_IO, "%s", strerror(errno));
}

static bool fill(struct scan *scan)
{
    struct error why;
    if (!scan->source.read(scan->source.context, scan->buffer, READ_AHEAD, &scan->end, &why))
        return refuse_base(scan, why.message);
    scan->at = 0;
    return scan->end > 0 || refuse_base(scan, "it is cut short");
}

static bool read_bytes(struct scan *scan, uint8_t *bytes, size_t size)
{
    memset(bytes, 0, size);
    for (size_t done = 0; done < size;) {
        if (scan->at == scan->end && !fill(scan))
            return false;
        size_t part = scan->end - scan->at;
        part = part < size - done ? part : size - done;
        memcpy(bytes + done, scan->buffer + scan->at, part);
        scan->at += part;
        done += part;
    }
    checksum_add(scan->checksum, bytes, size);
    return true;
}

static bool read_payload(struct scan *scan, uint8_t *bytes, uint64_t size)
{
    if (size > scan->left) {
        refuse_base(scan, "a section ends too early");
        return false;
    }
    scan->left -= size;
    return read_bytes(scan, bytes, (size_t)size);
}

/* ---- runs of blocks, and of hashes */

/* Room for the hashes of a memory of so many blocks. */
static bool has_room(struct scan *scan, uint64_t blocks)
{
    if (blocks > (uint64_t)MAX_PAGES * BLOCKS_PER_PAGE)
        return refuse_base(scan, "it has more memory than there can be");
    if (blocks <= scan->blocks)
        return true;
    uint64_t *longer = realloc(scan->hashes, (size_t)blocks * sizeof *longer);
    if (!longer)
        return error_set(scan->error, ERROR_MEMORY, "no memory for the hashes of %s", scan->path);
    memset(longer + scan->blocks, 0, (size_t)(blocks - scan->blocks) * sizeof *longer);
    scan->hashes = longer;
    scan->blocks = (uint32_t)blocks;
    return true;
}

static bool read_run(struct scan *scan, bool hashes)
{
    uint8_t head[8], block[BLOCK_SIZE];
    if (!read_payload(scan, head, sizeof head))
        return false;
    uint32_t first = get_le32(head);
    uint64_t end = (uint64_t)first + get_le32(head + 4);
    if (end > scan->blocks && (!hashes || !has_room(scan, end)))
        return hashes ? false : refuse_base(scan, "its memory is not well formed");
    for (uint64_t i = first; i < end; i++) {
        if (!read_payload(scan, block, hashes ? 8 : BLOCK_SIZE))
            return false;
        scan->hashes[i] = hashes ? get_le64(block) : block_hash(block);
    }
    return true;
}

static bool read_memory(struct scan *scan)
{
    uint8_t head[9];
    if (!read_payload(scan, head, sizeof head) ||
        !has_room(scan, (uint64_t)get_le32(head + 1) * BLOCKS_PER_PAGE))
        return false;
    for (uint32_t runs = get_le32(head + 5); runs > 0; runs--)
        if (!read_run(scan, false))
            return false;
    return true;
}

static bool hash_part(struct scan *scan, const uint8_t *bytes, uint32_t size)
{
    const uint8_t *at = bytes + 9, *end = bytes + size;
    if (size < 9 || !has_room(scan, (uint64_t)get_le32(bytes + 1) * BLOCKS_PER_PAGE))
        return size >= 9 ? false : refuse_base(scan, "its memory is not well formed");
    for (uint32_t runs = get_le32(bytes + 5); runs > 0; runs--) {
        uint32_t first = end - at >= 8 ? get_le32(at) : 0,
                 count = end - at >= 8 ? get_le32(at + 4) : 0;
        if (count == 0 || (uint64_t)first + count > scan->blocks ||
            count > (uint64_t)(end - at - 8) / BLOCK_SIZE)
            return refuse_base(scan, "its memory is not well formed");
        at += 8;
        for (; count > 0; count--, at += BLOCK_SIZE)
            scan->hashes[first++] = block_hash(at);
    }
    return true;
}

static bool read_part(struct scan *scan, uint32_t how)
{
    uint8_t *space = malloc(PART_ROOM + PART_SIZE);
    uint32_t size, stored = (uint32_t)scan->left;
    if (!space)
        return error_set(scan->error, ERROR_MEMORY, "no memory to read %s", scan->path);
    bool good = scan->left <= PART_ROOM || refuse_base(scan, "its memory is not well formed");
    good = good && read_payload(scan, space, stored);
    if (good && !part_unpack(how, space, stored, space + PART_ROOM, &size))
        good = refuse_base(scan, "its memory cannot be decompressed");
    good = good && hash_part(scan, space + PART_ROOM, size);
    free(space);
    return good;
}

/* Of a base that has a base itself: that tells of all its blocks. */
static bool read_hashes(struct scan *scan)
{
    uint8_t head[DIGEST_SIZE + 4];
    if (!read_payload(scan, head, sizeof head))
        return false;
    if (scan->blocks)
        memset(scan->hashes, 0, scan->blocks * sizeof *scan->hashes);
    for (uint32_t runs = get_le32(head + DIGEST_SIZE); runs > 0; runs--)
        if (!read_run(scan, true))
            return false;
    return true;
}

/* ---- the file */

static bool skip(struct scan *scan)
{
    uint8_t bytes[BLOCK_SIZE];
    while (scan->left)
        if (!read_payload(scan, bytes, scan->left < sizeof bytes ? scan->left : sizeof bytes))
            return false;
    return true;
}

static bool read_section(struct scan *scan, uint32_t *id)
{
    uint8_t header[SECTION_HEADER_SIZE], checksum[CHECKSUM_SIZE];
    struct section_header section;
    checksum_reset(scan->checksum);
    if (!read_bytes(scan, header, sizeof header))
        return false;
    if (!section_header_read(header, &section))
        return refuse_base(scan, "it was changed (checksum)");
    *id = section.id;
    scan->left = section.size;
    bool good = *id == SECTION_MEMORY ? (section.how == STORED_PLAIN ? read_memory(scan)
                                                                     : read_part(scan, section.how))
                : *id == SECTION_BASE ? read_hashes(scan)
                                      : skip(scan);
    if (!good || !skip(scan))
        return false;
    uint64_t wanted = checksum_value(scan->checksum);
    if (!read_bytes(scan, checksum, sizeof checksum))
        return false;
    if (get_le64(checksum) != wanted)
        return refuse_base(scan, "it was changed (checksum)");
    digest_add(scan->id, header, sizeof header);
    digest_add(scan->id, checksum, sizeof checksum);
    return true;
}

static bool read_all(struct scan *scan, const struct guest *guest)
{
    uint8_t bytes[HEADER_SIZE];
    struct header header;
    uint64_t at;
    if (!read_bytes(scan, bytes, sizeof bytes))
        return false;
    const char *why = header_read(bytes, sizeof bytes, &header, &at);
    if (why)
        return refuse_base(scan, why);
    if (header.version > SNAPSHOT_VERSION)
        return refuse_base(scan, "it was written by a newer Yadokari");
    if (memcmp(header.module_hash, guest->module_hash, MODULE_HASH_SIZE) != 0)
        return refuse_base(scan, "it is of another module");
    digest_add(scan->id, bytes, sizeof bytes);
    uint32_t id = 0;
    while (id != SECTION_END)
        if (!read_section(scan, &id))
            return false;
    return true;
}

static bool read_base(struct delta *delta, const char *path, const struct source *source,
                      const struct guest *guest, struct error *error)
{
    struct scan scan = {.source = *source,
                        .buffer = malloc(READ_AHEAD),
                        .path = path,
                        .error = error,
                        .checksum = checksum_create(),
                        .id = digest_begin()};
    bool good = (scan.buffer && scan.checksum && scan.id) ||
                error_set(error, ERROR_MEMORY, "no memory to read %s", path);
    good = good && read_all(&scan, guest);
    if (good && scan.blocks > delta->blocks)
        good = refuse_base(&scan, "it has more memory than the guest");
    good = good && has_room(&scan, delta->blocks);
    free(scan.buffer);
    checksum_destroy(scan.checksum);
    if (scan.id)
        digest_end(scan.id, delta->id);
    delta->before = scan.hashes;
    return good;
}

static bool open_and_read(struct delta *delta, const char *path,
                          const struct unwrapping *unwrapping, const struct guest *guest,
                          struct error *error)
{
    int file;
    struct source source = {read_file, &file};
    if (unwrapping) {
        bool good = unwrapping->begin(unwrapping->context, path, &source, error) &&
                    read_base(delta, path, &source, guest, error);
        unwrapping->end(unwrapping->context);
        return good;
    }
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, ERROR_SNAPSHOT, "the base %s cannot be used: %s", path,
                         strerror(errno));
    bool good = read_base(delta, path, &source, guest, error);
    close(file);
    return good;
}

/* ---- what has changed */

bool delta_begin(struct delta *delta, const char *base, const struct unwrapping *unwrapping,
                 const struct guest *guest, struct error *error)
{
    const struct memory *memory = guest->instance->memory;
    *delta = (struct delta){0};
    if (!base)
        return true;
    delta->blocks = memory ? (uint32_t)(memory->size / BLOCK_SIZE) : 0;
    delta->now = calloc((size_t)delta->blocks + 1, sizeof *delta->now);
    if (!delta->now)
        return error_set(error, ERROR_MEMORY, "no memory for the hashes of the guest's memory");
    if (!open_and_read(delta, base, unwrapping, guest, error))
        return false;
    for (uint32_t i = 0; memory && i < delta->blocks; i++) {
        const uint8_t *block = memory_view(memory, i * BLOCK_SIZE);
        delta->now[i] = block_is_zero(block) ? 0 : block_hash(block);
    }
    return true;
}

void delta_end(struct delta *delta)
{
    free(delta->before);
    free(delta->now);
}

void delta_put(const struct delta *delta, struct buffer *section)
{
    uint32_t runs = 0;
    buffer_put(section, delta->id, DIGEST_SIZE);
    size_t count_at = section->size;
    buffer_put_u32(section, 0);
    for (uint32_t first = 0; first < delta->blocks; first++) {
        uint32_t end = first;
        while (end < delta->blocks && delta->now[end])
            end++;
        if (end == first)
            continue;
        buffer_put_u32(section, first);
        buffer_put_u32(section, end - first);
        for (; first < end; first++)
            buffer_put_u64(section, delta->now[first]);
        runs++;
    }
    if (!section->failed)
        put_le32(section->data + count_at, runs);
}
