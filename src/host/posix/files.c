#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/posix/posix.h"

_Static_assert(sizeof(struct iovec_view) == sizeof(struct iovec) &&
                   offsetof(struct iovec_view, data) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct iovec_view, size) == offsetof(struct iovec, iov_len),
               "an array of iovec_view is passed to readv");

static const struct iovec *iovecs(const struct iovec_view *views)
{
    return (const struct iovec *)views;
}

/* ---- stat */

uint8_t filetype_of_mode(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return FILETYPE_REGULAR_FILE;
    case S_IFDIR: return FILETYPE_DIRECTORY;
    case S_IFLNK: return FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR: return FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK: return FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK: return FILETYPE_SOCKET_STREAM;
    default: return FILETYPE_UNKNOWN; /* the preview has no number for a pipe */
    }
}

static uint64_t nanoseconds(struct timespec time)
{
    return time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void filestat_of(struct filestat *to, const struct stat *from)
{
    *to = (struct filestat){
        .dev = from->st_dev,
        .ino = from->st_ino,
        .filetype = filetype_of_mode(from->st_mode),
        .nlink = from->st_nlink,
        .size = (uint64_t)from->st_size,
        .atim = nanoseconds(from->st_atim),
        .mtim = nanoseconds(from->st_mtim),
        .ctim = nanoseconds(from->st_ctim),
    };
}

static struct timespec time_of(uint64_t value, bool set, bool now)
{
    if (now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (!set)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = (time_t)(value / 1000000000u),
                             .tv_nsec = (long)(value % 1000000000u)};
}

void times_of(struct timespec times[2], uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    times[0] = time_of(atim, fstflags & FSTFLAG_ATIM, fstflags & FSTFLAG_ATIM_NOW);
    times[1] = time_of(mtim, fstflags & FSTFLAG_MTIM, fstflags & FSTFLAG_MTIM_NOW);
}

/* ---- descriptors */

wasi_errno host_close(handle file)
{
    return errno_result(close(file));
}

int open_flags_of(uint16_t fdflags)
{
    int flags = 0;
    if (fdflags & FDFLAG_APPEND)
        flags |= O_APPEND;
    if (fdflags & FDFLAG_NONBLOCK)
        flags |= O_NONBLOCK;
    if (fdflags & (FDFLAG_SYNC | FDFLAG_RSYNC))
        flags |= O_SYNC;
    if (fdflags & FDFLAG_DSYNC)
        flags |= O_DSYNC;
    return flags;
}

static uint16_t fdflags_of(int flags)
{
    unsigned fdflags = 0;
    if (flags & O_APPEND)
        fdflags |= FDFLAG_APPEND;
    if (flags & O_NONBLOCK)
        fdflags |= FDFLAG_NONBLOCK;
    if ((flags & O_SYNC) == O_SYNC)
        fdflags |= FDFLAG_SYNC;
    else if (flags & O_DSYNC)
        fdflags |= FDFLAG_DSYNC;
    return (uint16_t)fdflags;
}

static uint8_t socket_filetype(handle file)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM)
        return FILETYPE_SOCKET_DGRAM;
    return FILETYPE_SOCKET_STREAM;
}

wasi_errno host_fdstat_get(handle file, uint8_t *filetype, uint16_t *flags)
{
    struct stat stat;
    int status = fcntl(file, F_GETFL);
    if (status < 0 || fstat(file, &stat) != 0)
        return last_errno();
    *filetype = S_ISSOCK(stat.st_mode) ? socket_filetype(file) : filetype_of_mode(stat.st_mode);
    *flags = fdflags_of(status);
    return ERRNO_SUCCESS;
}

wasi_errno host_fdstat_set_flags(handle file, uint16_t flags)
{
    int status = fcntl(file, F_GETFL);
    if (status < 0)
        return last_errno();
    status &= ~(O_APPEND | O_NONBLOCK);
    return errno_result(
        fcntl(file, F_SETFL, status | open_flags_of(flags & (FDFLAG_APPEND | FDFLAG_NONBLOCK))));
}

wasi_errno host_filestat_get(handle file, struct filestat *to)
{
    struct stat stat;
    if (fstat(file, &stat) != 0)
        return last_errno();
    filestat_of(to, &stat);
    if (S_ISSOCK(stat.st_mode))
        to->filetype = socket_filetype(file);
    return ERRNO_SUCCESS;
}

