/* paths.c - operations on paths that cannot leave their directory.
 *
 * One rule for all of them: the kernel resolves, by openat2 with RESOLVE_BENEATH, so that neither
 * "..", nor an absolute path, nor a symbolic link, nor a rename by somebody else during the
 * resolution leads out. Two shapes:
 *
 *     open, stat, set times, read link    the whole path by openat2, then the descriptor
 *     all others                          the parent by openat2, then *at() on the last component
 *                                         with the slashes behind it, where these calls follow no
 *                                         symbolic link */
#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/files.h"
#include "host/posix/posix.h"

enum { MAX_PATH = 4096 }; /* the kernel's own limit, terminator included */

/* A terminated copy. The guest's memory is not what the kernel should read a path from twice. */
static wasi_errno copy_path(char text[MAX_PATH], const char *data, size_t size)
{
    if (size >= MAX_PATH)
        return ERRNO_NAMETOOLONG;
    memcpy(text, data, size);
    text[size] = 0;
    return ERRNO_SUCCESS;
}

static wasi_errno open_beneath(int dir, const char *path, int flags, unsigned mode, int *file)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                           .mode = mode,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    /* EAGAIN: something was renamed meanwhile and the kernel cannot tell whether ".." left the
     * directory. */
    for (int attempts = 0; attempts < 64; attempts++) {
        long result = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (result >= 0) {
            *file = (int)result;
            return ERRNO_SUCCESS;
        }
        if (errno != EAGAIN)
            break;
    }
    wasi_errno error = errno == EXDEV ? ERRNO_NOTCAPABLE : last_errno();
    return error ? error : ERRNO_IO;
}

/* ---- directories of the user */

static bool have_openat2(void)
{
    int file;
    wasi_errno error = open_beneath(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0, &file);
    if (!error)
        close(file);
    /* A seccomp filter that does not know the call answers EPERM. */
    return error != ERRNO_NOSYS && error != ERRNO_PERM;
}

bool host_directory_open(struct host_directory *directory, const char *path, struct error *error)
{
    if (!have_openat2())
        return error_set(error, ERROR_IO,
                         "%s: the kernel has no openat2 (Linux 5.6 or later is needed to keep a "
                         "guest inside its directories)",
                         path);
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, ERROR_IO, "%s: %s", path, errno_message(last_errno()));
    *directory = (struct host_directory){.handle = file, .owned = true};
    return true;
}

/* ---- whole paths */

static wasi_errno open_whole(handle dir, uint32_t lookup, struct path path, int flags,
                             unsigned mode, int *file)
{
    char text[MAX_PATH];
    wasi_errno error = copy_path(text, path.data, path.size);
    if (!(lookup & LOOKUP_SYMLINK_FOLLOW))
        flags |= O_NOFOLLOW;
    return error ? error : open_beneath(dir, text, flags, mode, file);
}

/* Opens what may wait, and so only for a while: a FIFO whose other end nobody has yet. */
static wasi_errno open_waiting(handle dir, uint32_t lookup, struct path path, int flags, int *file)
{
    interrupt_calls(true);
    wasi_errno error = open_whole(dir, lookup, path, flags, 0, file);
    interrupt_calls(false);
    return error;
}

/* A FIFO that was opened for reading without waiting. Who comes to write meanwhile finds a reader:
 * it is kept until there is another one, or if there is something in it already. */
static wasi_errno await_writer(handle dir, uint32_t lookup, struct path path, int flags, int *file)
{
    int first = *file;
    wasi_errno error = open_waiting(dir, lookup, path, flags, file);
    if (error == ERRNO_INTR && poll(&(struct pollfd){.fd = first, .events = POLLIN}, 1, 0) > 0) {
        *file = first;
        return errno_result(fcntl(first, F_SETFL, flags & (O_APPEND | O_SYNC | O_DSYNC)));
    }
    close(first);
    return error;
}

/* Opens without waiting first, so that only what waits costs more than one call. */
static wasi_errno open_soon(handle dir, uint32_t lookup, struct path path, int flags, unsigned mode,
                            int *file)
{
    const int once = O_CREAT | O_EXCL | O_TRUNC;
    struct stat stat;
    wasi_errno error = open_whole(dir, lookup, path, flags | O_NONBLOCK, mode, file);
    if (flags & (O_NONBLOCK | O_DIRECTORY))
        return error;
    if (error == ERRNO_NXIO || error == ERRNO_AGAIN)
        return open_waiting(dir, lookup, path, flags & ~once, file);
    if (error || fstat(*file, &stat) != 0 || S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode))
        return error;
    if (S_ISFIFO(stat.st_mode) && (flags & O_ACCMODE) == O_RDONLY)
        return await_writer(dir, lookup, path, flags & ~once, file);
    return errno_result(fcntl(*file, F_SETFL, flags & (O_APPEND | O_SYNC | O_DSYNC)));
}

static int access_mode(uint64_t rights)
{
    bool reading = rights & (RIGHT_FD_READ | RIGHT_FD_READDIR);
    bool writing = rights & RIGHTS_WRITING;
    return writing ? reading ? O_RDWR : O_WRONLY : O_RDONLY;
}

wasi_errno host_path_open(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                          uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    (void)inheriting;
    int flags = open_flags_of(fdflags) | O_NOCTTY;
    if (oflags & OFLAG_CREAT)
        flags |= O_CREAT;
    if (oflags & OFLAG_EXCL)
        flags |= O_EXCL;
    if (oflags & OFLAG_TRUNC)
        flags |= O_TRUNC;
    if (oflags & OFLAG_DIRECTORY) /* who would write into one is told that it is one */
        flags |= O_DIRECTORY | (rights & RIGHT_FD_WRITE ? O_RDWR : O_RDONLY);
    else
        flags |= access_mode(rights);
    return open_soon(dir, lookup, path, flags, oflags & OFLAG_CREAT ? 0666 : 0, file);
}

