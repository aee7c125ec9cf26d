#include "cli/native/pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What is left to others on a file system at least: a part of it, and no more than this. */
#define RESERVED_PART 16u
#define RESERVED_MOST (256ull << 20)

static uint64_t room_for(int file)
{
    struct statvfs system;
    if (fstatvfs(file, &system) != 0)
        return 0;
    uint64_t all = (uint64_t)system.f_blocks * system.f_frsize;
    uint64_t left = (uint64_t)system.f_bavail * system.f_frsize;
    uint64_t reserved = all / RESERVED_PART < RESERVED_MOST ? all / RESERVED_PART : RESERVED_MOST;
    return left > reserved ? left - reserved : 0;
}

bool parts_begin(struct parts *parts, const char *path, uint64_t most, struct error *error)
{
    if (!path_set(parts->path, error, "%s", path))
        return false;
    parts->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (parts->file < 0)
        return error_set(error, ERROR_IO, "cannot create %s: %s", path, strerror(errno));
    uint64_t room = room_for(parts->file);
    parts->left = most < room ? most : room;
    return true;
}

bool parts_add(struct parts *parts, const void *data, size_t size, struct error *error)
{
    const uint8_t *at = data;
    if (size > parts->left)
        return error_set(error, ERROR_IO,
                         "more is sent than was told, or than there is room for in %s",
                         parts->path);
    parts->left -= size;
    while (size) {
        ssize_t done = write(parts->file, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_set(error, ERROR_IO, "cannot write %s: %s", parts->path, strerror(errno));
        at += done;
        size -= (size_t)done;
    }
    return true;
}

static void forget(struct parts *parts)
{
    if (parts->file >= 0)
        close(parts->file);
    parts->file = -1;
}

bool parts_end(struct parts *parts, const char *name, struct error *error)
{
    forget(parts);
    if (rename(parts->path, name) == 0)
        return true;
    error_set(error, ERROR_IO, "cannot write %s: %s", name, strerror(errno));
    unlink(parts->path);
    return false;
}

void parts_drop(struct parts *parts)
{
    if (parts->file >= 0)
        unlink(parts->path);
    forget(parts);
}
