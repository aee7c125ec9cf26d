#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef __wasi__
#    include <sys/file.h>

#    include "base/path.h"
#endif

static bool refuse(struct error *error, const char *what, const char *path)
{
    return error_set(error, ERROR_IO, "cannot %s %.700s: %s", what, path, strerror(errno));
}

/* ---- what is at the path */

#ifdef __wasi__
/* Small, since a host gets it with each start: what is no plain file is not replaced. */
static char *follow(const char *path, bool *through)
{
    struct stat status;
    *through = lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
    return strdup(path);
}
#else
/* What the link `path` says, from where it stands; NULL when it is no link. */
static char *link_target(const char *path)
{
    char target[PATH_ROOM], whole[PATH_ROOM];
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0 || length == sizeof target)
        return NULL;
    const char *slash = *target == '/' ? NULL : strrchr(path, '/');
    (void)path_set(whole, NULL, "%.*s%.*s", slash ? (int)(slash - path) + 1 : 0, path, (int)length,
                   target);
    return strdup(whole);
}

/* The path of the file that is to be replaced. A link of the kernel's own (/proc/self/fd/1) may
 * lead to a file that has no path: that is written through, like whatever is no plain file. */
static char *follow(const char *path, bool *through)
{
    enum { LINKS_MAX = 40 }; /* as the kernel has it */
    struct stat there, found;
    int links = 0;
    char *at = strdup(path), *next;
    while (at && (next = link_target(at))) {
        free(at);
        at = next;
        if (++links > LINKS_MAX) {
            free(at);
            errno = ELOOP;
            return NULL;
        }
    }
    if (at && stat(path, &there) == 0)
        *through = !S_ISREG(there.st_mode) || stat(at, &found) != 0 ||
                   found.st_dev != there.st_dev || found.st_ino != there.st_ino;
    if (at && *through) {
        free(at);
        at = strdup(path);
    }
    return at;
}
#endif

/* ---- making it */

/* Under a name that is new: what a crash has left behind goes, and whatever else has that name is
 * not written through. */
