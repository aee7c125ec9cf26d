/* preopens.c - the user's directories, when Yadokari itself has only what its host gave it.
 *
 * "--dir HOST::GUEST" names HOST as Yadokari sees it. It is a path below one of Yadokari's own
 * preopens, found as wasi-libc finds a file for open(): the preopen whose name is the longest
 * prefix, leading "/" and "./" not counting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"
#include "host/wasi/host_imports.h"
#include "host/wasi/open.h"

enum { FIRST_PREOPEN = 3, MAX_PREOPENS = 1024, MAX_NAME = 4096 };

static const char *skip_prefixes(const char *path)
{
    for (;;) {
        if (path[0] == '/')
            path++;
        else if (path[0] == '.' && path[1] == '/')
            path += 2;
        else if (path[0] == '.' && path[1] == 0)
            path++;
        else
            return path;
    }
}

/* The part of `path` below the directory `name`, or NULL when it is not below it. */
static const char *below(const char *name, const char *path)
{
    size_t size = strlen(name);
    while (size > 0 && name[size - 1] == '/')
        size--;
    if (strncmp(name, path, size) != 0)
        return NULL;
    if (size > 0 && path[size] != '/' && path[size] != 0)
        return NULL;
    return skip_prefixes(path + size);
}

/* Reads the name of preopen `fd` into `name`. False: there is no such descriptor. A listening
 * socket, which some hosts give first, is one without a name. */
static bool preopen_name(handle fd, char name[MAX_NAME])
{
    struct host_prestat prestat = {0};
    uint8_t filetype;
    uint16_t flags;
    name[0] = 0;
    if (HOST(fd_prestat_get, fd, address(&prestat)) != ERRNO_SUCCESS)
        return host_fdstat_get(fd, &filetype, &flags) == ERRNO_SUCCESS &&
               filetype == FILETYPE_SOCKET_STREAM;
    if (prestat.tag != 0 || prestat.name_size >= MAX_NAME)
        return true; /* not one that can be named */
    if (HOST(fd_prestat_dir_name, fd, address(name), (int32_t)prestat.name_size) != ERRNO_SUCCESS)
        return true;
    name[prestat.name_size] = 0; /* some hosts count a terminator in, some do not */
    return true;
}

bool host_preopen_name(uint32_t index, char *name, size_t size)
{
    char own[MAX_NAME];
    if (!preopen_name(FIRST_PREOPEN + (handle)index, own))
        return false;
    snprintf(name, size, "%s", own);
    return true;
}

static handle best_preopen(const char *path, const char **rest)
{
    char *name = malloc(MAX_NAME);
    handle best = HANDLE_NONE;
    size_t best_size = 0;
    for (handle fd = FIRST_PREOPEN; name && fd < MAX_PREOPENS && preopen_name(fd, name); fd++) {
        const char *stripped = skip_prefixes(name);
        const char *remaining = name[0] ? below(stripped, path) : NULL;
        if (remaining && (best == HANDLE_NONE || strlen(stripped) > best_size)) {
            best = fd;
            best_size = strlen(stripped);
            *rest = remaining;
        }
    }
    free(name);
    return best;
}

bool host_directory_open(struct host_directory *directory, const char *path, struct error *error)
{
    const char *rest = NULL;
    handle preopen = best_preopen(skip_prefixes(path), &rest);
    if (preopen == HANDLE_NONE)
        return error_set(error, ERROR_IO,
                         "%s: not below a directory that the host gave to Yadokari", path);
    if (!*rest) {
        *directory = (struct host_directory){.handle = preopen, .owned = false};
        return true;
    }
    handle file;
    /* Links are followed: how far they may lead is between the user and his host. */
    wasi_errno failure = open_on_host((struct opening){.dir = preopen,
                                                       .lookup = LOOKUP_SYMLINK_FOLLOW,
                                                       .path = {rest, strlen(rest)},
                                                       .oflags = OFLAG_DIRECTORY,
                                                       .rights = RIGHTS_DIRECTORY,
                                                       .inheriting = RIGHTS_ALL},
                                      &file);
    if (failure)
        return error_set(error, ERROR_IO, "%s: %s", path, errno_message(failure));
    *directory = (struct host_directory){.handle = file, .owned = true};
    return true;
}
