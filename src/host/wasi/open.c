#include "host/wasi/open.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "host/wasi/host_imports.h"

static wasi_errno attempt(const struct opening *opening, handle *file)
{
    return HOST(path_open, opening->dir, (int32_t)opening->lookup, address(opening->path.data),
                (int32_t)opening->path.size, opening->oflags, (int64_t)opening->rights,
                (int64_t)opening->inheriting, opening->fdflags, address(file));
}

static wasi_errno attempt_within(struct opening *opening, uint64_t rights, handle *file)
{
    opening->rights &= rights;
    opening->inheriting &= rights;
    return attempt(opening, file);
}

/* The guest sees rights that are the same on every host and may ask for more than this one's
 * directory has. What a host reports of its rights is not always true (Wasmtime says that a
 * directory below a preopen lets nobody write, Wizard that nobody may do anything in a preopen), so
 * all are asked for first. After a refusal it is those that the host reports, if reading and
 * writing are among them as they were asked for, and else fewer and fewer, those left out first
 * that came last into the preview. */
static wasi_errno attempt_with_less(struct opening *opening, handle *file)
{
    const uint64_t kept = RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_READDIR;
    struct host_fdstat fdstat = {0};
    wasi_errno error = ERRNO_NOTCAPABLE;
    (void)HOST(fd_fdstat_get, opening->dir, address(&fdstat));
    if (!(opening->rights & kept & ~fdstat.inheriting))
        error = attempt_within(opening, fdstat.inheriting, file);
    for (uint64_t rights = RIGHTS_ALL; rights && error == ERRNO_NOTCAPABLE; rights >>= 1)
        error = attempt_within(opening, rights >> 1 | kept, file);
    return error;
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
    if (!(opening.rights & RIGHTS_WRITING)) /* Node takes this one for "open for writing", too */
        opening.rights &= ~RIGHT_FD_DATASYNC;
    opening.rights &= ~(RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT);
    opening.inheriting &= ~(RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT);
    wasi_errno error = attempt(&opening, file);
    if (error == ERRNO_NOTCAPABLE)
        error = attempt_with_less(&opening, file);
    if (error == ERRNO_NOTSUP && (opening.fdflags & SYNCHRONOUS)) {
        opening.fdflags &= (uint16_t)~SYNCHRONOUS; /* src/wasi sees that they are not in force */
        error = attempt(&opening, file);
    }
    if (error == ERRNO_INVAL && (opening.oflags & OFLAG_TRUNC) &&
        (opening.fdflags & FDFLAG_APPEND) && (opening.rights & RIGHT_FD_WRITE))
        error = truncate_after(&opening, file);
    return error;
}

/* What wasi-libc's open() and opendir() are made of, here instead of there, where no right is asked
 * for that the directory is not reported to have: in a host that reports none, Yadokari could write
 * no file of its own. */
int __wasilibc_nocwd_openat_nomode(int dir, const char *path, int flags);

int __wasilibc_nocwd_openat_nomode(int dir, const char *path, int flags)
{
    uint64_t rights = RIGHTS_ALL & ~(RIGHT_FD_READ | RIGHT_FD_READDIR | RIGHTS_WRITING);
    if (flags & O_RDONLY)
        rights |= RIGHT_FD_READ | RIGHT_FD_READDIR;
    if (flags & O_WRONLY)
        rights |= RIGHTS_WRITING;
    handle file = HANDLE_NONE;
    wasi_errno error =
        open_on_host((struct opening){.dir = dir,
                                      .lookup = flags & O_NOFOLLOW ? 0 : LOOKUP_SYMLINK_FOLLOW,
                                      .path = {path, strlen(path)},
                                      .oflags = (uint16_t)(flags / O_CREAT & 15),
                                      .rights = rights,
                                      .inheriting = RIGHTS_ALL,
                                      .fdflags = (uint16_t)(flags & FDFLAGS_ALL)},
                     &file);
    if (error)
        errno = error;
    return file;
}
