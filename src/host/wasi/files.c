#include "host/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "host/wasi/filestat.h"
#include "host/wasi/host_imports.h"

wasi_errno host_close(handle file)
{
    return HOST(fd_close, file);
}

wasi_errno host_fdstat_get(handle file, uint8_t *filetype, uint16_t *flags)
{
    struct host_fdstat fdstat = {0};
    wasi_errno error = HOST(fd_fdstat_get, file, address(&fdstat));
    if (error)
        return error;
    *filetype = fdstat.filetype;
    *flags = fdstat.flags;
    return ERRNO_SUCCESS;
}

wasi_errno host_fdstat_set_flags(handle file, uint16_t flags)
{
    return HOST(fd_fdstat_set_flags, file, flags & (FDFLAG_APPEND | FDFLAG_NONBLOCK));
}

wasi_errno host_filestat_get(handle file, struct filestat *stat)
{
    filestat_prepare(stat);
    wasi_errno error = HOST(fd_filestat_get, file, address(stat));
    if (!error)
        filestat_settle(stat);
    return error;
}

wasi_errno host_filestat_set_size(handle file, uint64_t size)
{
    return HOST(fd_filestat_set_size, file, (int64_t)size);
}

wasi_errno host_filestat_set_times(handle file, uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    return HOST(fd_filestat_set_times, file, (int64_t)atim, (int64_t)mtim, fstflags);
}

wasi_errno host_advise(handle file, uint64_t offset, uint64_t size, uint8_t advice)
{
    return HOST(fd_advise, file, (int64_t)offset, (int64_t)size, advice);
}

wasi_errno host_allocate(handle file, uint64_t offset, uint64_t size)
{
    return HOST(fd_allocate, file, (int64_t)offset, (int64_t)size);
}

wasi_errno host_sync(handle file)
{
    return HOST(fd_sync, file);
}

wasi_errno host_datasync(handle file)
{
    return HOST(fd_datasync, file);
}

wasi_errno host_seek(handle file, int64_t offset, uint8_t whence, uint64_t *position)
{
    return HOST(fd_seek, file, offset, whence, address(position));
}

/* ---- reading and writing
 *
 * A host may move less than it could: Wasmtime uses the first buffer of a vector only. What a guest
 * does next would then depend on the host, so the rest is asked for until a buffer stays half
 * full, which is what the kernel does for a vector. Writing goes on even then, as it does in the
 * kernel. */

typedef wasi_errno (*transfer)(handle file, const struct iovec_view *views, uint32_t count,
                               uint64_t offset, uint32_t *done);

/* Takes `done` bytes off the views; returns how many of them are used up. */
static uint32_t advance(struct iovec_view *views, uint32_t count, uint32_t done)
{
    uint32_t at = 0;
    while (at < count && done >= views[at].size)
        done -= (uint32_t)views[at++].size;
    if (at < count) {
        views[at].data += done;
        views[at].size -= done;
    }
    return at;
}

static wasi_errno transfer_all(transfer transfer, handle file, const struct iovec_view *views,
                               uint32_t count, uint64_t offset, bool writing, uint32_t *done)
{
    struct iovec_view rest[MAX_VIEWS];
    memcpy(rest, views, count * sizeof *views);
    uint32_t at = 0, moved;
    bool more = true;
    for (*done = 0; more && *done <= INT32_MAX; *done += moved) {
        wasi_errno error = transfer(file, rest + at, count - at, offset + *done, &moved);
        if (error)
            return *done ? ERRNO_SUCCESS : error;
        at += advance(rest + at, count - at, moved);
        bool half_full = at < count && rest[at].data != views[at].data;
        more = at < count && moved > 0 && (writing || !half_full);
    }
    return ERRNO_SUCCESS;
}

static wasi_errno read_once(handle file, const struct iovec_view *views, uint32_t count,
                            uint64_t offset, uint32_t *done)
{
    (void)offset;
    return HOST(fd_read, file, address(views), (int32_t)count, address(done));
}

static wasi_errno write_once(handle file, const struct iovec_view *views, uint32_t count,
                             uint64_t offset, uint32_t *done)
{
    (void)offset;
    return HOST(fd_write, file, address(views), (int32_t)count, address(done));
}

static wasi_errno pread_once(handle file, const struct iovec_view *views, uint32_t count,
                             uint64_t offset, uint32_t *done)
{
    return HOST(fd_pread, file, address(views), (int32_t)count, (int64_t)offset, address(done));
}

static wasi_errno pwrite_once(handle file, const struct iovec_view *views, uint32_t count,
                              uint64_t offset, uint32_t *done)
{
    return HOST(fd_pwrite, file, address(views), (int32_t)count, (int64_t)offset, address(done));
}

wasi_errno host_read(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done)
{
    return transfer_all(read_once, file, views, count, 0, false, done);
}

wasi_errno host_write(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done)
{
    return transfer_all(write_once, file, views, count, 0, true, done);
}

wasi_errno host_write_now(handle file, const struct iovec_view *views, uint32_t count,
                          uint32_t *done)
{
    (void)file, (void)views, (void)count, (void)done;
    return ERRNO_NOTSUP;
}

wasi_errno host_pread(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                      uint32_t *done)
{
    return transfer_all(pread_once, file, views, count, offset, false, done);
}

wasi_errno host_pwrite(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                       uint32_t *done)
{
    return transfer_all(pwrite_once, file, views, count, offset, true, done);
}

/* ---- directories
 *
 *     dirent   0  next cookie u64    8  inode u64    16  name size u32    20  type u8    24  name
 *
 * The last one in a full buffer is cut and asked for again. */

enum { DIRENT_SIZE = 24, FIRST_BUFFER = 4096, LAST_BUFFER = 1 << 20 };

/* Passes on the whole entries; returns the bytes they took, or UINT32_MAX. */
static uint32_t pass_entries(const uint8_t *buffer, uint32_t used, uint64_t *cookie,
                             host_entry entry, void *context)
{
    uint32_t at = 0;
    while (used - at >= DIRENT_SIZE) {
        const uint8_t *dirent = buffer + at;
        uint32_t size = get_le32(dirent + 16);
        if (size > used - at - DIRENT_SIZE)
            break;
        if (!entry(context, (const char *)dirent + DIRENT_SIZE, size, get_le64(dirent + 8),
                   dirent[20]))
            return UINT32_MAX;
        *cookie = get_le64(dirent);
        at += DIRENT_SIZE + size;
    }
    return at;
}

wasi_errno host_readdir(handle directory, host_entry entry, void *context)
{
    uint32_t size = FIRST_BUFFER, used = 0;
    uint64_t cookie = 0;
    wasi_errno error = ERRNO_SUCCESS;
    uint8_t *buffer = NULL;
    do {
        uint8_t *larger = buffer ? buffer : malloc(size);
        if (!larger)
            return ERRNO_NOMEM;
        buffer = larger;
        error = HOST(fd_readdir, directory, address(buffer), (int32_t)size, (int64_t)cookie,
                     address(&used));
        if (error)
            break;
        uint32_t taken = pass_entries(buffer, used, &cookie, entry, context);
        if (taken == UINT32_MAX)
            error = ERRNO_NOMEM;
        if (taken == 0 && used == size) { /* one name larger than the whole buffer */
            free(buffer);
            buffer = NULL;
            size *= 2;
        }
    } while (!error && (!buffer || used == size) && size <= LAST_BUFFER);
    free(buffer);
    return size > LAST_BUFFER ? ERRNO_IO : error;
}
