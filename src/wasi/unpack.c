/* unpack.c - files that travelled in a snapshot are made again. */
#include <inttypes.h>
#include <stdio.h>

#include "wasi/carry.h"

enum { CHUNK = 1 << 15 };

static const uint64_t READING =
    RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET;
static const uint64_t WRITING = RIGHT_FD_WRITE | RIGHT_FD_SEEK | RIGHT_FD_TELL;

static struct path path_of(const struct carried *carried)
{
    return (struct path){carried->path.data, carried->path.size};
}

static bool failed(const struct preopen *preopen, const struct carried *carried, const char *why,
                   struct error *error)
{
    return error_set(error, ERROR_IO,
                     "%.*s (in the directory %s), which travelled in the snapshot: %s",
                     (int)carried->path.size, carried->path.data, preopen->guest_path.data, why);
}

/* ---- contents */

static wasi_errno file_hash(handle file, uint64_t size, uint8_t hash[DIGEST_SIZE])
{
    static uint8_t bytes[CHUNK];
    struct digest *digest = digest_begin();
    wasi_errno error = digest ? ERRNO_SUCCESS : ERRNO_NOMEM;
    for (uint64_t at = 0; !error && at < size;) {
        uint32_t done = 0;
        struct iovec_view view = {bytes, size - at < CHUNK ? (size_t)(size - at) : CHUNK};
        error = host_pread(file, &view, 1, at, &done);
        if (!error && done == 0)
            error = ERRNO_IO; /* shorter than it was */
        if (!error)
            digest_add(digest, bytes, done);
        at += done;
    }
    if (digest)
        digest_end(digest, error ? NULL : hash);
    return error;
}

wasi_errno open_to_read(const struct preopen *preopen, const struct text *path, handle *file)
{
    return host_path_open(preopen->directory.handle, LOOKUP_SYMLINK_FOLLOW,
                          (struct path){path->data, path->size}, 0, READING, 0, 0, file);
}

wasi_errno named_hash(const struct preopen *preopen, const struct text *path, uint64_t size,
                      uint8_t hash[DIGEST_SIZE])
{
    handle file;
    wasi_errno error = open_to_read(preopen, path, &file);
    if (error)
        return error;
    error = file_hash(file, size, hash);
    (void)host_close(file);
    return error;
}

static bool has_contents(handle file, const struct carried *carried)
{
    struct filestat stat;
    uint8_t present[DIGEST_SIZE], wanted[DIGEST_SIZE];
    if (host_filestat_get(file, &stat) != ERRNO_SUCCESS || stat.size != carried->size ||
        file_hash(file, carried->size, present) != ERRNO_SUCCESS)
        return false;
    digest_of(carried->bytes, (size_t)carried->size, wanted);
    return memcmp(present, wanted, DIGEST_SIZE) == 0;
}

static wasi_errno write_contents(handle file, const struct carried *carried)
{
    wasi_errno error = ERRNO_SUCCESS;
    for (uint64_t at = 0; !error && at < carried->size;) {
        uint64_t left = carried->size - at;
        uint32_t done = 0;
        struct iovec_view view = {(uint8_t *)carried->bytes + at,
                                  left < 1 << 24 ? (size_t)left : 1 << 24};
        error = host_write(file, &view, 1, &done);
        if (!error && done == 0)
            error = ERRNO_IO;
        at += done;
    }
    return error;
}

/* Opens a new or (`flags`: TRUNC) an emptied file and writes it. */
static wasi_errno write_file(handle directory, struct path path, uint16_t flags,
                             const struct carried *carried)
{
    handle file;
    wasi_errno error =
        host_path_open(directory, LOOKUP_SYMLINK_FOLLOW, path, flags, WRITING, 0, 0, &file);
    if (error)
        return error;
    error = write_contents(file, carried);
    wasi_errno closed = host_close(file);
    return error ? error : closed;
}

/* ---- one kind after the other */

/* Those that lead to a file whose directory did not travel. */
static void make_parents(handle directory, struct path path)
{
    for (size_t at = 1; at < path.size; at++)
        if (path.data[at] == '/')
            (void)host_path_create_directory(directory, (struct path){path.data, at});
}

static bool unpack_file(const struct preopen *preopen, const struct carried *carried,
                        bool overwrite, struct error *error)
{
    handle file, directory = preopen->directory.handle;
    struct path path = path_of(carried);
    uint16_t flags = OFLAG_CREAT | OFLAG_EXCL;
    wasi_errno failure =
        host_path_open(directory, LOOKUP_SYMLINK_FOLLOW, path, 0, READING, 0, 0, &file);
    if (failure == ERRNO_SUCCESS) {
        bool same = has_contents(file, carried);
        (void)host_close(file);
        if (same)
            return true;
        if (!overwrite)
            return failed(preopen, carried,
                          "another file of that name is there; --overwrite replaces it", error);
        flags = OFLAG_TRUNC;
    }
    make_parents(directory, path);
    failure = write_file(directory, path, flags, carried);
    return !failure || failed(preopen, carried, errno_message(failure), error);
}

static bool unpack_link(const struct preopen *preopen, const struct carried *carried,
                        struct error *error)
{
    handle directory = preopen->directory.handle;
    struct path path = path_of(carried);
    const struct slice *target = &carried->target;
    uint8_t present[MAX_GUEST_PATH];
    uint32_t size = 0;
    if (host_path_readlink(directory, path, present, sizeof present, &size) == ERRNO_SUCCESS &&
        size == target->size && memcmp(present, target->data, size) == 0)
        return true;
    wasi_errno failure =
        host_path_symlink((struct path){target->data, target->size}, directory, path);
    return !failure || failed(preopen, carried, errno_message(failure), error);
}

bool unpack(const struct preopen *preopen, const struct carried *carried, bool overwrite,
            struct error *error)
{
    struct filestat stat;
    handle directory = preopen->directory.handle;
    if (carried->kind == CARRIED_FILE)
        return unpack_file(preopen, carried, overwrite, error);
    if (carried->kind == CARRIED_LINK)
        return unpack_link(preopen, carried, error);
    make_parents(directory, path_of(carried));
    wasi_errno failure = host_path_create_directory(directory, path_of(carried));
    if (failure &&
        host_path_filestat_get(directory, LOOKUP_SYMLINK_FOLLOW, path_of(carried), &stat) ==
            ERRNO_SUCCESS &&
        stat.filetype == FILETYPE_DIRECTORY)
        return true;
    return !failure || failed(preopen, carried, errno_message(failure), error);
}

bool unpack_deleted(const struct preopen *preopen, const struct carried *carried, char name[40],
                    struct error *error)
{
    wasi_errno failure = ERRNO_EXIST;
    for (unsigned i = 0; i < 100 && failure == ERRNO_EXIST; i++) {
        int size =
            snprintf(name, 40, ".yado-deleted-%" PRIu32 "-%u", get_le32(carried->descriptors), i);
        struct path path = {name, (size_t)size};
        handle directory = preopen->directory.handle;
        failure = carried->kind == CARRIED_REMOVED
                      ? host_path_create_directory(directory, path)
                      : write_file(directory, path, OFLAG_CREAT | OFLAG_EXCL, carried);
    }
    return !failure || failed(preopen, carried, errno_message(failure), error);
}