wasi_errno host_filestat_set_size(handle file, uint64_t size)
{
    return size > INT64_MAX ? ERRNO_FBIG : errno_result(ftruncate(file, (off_t)size));
}

wasi_errno host_filestat_set_times(handle file, uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    struct timespec times[2];
    times_of(times, atim, mtim, fstflags);
    return errno_result(futimens(file, times));
}

wasi_errno host_advise(handle file, uint64_t offset, uint64_t size, uint8_t advice)
{
    static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                  POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    if (advice >= sizeof advices / sizeof advices[0] || offset > INT64_MAX || size > INT64_MAX)
        return ERRNO_INVAL;
    return errno_of(posix_fadvise(file, (off_t)offset, (off_t)size, advices[advice]));
}

wasi_errno host_allocate(handle file, uint64_t offset, uint64_t size)
{
    if (offset > INT64_MAX || size > INT64_MAX)
        return ERRNO_FBIG;
    return errno_of(posix_fallocate(file, (off_t)offset, (off_t)size));
}

wasi_errno host_sync(handle file)
{
    return errno_result(fsync(file));
}

wasi_errno host_datasync(handle file)
{
    return errno_result(fdatasync(file));
}

wasi_errno host_seek(handle file, int64_t offset, uint8_t whence, uint64_t *position)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    if (whence >= sizeof whences / sizeof whences[0])
        return ERRNO_INVAL;
    off_t to = lseek(file, offset, whences[whence]);
    if (to < 0)
        return last_errno();
    *position = (uint64_t)to;
    return ERRNO_SUCCESS;
}

/* ---- reading and writing */

static wasi_errno transferred(ssize_t count, uint32_t *done)
{
    if (count < 0)
        return last_errno();
    *done = (uint32_t)count; /* the kernel moves less than 2 GiB at a time */
    return ERRNO_SUCCESS;
}

wasi_errno host_read(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done)
{
    return transferred(readv(file, iovecs(views), (int)count), done);
}

wasi_errno host_write(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done)
{
    return transferred(writev(file, iovecs(views), (int)count), done);
}

wasi_errno host_write_now(handle file, const struct iovec_view *views, uint32_t count,
                          uint32_t *done)
{
    wasi_errno error = transferred(pwritev2(file, iovecs(views), (int)count, -1, RWF_NOWAIT), done);
    return error == ERRNO_INVAL || error == ERRNO_NOSYS ? ERRNO_NOTSUP : error;
}

wasi_errno host_pread(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                      uint32_t *done)
{
    if (offset > INT64_MAX)
        return ERRNO_INVAL;
    return transferred(preadv(file, iovecs(views), (int)count, (off_t)offset), done);
}

wasi_errno host_pwrite(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                       uint32_t *done)
{
    if (offset > INT64_MAX)
        return ERRNO_INVAL;
    return transferred(pwritev(file, iovecs(views), (int)count, (off_t)offset), done);
}

/* ---- directories */

/* What getdents64 fills in; glibc has no header for it. */
struct linux_dirent64 {
    uint64_t ino;
    int64_t off;
    unsigned short reclen;
    unsigned char type;
    char name[];
};

static uint8_t filetype_of_dirent(unsigned char type)
{
    return filetype_of_mode((unsigned)type << 12); /* DT_ numbers are S_IFMT bits shifted */
}

wasi_errno host_readdir(handle directory, host_entry entry, void *context)
{
    alignas(struct linux_dirent64) char buffer[8192];
    if (lseek(directory, 0, SEEK_SET) < 0)
        return last_errno();
    for (;;) {
        long size = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (size == 0 || (size < 0 && errno == ENOENT)) /* a removed directory has no entries */
            return ERRNO_SUCCESS;
        if (size < 0)
            return last_errno();
        for (long at = 0; at < size;) {
            const struct linux_dirent64 *dirent = (const void *)(buffer + at);
            if (!entry(context, dirent->name, strlen(dirent->name), dirent->ino,
                       filetype_of_dirent(dirent->type)))
                return ERRNO_NOMEM;
            at += dirent->reclen;
        }
    }
}