static int create(const char *path, mode_t mode)
{
    (void)unlink(path);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

#ifdef __wasi__
static bool create_temporary(struct output *output, mode_t mode)
{
    size_t size = strlen(output->path) + sizeof OUTPUT_PART;
    output->temporary = malloc(size);
    if (!output->temporary)
        return false;
    snprintf(output->temporary, size, "%s" OUTPUT_PART, output->path);
    output->descriptor = create(output->temporary, mode);
    return output->descriptor >= 0;
}
#else
/* Whether another process is writing it: it has the lock for as long. */
static bool is_written(const char *path)
{
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool locked = file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (file >= 0)
        close(file);
    return locked;
}

static bool create_temporary(struct output *output, mode_t mode)
{
    char path[PATH_ROOM];
    struct error ignored;
    bool fits = path_set(path, &ignored, "%s" OUTPUT_PART, output->path);
    if (fits && is_written(path))
        fits = path_set(path, &ignored, "%s.%d" OUTPUT_PART, output->path, (int)getpid());
    if (!fits)
        errno = ENAMETOOLONG;
    output->temporary = fits ? strdup(path) : NULL;
    output->descriptor = output->temporary ? create(path, mode) : -1;
    if (output->descriptor >= 0)
        (void)flock(output->descriptor, LOCK_EX | LOCK_NB);
    return output->descriptor >= 0;
}
#endif

static void forget(struct output *output)
{
    free(output->path);
    free(output->temporary);
    output->path = output->temporary = NULL;
    output->descriptor = -1;
}

#ifndef __wasi__
static bool is_there(const char *path, struct error *error)
{
    return error_set(error, ERROR_USAGE, "%s is there already, and stays as it is", path);
}
#endif

bool output_begin(struct output *output, const char *path, const struct output_options *options,
                  struct error *error)
{
    struct stat status = {0};
    bool through = false;
    *output = (struct output){.descriptor = -1};
    if (options)
        output->options = *options;
#ifndef __wasi__
    if (output->options.fresh && lstat(path, &status) == 0)
        return is_there(path, error);
#endif
    output->path = follow(path, &through);
    if (output->path && through)
        output->descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    else if (output->path)
        (void)create_temporary(output, output->options.open ? 0666 : 0600);
    if (output->descriptor < 0) {
        refuse(error, "create", path);
        forget(output);
        return false;
    }
    (void)fstat(output->descriptor, &status);
    output->device = status.st_dev;
    output->inode = status.st_ino;
    return true;
}

bool output_write(void *output_, const void *data, size_t size, struct error *error)
{
    struct output *output = output_;
    const char *at = data;
    output->size += size;
    while (size) {
        ssize_t written = write(output->descriptor, at, size < 1u << 24 ? size : 1u << 24);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return refuse(error, "write", output->path);
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* ---- giving it its name */

/* Some hosts have no fsync, and some files; there it is as safe as the host makes it. */
static bool flush(const struct output *output)
{
    return fsync(output->descriptor) == 0 || errno == ENOSYS || errno == ENOTSUP || errno == EINVAL;
}

/* So that the new name is on the disk when the guest is told to stop. WASI has no way to do this
 * that all hosts know; a folder that cannot be flushed holds the old file or the new one anyway. */
static void flush_folder(const char *path)
{
#ifdef __wasi__
    (void)path;
#else
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    free(folder);
#endif
}

/* Makes room for a new file: PATH.1 becomes PATH.2 and so on, and PATH is PATH.1 too. Where the
 * host has no hard links, PATH is not there until the new file is. */
static void keep_older(const char *path, uint32_t keep)
{
    size_t size = strlen(path) + 16;
    char *from = malloc(size), *to = malloc(size);
    for (uint32_t i = keep - 1; i > 0 && from && to; i--) {
        snprintf(to, size, "%s.%u", path, i);
        snprintf(from, size, "%s.%u", path, i - 1);
        if (i > 1)
            (void)rename(from, to);
    }
    if (from && to) {
        (void)unlink(to);
        if (link(path, to) != 0)
            (void)rename(path, to);
    }
    free(from);
    free(to);
}

/* Gives the file `from` its name. */
static bool publish(const char *from, const char *path, const struct output_options *options)
{
#ifndef __wasi__
    if (options->fresh)
        return link(from, path) == 0 && unlink(from) == 0;
#endif
    if (options->keep > 1)
        keep_older(path, options->keep);
    if (rename(from, path) != 0)
        return false;
    if (options->sync)
        flush_folder(path);
    return true;
}

static bool cannot_publish(const struct output *output, struct error *error)
{
#ifndef __wasi__
    if (output->options.fresh && errno == EEXIST)
        return is_there(output->path, error);
#endif
    return refuse(error, "write", output->path);
}

bool output_end(struct output *output, bool good, struct error *error)
{
    if (output->descriptor < 0)
        return false;
    if (good && output->options.sync && !flush(output))
        good = refuse(error, "flush", output->path);
    if (close(output->descriptor) != 0 && good)
        good = refuse(error, "close", output->path);
    if (good && output->temporary && !publish(output->temporary, output->path, &output->options))
        good = cannot_publish(output, error);
    if (!good && output->temporary)
        unlink(output->temporary);
    forget(output);
    return good;
}

bool output_bytes(const char *path, const struct output_options *options, const void *data,
                  size_t size, struct error *error)
{
    struct output output;
    bool good = output_begin(&output, path, options, error);
    return output_end(&output, good && output_write(&output, data, size, error), error);
}

/* ---- files that are there already */

#ifndef __wasi__
static bool copy_bytes(int from, const char *name, struct output *output, struct error *error)
{
    static char bytes[1 << 16];
    for (;;) {
        ssize_t size = read(from, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size == 0 || refuse(error, "read", name);
        if (!output_write(output, bytes, (size_t)size, error))
            return false;
    }
}

bool output_target(const char *path, char target[PATH_ROOM])
{
    bool through = false;
    char *found = follow(path, &through);
    bool good = found && !through && path_set(target, NULL, "%s", found);
    free(found);
    return good;
}

static bool copy_from(int file, const char *from, const char *path,
                      const struct output_options *options, struct error *error)
{
    struct output output;
    bool good = output_begin(&output, path, options, error);
    return output_end(&output, good && copy_bytes(file, from, &output, error), error);
}

bool output_copy(const char *from, const char *path, const struct output_options *options,
                 struct error *error)
{
    int file = open(from, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refuse(error, "open", from);
    bool good = copy_from(file, from, path, options, error);
    close(file);
    return good;
}

/* In two steps, so that the older ones move up only when it is on their file system. */
static bool rename_to(const char *from, const char *path, const struct output_options *options)
{
    char beside[PATH_ROOM];
    if (!path_set(beside, NULL, "%s" OUTPUT_PART, path) || rename(from, beside) != 0)
        return false;
    if (publish(beside, path, options))
        return true;
    const int why = errno;
    (void)rename(beside, from);
    errno = why;
    return false;
}

/* What is moved, opened: it may lie where others can put something else in its place. */
static int open_plain(const char *from, const struct output_options *options)
{
    struct stat status;
    const mode_t mask = umask(0);
    umask(mask);
    int file = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || (fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
                     fchmod(file, options->open ? 0666 & ~mask : 0600) == 0))
        return file;
    close(file);
    errno = EINVAL;
    return -1;
}

bool output_move(const char *from, const char *path, const struct output_options *given,
                 struct error *error)
{
    struct output_options options = given ? *given : (struct output_options){0};
    char target[PATH_ROOM];
    int file = open_plain(from, &options);
    if (file < 0)
        return refuse(error, "open", from);
    bool plain = output_target(path, target);
    bool moved = plain && rename_to(from, target, &options);
    if (!moved && plain && errno != EXDEV) {
        refuse(error, "write", path);
    } else if (!moved) {
        options.sync = true; /* what it is copied from goes */
        moved = copy_from(file, from, path, &options, error);
        if (moved)
            (void)unlink(from);
    }
    close(file);
    return moved;
}
#endif
