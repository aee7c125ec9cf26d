/* bases.c - a snapshot and those that it is built on; and how their notes name files. */
#include "guest/bases.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

enum { CHAIN_MAX = 1000 };

/* How much of a path is directories, with the slash behind them. */
static size_t directories(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

void note_path(const char *path, struct span note, char found[PATH_ROOM])
{
    const char *text = (const char *)note.data;
    size_t before = note.size && *text != '/' ? directories(path) : 0;
    snprintf(found, PATH_ROOM, "%.*s%.*s", (int)before, path, (int)note.size, text);
    if (before && !file_exists(found))
        snprintf(found, PATH_ROOM, "%.*s", (int)note.size, text);
}

static const char *without_dot(const char *path)
{
    while (path[0] == '.' && path[1] == '/')
        path += path[2] == '/' ? 1 : 2;
    return path;
}

/* strstr would add 1.3 KB to yadokari.wasm. */
static bool has_dots(const char *path)
{
    while (*path && (path[0] != '.' || path[1] != '.'))
        path++;
    return *path != 0;
}

/* Up from each of the snapshot's directories, then as it is named; nothing where that is too long,
 * which is asked for by --module or --with-base. */
void note_for(const char *path, const char *named, char note[PATH_ROOM])
{
    const char *from = without_dot(path), *end = from + directories(from);
    size_t used = 0;
    if (*named == '/' || *from == '/' || has_dots(from)) /* no way up is known */
        from = end;
    for (; from < end && used + 3 < PATH_ROOM; from++)
        if (*from == '/' && from[-1] != '/') {
            memcpy(note + used, "../", 3);
            used += 3;
        }
    size_t size = strlen(named);
    if (from < end || used + size >= PATH_MAX)
        used = size = 0;
    memcpy(note + used, named, size);
    note[used + size] = 0;
}

bool incoming_read(const char *path, const struct snapshot_options *options,
                   struct buffer *contents, struct error *error)
{
    return options->read ? options->read(path, options, contents, error)
                         : file_read(path, contents, error);
}

struct chain {
    const struct snapshot_options *options;
    struct error *error;
    struct buffer *files;
    struct snapshot *snapshots;
    uint32_t count;
};

/* Reads a file behind the last one of the chain. */
static bool append(struct chain *chain, const char *path)
{
    size_t count = (size_t)chain->count + 1;
    struct buffer *files = realloc(chain->files, count * sizeof *files);
    struct snapshot *snapshots = NULL;
    if (files) {
        chain->files = files;
        snapshots = realloc(chain->snapshots, count * sizeof *snapshots);
    }
    if (!snapshots || chain->count == CHAIN_MAX)
        return error_set(chain->error, ERROR_SNAPSHOT, "more than %d bases, one on the other",
                         CHAIN_MAX);
    chain->snapshots = snapshots;
    struct buffer *file = &files[chain->count];
    *file = (struct buffer){0};
    if (incoming_read(path, chain->options, file, chain->error) &&
        snapshot_open(&snapshots[chain->count], file->data, file->size, chain->error)) {
        chain->count++;
        return true;
    }
    buffer_free(file);
    return false;
}

static void drop(struct chain *chain)
{
    buffer_free(&chain->files[--chain->count]);
}

static bool is_base(const struct chain *chain)
{
    const struct section *wanted = &chain->snapshots[chain->count - 2].base;
    uint8_t id[DIGEST_SIZE];
    snapshot_id(&chain->snapshots[chain->count - 1], id);
    return wanted->size >= DIGEST_SIZE && memcmp(wanted->data, id, DIGEST_SIZE) == 0;
}

/* Ids cannot be forged into a circle by chance; whoever has made one does not keep this going. */
static bool is_circle(const struct chain *chain)
{
    const struct section *wanted = &chain->snapshots[chain->count - 1].base;
    for (uint32_t i = 0; i + 1 < chain->count; i++)
        if (wanted->size >= DIGEST_SIZE &&
            memcmp(chain->snapshots[i].base.data, wanted->data, DIGEST_SIZE) == 0)
            return true;
    return false;
}

/* Reads the base of the last snapshot of the chain, whose file is `path`; `found` is where. */
static bool append_base(struct chain *chain, const char *path, char found[PATH_ROOM])
{
    struct span note = snapshot_note(&chain->snapshots[chain->count - 1], "base");
    const struct list *given = &chain->options->with_base;
    if (is_circle(chain))
        return error_set(chain->error, ERROR_SNAPSHOT, "%s is among its own bases", path);
    for (uint32_t i = 0; i < given->count; i++) {
        if (!append(chain, given->items[i]))
            return error_prefix(chain->error, "--with-base %s", given->items[i]);
        snprintf(found, PATH_ROOM, "%s", given->items[i]);
        if (is_base(chain))
            return true;
        drop(chain);
    }
    if (note.size == 0)
        return error_set(chain->error, ERROR_USAGE,
                         "%s holds changes since another snapshot and does not say where that is: "
                         "give it by --with-base",
                         path);
    note_path(path, note, found);
    if (!append(chain, found)) {
        if (chain->error->kind == ERROR_SNAPSHOT)
            error_prefix(chain->error, "%s", found);
        return error_prefix(chain->error,
                            "the base of %s is not to be had (give it by --with-base)", path);
    }
    return is_base(chain) ||
           error_set(
               chain->error, ERROR_SNAPSHOT,
               "%s is not the snapshot that %s is based on, but another (give the right one by "
               "--with-base)",
               found, path);
}

static bool read_files(struct chain *chain, const char *path)
{
    char last[PATH_ROOM];
    snprintf(last, sizeof last, "%s", path);
    bool good = append(chain, path) && chain->snapshots;
    while (good && chain->snapshots[chain->count - 1].base.data) {
        char found[PATH_ROOM];
        good = append_base(chain, last, found);
        snprintf(last, sizeof last, "%s", found);
    }
    return good;
}

static void forget_files(struct chain *chain)
{
    for (uint32_t i = 0; i < chain->count; i++)
        buffer_free(&chain->files[i]);
    free(chain->files);
    free(chain->snapshots);
}

bool chain_read(const char *path, const struct snapshot_options *options, struct buffer *bytes,
                struct error *error)
{
    struct chain chain = {.options = options, .error = error};
    struct sink sink = sink_into(bytes);
    bool good = read_files(&chain, path);
    if (good && chain.count == 1) {
        *bytes = chain.files[0];
        chain.files[0] = (struct buffer){0};
    } else {
        good = good && snapshot_squash(chain.snapshots, chain.count, &sink, error);
    }
    forget_files(&chain);
    return good;
}

uint64_t chain_size(const char *path, const struct snapshot_options *options)
{
    struct error error;
    struct chain chain = {.options = options, .error = &error};
    uint64_t size = 0;
    if (read_files(&chain, path))
        for (uint32_t i = 0; i < chain.count; i++)
            size += chain.files[i].size;
    forget_files(&chain);
    return chain.count > 1 ? 2 * size : size;
}

/* A host without hard links leaves a moment without FILE when it makes room for the next one. */
bool chain_read_newest(const char *path, const struct snapshot_options *options,
                       struct buffer *bytes, void (*say)(const struct error *what),
                       struct error *error)
{
    char before[PATH_ROOM];
    struct error why;
    snprintf(before, sizeof before, "%s.1", path);
    if (chain_read(path, options, bytes, error))
        return true;
    if (file_exists(path) || !chain_read(before, options, bytes, &why))
        return false;
    error_set(&why, ERROR_IO, "there is no %s: going on from %s", path, before);
    say(&why);
    *error = (struct error){.offset = ERROR_NO_OFFSET};
    return true;
}
