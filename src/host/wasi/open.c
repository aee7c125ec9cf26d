#include "host/wasi/open.h"

#include "host/wasi/imports.h"

static wasi_errno attempt(const struct opening *opening, handle *file)
{
    return HOST(path_open, opening->dir, (int32_t)opening->lookup, address(opening->path.data),
                (int32_t)opening->path.size, opening->oflags, (int64_t)opening->rights,
                (int64_t)opening->inheriting, opening->fdflags, address(file));
}

/* The guest sees rights that are the same on every host and may ask for more than this one's
 * directory has. What a host reports of its rights is not always true (Wasmtime says that a
 * directory below a preopen lets nobody write), so it is asked only after a refusal. */
static wasi_errno leave_out_rights(struct opening *opening)
{
    struct host_fdstat fdstat = {0};
    wasi_errno error = HOST(fd_fdstat_get, opening->dir, address(&fdstat));
    if (error)
        return error;
    uint64_t lost = opening->rights & ~fdstat.inheriting;
    if (lost & (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_READDIR))
        return ERRNO_NOTCAPABLE;
    opening->rights &= fdstat.inheriting;
    opening->inheriting &= fdstat.inheriting;
    return ERRNO_SUCCESS;
}

/* Rust's library, and so wasmi, does not open for appending and truncate at once. */
static wasi_errno truncate_after(struct opening *opening, handle *file)
{
    opening->oflags &= (uint16_t)~OFLAG_TRUNC;
    opening->rights |= RIGHT_FD_FILESTAT_SET_SIZE;
    wasi_errno error = attempt(opening, file);
    if (error)
        return error;
    error = HOST(fd_filestat_set_size, *file, 0);
    if (error)
        (void)HOST(fd_close, *file);
    return error;
}

static const uint16_t SYNCHRONOUS = FDFLAG_DSYNC | FDFLAG_RSYNC | FDFLAG_SYNC;

wasi_errno open_on_host(struct opening opening, handle *file)
{
    if (opening.oflags & OFLAG_DIRECTORY) /* hosts take FD_WRITE for "open for writing": ISDIR */
        opening.rights &= RIGHTS_DIRECTORY;
    else /* what Yadokari itself needs, to save an offset and to wait */
        opening.rights |=
            RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE;
    opening.rights &= ~(RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT);
    opening.inheriting &= ~(RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT);
    wasi_errno error = attempt(&opening, file);
    if (error == ERRNO_NOTCAPABLE) {
        error = leave_out_rights(&opening);
        if (!error)
            error = attempt(&opening, file);
    }
    if (error == ERRNO_NOTSUP && (opening.fdflags & SYNCHRONOUS)) {
        opening.fdflags &= (uint16_t)~SYNCHRONOUS; /* src/wasi sees that they are not in force */
        error = attempt(&opening, file);
    }
    if (error == ERRNO_INVAL && (opening.oflags & OFLAG_TRUNC) &&
        (opening.fdflags & FDFLAG_APPEND) && (opening.rights & RIGHT_FD_WRITE))
        error = truncate_after(&opening, file);
    return error;
}
