/* readdir.c - reading directories.
 *
 * A cookie is in the guest's memory and therefore in snapshots, but the machine's cookies mean
 * something to that file system only. So the guest gets cookies of its own: 1 after ".", 2 after
 * "..", and otherwise a hash of the name, in whose order the entries come. A cookie then means the
 * same on every host, after a restore, and when other entries have come or gone meanwhile. It fits
 * in 31 bits, because telldir's does.
 *
 * The list is made when the guest begins (cookie 0) and kept with the descriptor; a guest that
 * goes on after a restore gets a new one. */
#include <stdlib.h>

#include "base/sort.h"
#include "wasi/wasi_call.h"

struct entry {
    uint32_t cookie;
    uint32_t name_size;
    const uint8_t *name; /* in names, once these are complete */
    uint64_t ino;
    uint8_t filetype;
};

struct listing {
    struct entry *entries;
    size_t count;
    size_t capacity;
    struct buffer names;
};

enum { DIRENT_SIZE = 24, COOKIE_DOT = 1, COOKIE_DOT_DOT = 2, FIRST_COOKIE = 3 };
static const uint32_t LAST_COOKIE = INT32_MAX;

void listing_free(struct listing *listing)
{
    if (!listing)
        return;
    free(listing->entries);
    buffer_free(&listing->names);
    free(listing);
}

/* FNV-1a, folded into the range of cookies. It stands in snapshots: never change it. */
static uint32_t cookie_of(const char *name, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    return FIRST_COOKIE + (uint32_t)((hash ^ hash >> 32) & 0x3fffffff);
}

static bool add(struct listing *listing, uint32_t cookie, const char *name, size_t size,
                uint64_t ino, uint8_t filetype)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity * 2 + 16;
        struct entry *entries = realloc(listing->entries, capacity * sizeof *entries);
        if (!entries)
            return false;
        listing->entries = entries;
        listing->capacity = capacity;
    }
    listing->entries[listing->count++] = (struct entry){
        .cookie = cookie, .name_size = (uint32_t)size, .ino = ino, .filetype = filetype};
    buffer_put(&listing->names, name, size);
    return !listing->names.failed;
}

static bool add_found(void *context, const char *name, size_t size, uint64_t ino, uint8_t filetype)
{
    bool dot = size > 0 && size <= 2 && memcmp(name, "..", size) == 0;
    return dot || add(context, cookie_of(name, size), name, size, ino, filetype);
}

/* By name where cookies are equal: whoever chooses the names can make many so. */
static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->cookie != y->cookie)
        return x->cookie < y->cookie ? -1 : 1;
    int order = memcmp(x->name, y->name, x->name_size < y->name_size ? x->name_size : y->name_size);
    return order ? order : x->name_size < y->name_size ? -1 : x->name_size > y->name_size;
}

/* Brings the entries into order and gives names with the same hash cookies of their own. */
static void settle(struct listing *listing)
{
    struct entry *entries = listing->entries;
    const uint8_t *name = listing->names.data; /* which moves no more */
    for (size_t i = 0; i < listing->count; name += entries[i++].name_size)
        entries[i].name = name;
    sort(entries, listing->count, sizeof *entries, compare);
    for (size_t i = 1; i < listing->count; i++)
        if (entries[i].cookie <= entries[i - 1].cookie && entries[i - 1].cookie < LAST_COOKIE)
            entries[i].cookie = entries[i - 1].cookie + 1;
}

static wasi_errno fill(struct listing *listing, handle directory)
{
    struct filestat stat = {0};
    (void)host_filestat_get(directory, &stat);
    if (!add(listing, COOKIE_DOT, ".", 1, stat.ino, FILETYPE_DIRECTORY) ||
        !add(listing, COOKIE_DOT_DOT, "..", 2, stat.ino, FILETYPE_DIRECTORY))
        return ERRNO_NOMEM;
    wasi_errno error = host_readdir(directory, add_found, listing);
    if (error)
        return error;
    settle(listing);
    return ERRNO_SUCCESS;
}

static wasi_errno listing_make(struct descriptor *descriptor)
{
    listing_free(descriptor->listing);
    descriptor->listing = NULL;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing)
        return ERRNO_NOMEM;
    wasi_errno error = fill(listing, descriptor->handle);
    if (error)
        listing_free(listing);
    else
        descriptor->listing = listing;
    return error;
}

/* The first entry after `cookie`. */
static size_t find_after(const struct listing *listing, uint64_t cookie)
{
    size_t low = 0, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing->entries[middle].cookie > cookie)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* dirent: 0 next cookie u64, 8 inode u64, 16 name size u32, 20 filetype u8, 24 name. The last one
 * is cut where the buffer ends; a full buffer tells the guest that there is more. */
static uint32_t put_entries(const struct listing *listing, size_t index, uint8_t *buffer,
                            uint32_t size)
{
    uint32_t used = 0;
    for (; index < listing->count && used < size; index++) {
        const struct entry *entry = &listing->entries[index];
        uint8_t head[DIRENT_SIZE] = {0};
        put_le64(head, entry->cookie);
        put_le64(head + 8, entry->ino);
        put_le32(head + 16, entry->name_size);
        head[20] = entry->filetype;
        uint32_t part = size - used < DIRENT_SIZE ? size - used : DIRENT_SIZE;
        memcpy(buffer + used, head, part);
        used += part;
        part = size - used < entry->name_size ? size - used : entry->name_size;
        if (part)
            memcpy(buffer + used, entry->name, part);
        used += part;
    }
    return used;
}

outcome wasi_fd_readdir(const struct call *call)
{
    struct descriptor *descriptor;
    uint32_t size = arg32(call, 2);
    uint64_t cookie = arg64(call, 3);
    uint8_t *buffer = guest_at(call, arg32(call, 1), size);
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_READDIR, &descriptor);
    if (!error && !(buffer && guest_has(call, arg32(call, 4), 4)))
        error = ERRNO_FAULT;
    if (!error && descriptor->filetype != FILETYPE_DIRECTORY)
        error = ERRNO_NOTDIR;
    if (!error && (cookie == 0 || !descriptor->listing))
        error = listing_make(descriptor);
    if (error)
        return error;
    size_t index = find_after(descriptor->listing, cookie);
    guest_put32(call, arg32(call, 4), put_entries(descriptor->listing, index, buffer, size));
    return ERRNO_SUCCESS;
}