wasi_errno host_path_filestat_get(handle dir, uint32_t lookup, struct path path,
                                  struct filestat *to)
{
    int file;
    wasi_errno error = open_whole(dir, lookup, path, O_PATH, 0, &file);
    if (error)
        return error;
    struct stat stat;
    if (fstat(file, &stat) != 0)
        error = last_errno();
    else
        filestat_of(to, &stat);
    close(file);
    return error;
}

wasi_errno host_path_filestat_set_times(handle dir, uint32_t lookup, struct path path,
                                        uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    struct timespec times[2];
    int file;
    times_of(times, atim, mtim, fstflags);
    wasi_errno error = open_whole(dir, lookup, path, O_PATH, 0, &file);
    if (error)
        return error;
    error = errno_result(utimensat(file, "", times, AT_EMPTY_PATH));
    close(file);
    return error;
}

wasi_errno host_path_readlink(handle dir, struct path path, uint8_t *buffer, uint32_t size,
                              uint32_t *used)
{
    int file;
    wasi_errno error = open_whole(dir, 0, path, O_PATH, 0, &file);
    if (error)
        return error;
    ssize_t length = readlinkat(file, "", (char *)buffer, size);
    if (length < 0) /* ENOENT: not a symbolic link */
        error = errno == ENOENT ? ERRNO_INVAL : last_errno();
    else
        *used = (uint32_t)length;
    close(file);
    return error;
}

/* ---- parent and last component */

struct place {
    int parent;
    char name[MAX_PATH]; /* with the slashes behind it, so that the kernel judges them */
};

static const struct path HERE = {".", 1};

static bool is_dots(const char *name, size_t size)
{
    return size > 0 && size <= 2 && memcmp(name, "..", size) == 0;
}

static wasi_errno open_folder(handle dir, struct path path, int *folder)
{
    return open_whole(dir, LOOKUP_SYMLINK_FOLLOW, path, O_PATH | O_DIRECTORY, 0, folder);
}

/* On success place->parent has to be closed. For a path that ends in "." or ".." it is where the
 * path leads to, which has to be inside, too: the kernel only sees that the name is one of these.
 */
static wasi_errno open_parent(handle dir, struct path path, struct place *place)
{
    size_t end = path.size;
    while (end > 0 && path.data[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path.data[start - 1] != '/')
        start--;
    wasi_errno error = copy_path(place->name, path.data + start, path.size - start);
    if (error)
        return error;
    if (is_dots(path.data + start, end - start))
        return open_folder(dir, path, &place->parent);
    return open_folder(dir, start ? (struct path){path.data, start} : HERE, &place->parent);
}

wasi_errno host_path_create_directory(handle dir, struct path path)
{
    struct place place;
    wasi_errno error = open_parent(dir, path, &place);
    if (error)
        return error;
    error = errno_result(mkdirat(place.parent, place.name, 0777));
    close(place.parent);
    return error;
}

static wasi_errno unlink_at(handle dir, struct path path, int flags)
{
    struct place place;
    wasi_errno error = open_parent(dir, path, &place);
    if (error)
        return error;
    error = errno_result(unlinkat(place.parent, place.name, flags));
    close(place.parent);
    return error;
}

wasi_errno host_path_remove_directory(handle dir, struct path path)
{
    return unlink_at(dir, path, AT_REMOVEDIR);
}

wasi_errno host_path_unlink_file(handle dir, struct path path)
{
    return unlink_at(dir, path, 0);
}

/* linkat would follow a symbolic link that has a slash behind it. Then it is a directory or an
 * error, and a directory is refused by any name. */
static wasi_errno open_source(handle dir, struct path path, struct place *place)
{
    wasi_errno error = open_parent(dir, path, place);
    if (error || !strchr(place->name, '/'))
        return error;
    close(place->parent);
    memcpy(place->name, ".", 2);
    return open_folder(dir, path, &place->parent);
}

wasi_errno host_path_link(handle old_dir, uint32_t lookup, struct path old_path, handle new_dir,
                          struct path new_path)
{
    struct place from, to;
    if (lookup & LOOKUP_SYMLINK_FOLLOW)
        return ERRNO_INVAL;
    wasi_errno error = open_source(old_dir, old_path, &from);
    if (error)
        return error;
    error = open_parent(new_dir, new_path, &to);
    if (!error) {
        error = errno_result(linkat(from.parent, from.name, to.parent, to.name, 0));
        close(to.parent);
    }
    close(from.parent);
    return error;
}

wasi_errno host_path_rename(handle old_dir, struct path old_path, handle new_dir,
                            struct path new_path)
{
    struct place from, to;
    wasi_errno error = open_parent(old_dir, old_path, &from);
    if (error)
        return error;
    error = open_parent(new_dir, new_path, &to);
    if (!error) {
        error = errno_result(renameat(from.parent, from.name, to.parent, to.name));
        close(to.parent);
    }
    close(from.parent);
    return error;
}

wasi_errno host_path_symlink(struct path target, handle dir, struct path path)
{
    struct place place;
    char text[MAX_PATH];
    wasi_errno error = copy_path(text, target.data, target.size);
    if (error)
        return error;
    error = open_parent(dir, path, &place);
    if (error)
        return error;
    error = errno_result(symlinkat(text, place.parent, place.name));
    close(place.parent);
    return error;
}
