/* identity.c - which file is which. A name is only where a file was found: what it is, device and
 * inode say, which are compared when a snapshot is written and when it is restored.
 *
 *     an open file ──device, inode──▶ its name now: the one that the machine has for it, the one
 *                                     that the guest opened it by, or what a search of the guest's
 *                                     directories finds (a hard link; renamed by somebody else) */
#include <stdio.h>
#include <stdlib.h>

#include "wasi/carry.h"

/* Of a search. A guest that has more in its directories is refused what would take for ever. */
enum { MAX_ENTRIES = 100000 };

/* A host that knows no inodes (Deno) gives 0 for all of them. */
bool same_file(const struct filestat *a, const struct filestat *b)
{
    if (a->ino || b->ino)
        return a->ino == b->ino && a->dev == b->dev;
    return a->filetype == b->filetype && a->size == b->size && a->mtim == b->mtim;
}

bool texts_add(struct texts *texts, struct text text)
{
    struct text *items = realloc(texts->items, (texts->count + 1) * sizeof *items);
    if (!items || !text.data) {
        text_free(&text);
        return false;
    }
    texts->items = items;
    items[texts->count++] = text;
    return true;
}

void texts_free(struct texts *texts)
{
    for (uint32_t i = 0; i < texts->count; i++)
        text_free(&texts->items[i]);
    free(texts->items);
}

wasi_errno read_directory(handle root, const struct text *path, host_entry entry, void *context)
{
    handle directory;
    wasi_errno error = host_path_open(root, 0, (struct path){path->data, path->size},
                                      OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0, 0, &directory);
    if (error)
        return error;
    error = host_readdir(directory, entry, context);
    (void)host_close(directory);
    return error;
}

/* ---- searching */

struct search {
    handle root;
    uint64_t root_dev;
    const struct filestat *wanted;
    struct texts directories; /* to be read, and read */
    struct text directory;    /* being read */
    struct text found;
    uint32_t left; /* entries that may still be looked at */
};

/* Other file systems cannot have it. */
static bool may_lead_there(const struct search *search, const struct filestat *stat)
{
    return stat->filetype == FILETYPE_DIRECTORY &&
           (stat->dev == search->wanted->dev || stat->dev == search->root_dev);
}

static bool look_at(void *context, const char *name, size_t size, uint64_t ino, uint8_t filetype)
{
    struct search *search = context;
    struct text path = {0};
    struct filestat stat;
    bool candidate = !ino || ino == search->wanted->ino || filetype == FILETYPE_DIRECTORY ||
                     filetype == FILETYPE_UNKNOWN;
    if (size <= 2 && memcmp(name, "..", size) == 0)
        return true;
    if (search->left-- == 0)
        return false;
    if (!candidate || path_below(&path, &search->directory, (struct path){name, size}) ||
        host_path_filestat_get(search->root, 0, (struct path){path.data, path.size}, &stat)) {
        text_free(&path);
        return true;
    }
    if (same_file(&stat, search->wanted)) {
        search->found = path;
        return false;
    }
    if (may_lead_there(search, &stat))
        return texts_add(&search->directories, path);
    text_free(&path);
    return true;
}

/* The one that is the nearest to `hint`, a path or nothing. */
static bool search_below(const struct preopen *preopen, const struct text *hint,
                         const struct filestat *wanted, struct text *found)
{
    struct search search = {
        .root = preopen->directory.handle, .wanted = wanted, .left = MAX_ENTRIES};
    struct filestat root = {0};
    struct text first = {0}, dot = {0};
    size_t above = hint->size;
    (void)host_filestat_get(search.root, &root);
    search.root_dev = root.dev;
    while (above > 0 && hint->data[above] != '/')
        above--;
    bool good = (above == 0 ||
                 (text_set(&first, hint->data, above) && texts_add(&search.directories, first))) &&
                text_set(&dot, ".", 1) && texts_add(&search.directories, dot);
    for (uint32_t i = 0; good && i < search.directories.count && !search.found.data; i++) {
        search.directory = search.directories.items[i];
        good = read_directory(search.root, &search.directory, look_at, &search) != ERRNO_NOMEM;
    }
    texts_free(&search.directories);
    *found = search.found;
    return found->data != NULL;
}

/* `first` of the preopens first. */
static uint32_t preopen_after(const struct wasi *wasi, uint32_t first, uint32_t i)
{
    return (first + i) % wasi->npreopens;
}

bool find_file(const struct wasi *wasi, struct descriptor *descriptor,
               const struct filestat *wanted)
{
    static const struct text nowhere;
    for (uint32_t i = 0; wanted->ino && i < wasi->npreopens; i++) {
        uint32_t source = preopen_after(wasi, descriptor->source, i);
        struct text found;
        if (wasi->preopens[source].directory.handle == HANDLE_NONE ||
            !search_below(&wasi->preopens[source], i ? &nowhere : &descriptor->path, wanted,
                          &found))
            continue;
        text_free(&descriptor->path);
        descriptor->path = found;
        descriptor->source = source;
        return true;
    }
    return false;
}

/* ---- the name of an open file */

bool leads_to(const struct preopen *preopen, uint32_t lookup, struct path path,
              const struct filestat *wanted)
{
    struct filestat stat;
    return host_path_filestat_get(preopen->directory.handle, lookup, path, &stat) ==
               ERRNO_SUCCESS &&
           same_file(&stat, wanted);
}

static bool has_name(const struct wasi *wasi, struct descriptor *descriptor, uint32_t source,
                     struct path hint, const struct filestat *stat)
{
    char name[MAX_FILE_NAME];
    const struct preopen *preopen = &wasi->preopens[source];
    uint32_t size = 0;
    if (preopen->directory.handle == HANDLE_NONE ||
        host_file_name(preopen->directory.handle, descriptor->handle, hint, name, &size) ||
        !path_is_canonical(name, size) || !text_valid(name, size) ||
        !leads_to(preopen, 0, (struct path){name, size}, stat))
        return false;
    text_free(&descriptor->path);
    descriptor->source = source;
    return text_set(&descriptor->path, name, size);
}

bool update_name(const struct wasi *wasi, struct descriptor *descriptor,
                 const struct filestat *stat)
{
    struct path hint = {descriptor->path.data, descriptor->path.size};
    for (uint32_t i = 0; i < wasi->npreopens; i++)
        if (has_name(wasi, descriptor, preopen_after(wasi, descriptor->source, i),
                     i ? (struct path){0} : hint, stat))
            return true;
    return leads_to(&wasi->preopens[descriptor->source],
                    descriptor->follow ? LOOKUP_SYMLINK_FOLLOW : 0, hint, stat) ||
           (stat->nlink && find_file(wasi, descriptor, stat));
}

/* ---- as text, for the notes of a snapshot */

void put_identity(struct buffer *buffer, const struct filestat *stat)
{
    char text[40];
    int size = snprintf(text, sizeof text, "%llx:%llx ", (unsigned long long)stat->dev,
                        (unsigned long long)stat->ino);
    buffer_put(buffer, text, (size_t)size);
}

bool take_number(struct slice *text, uint64_t *number)
{
    bool any = false;
    *number = 0;
    while (text->size) {
        char digit = *text->data++;
        text->size--;
        if (digit == ':' || digit == ' ')
            break;
        *number = *number << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10) % 16u;
        any = true;
    }
    return any;
}

bool take_identity(struct slice *text, struct filestat *stat)
{
    return take_number(text, &stat->dev) && take_number(text, &stat->ino);
}
