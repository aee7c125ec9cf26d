#include "state/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    int descriptor;
    const char *path;
    uint64_t size;
};

static bool write_file(void *context, const void *data, size_t size, struct error *error)
{
    struct file *file = context;
    const char *at = data;
    file->size += size;
    while (size) {
        ssize_t written = write(file->descriptor, at, size < 1u << 24 ? size : 1u << 24);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_set(error, ERROR_IO, "cannot write %s: %s", file->path, strerror(errno));
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* Some hosts have no fsync; there the file is as safe as the host makes it. */
static bool flush(const struct file *file, struct error *error)
{
    if (fsync(file->descriptor) == 0 || errno == ENOSYS || errno == ENOTSUP || errno == EINVAL)
        return true;
    return error_set(error, ERROR_IO, "cannot flush %s: %s", file->path, strerror(errno));
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

/* What a crash has left behind goes; whatever else has that name is not written through. */
static bool create(struct file *file, struct error *error)
{
    unlink(file->path);
    file->descriptor = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return file->descriptor >= 0 ||
           error_set(error, ERROR_IO, "cannot create %s: %s", file->path, strerror(errno));
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

static bool fill(const struct saving *saving, struct file *file, struct error *error)
{
    struct sink sink = {write_file, file}, wrapped = sink;
    const struct wrapping *wrapping = saving->wrapping;
    struct stat stat = {0};
    (void)fstat(file->descriptor, &stat);
    if (wrapping && !wrapping->begin(wrapping->context, &sink, &wrapped, error))
        return false;
    bool good = saving->fill(saving->context, &wrapped, stat.st_dev, stat.st_ino, error);
    if (wrapping)
        good = wrapping->end(wrapping->context, good, error);
    return good && (!saving->sync || flush(file, error));
}

static bool save_as(const struct saving *saving, struct file *file, const char *path,
                    struct error *error)
{
    if (!create(file, error) || file->descriptor < 0)
        return false;
    bool good = fill(saving, file, error);
    if (close(file->descriptor) != 0 && good)
        good = error_set(error, ERROR_IO, "cannot close %s: %s", file->path, strerror(errno));
    if (good && saving->keep > 1)
        keep_older(path, saving->keep);
    if (good && rename(file->path, path) != 0)
        good = error_set(error, ERROR_IO, "cannot rename %s to %s: %s", file->path, path,
                         strerror(errno));
    if (good && saving->sync)
        flush_folder(path);
    if (!good)
        unlink(file->path);
    return good;
}

bool file_save(const struct saving *saving, const char *path, uint64_t *size, struct error *error)
{
    size_t length = strlen(path);
    char *temporary = malloc(length + 8);
    if (!temporary)
        return error_set(error, ERROR_MEMORY, "no memory for a snapshot");
    snprintf(temporary, length + 8, "%s.part", path);
    struct file file = {.path = temporary};
    bool good = save_as(saving, &file, path, error);
    free(temporary);
    if (good && size)
        *size = file.size;
    return good;
}

struct save {
    const struct guest *guest;
    const struct capture_options *options;
};

static bool capture(void *context, const struct sink *sink, uint64_t dev, uint64_t ino,
                    struct error *error)
{
    const struct save *save = context;
    struct capture_options own = *save->options;
    own.carry.output_dev = dev;
    own.carry.output_ino = ino;
    return snapshot_capture(save->guest, &own, sink, error);
}

bool snapshot_save(const struct guest *guest, const struct capture_options *options,
                   const char *path, uint64_t *size, struct error *error)
{
    struct save save = {guest, options};
    const struct saving saving = {capture, &save, options->wrapping, options->sync, options->keep};
    return file_save(&saving, path, size, error);
}
