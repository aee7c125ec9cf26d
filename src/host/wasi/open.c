#include "host/wasi/open.h"

#include "host/wasi/imports.h"

static wasi_errno open_with(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                            uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    return HOST(path_open, dir, (int32_t)lookup, address(path.data), (int32_t)path.size, oflags,
                (int64_t)rights, (int64_t)inheriting, fdflags, address(file));
}

/* A host may refuse rights that its own directory lacks. The guest sees rights that are the same on
 * every host and may ask for more than there are here; only that it wants to read or write where
 * this host lets nobody is an error. What a host reports of its rights is not always true (Wasmtime
 * says that a directory below a preopen lets nobody write), so it is asked only after a refusal. */
static wasi_errno open_with_fewer(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                                  uint64_t rights, uint64_t inheriting, uint16_t fdflags,
                                  handle *file)
{
    struct host_fdstat fdstat = {0};
    wasi_errno error = HOST(fd_fdstat_get, dir, address(&fdstat));
    if (error)
        return error;
    uint64_t lost = rights & ~fdstat.inheriting;
    if (lost & (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_READDIR))
        return ERRNO_NOTCAPABLE;
    return open_with(dir, lookup, path, oflags, rights & fdstat.inheriting,
                     inheriting & fdstat.inheriting, fdflags, file);
}

wasi_errno open_on_host(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                        uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    static const uint64_t sockets = RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT;
    if (oflags & OFLAG_DIRECTORY) /* hosts take FD_WRITE for "open for writing": ISDIR */
        rights &= RIGHTS_DIRECTORY;
    else /* what Yadokari itself needs, to save an offset and to wait */
        rights |= RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE;
    rights &= ~sockets;
    inheriting &= ~sockets;
    wasi_errno error = open_with(dir, lookup, path, oflags, rights, inheriting, fdflags, file);
    if (error == ERRNO_NOTCAPABLE)
        error = open_with_fewer(dir, lookup, path, oflags, rights, inheriting, fdflags, file);
    return error;
}
