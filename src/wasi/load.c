/* load.c - a guest's WASI state from a snapshot: the directories that the user gives now are
 * matched to those that the guest had, and its files are opened again. */
#include <stdio.h>
#include <stdlib.h>

#include "wasi/image.h"

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory for the guest's WASI state");
}

static bool load_texts(struct texts *texts, const struct slices *slices)
{
    texts->items = calloc(slices->count ? slices->count : 1, sizeof *texts->items);
    if (!texts->items)
        return false;
    for (texts->count = 0; texts->count < slices->count; texts->count++) {
        const struct slice *slice = &slices->items[texts->count];
        if (!text_set(&texts->items[texts->count], slice->data, slice->size))
            return false;
    }
    return true;
}

/* ---- directories */

static bool needs_preopen(const struct image *image, uint32_t preopen)
{
    for (uint32_t i = 0; i < image->ndescriptors; i++) {
        const struct saved_descriptor *descriptor = &image->descriptors[i];
        bool below = descriptor->kind == DESCRIPTOR_PREOPEN ||
                     descriptor->kind == DESCRIPTOR_FILE ||
                     descriptor->kind == DESCRIPTOR_DIRECTORY;
        if (below && descriptor->source == preopen)
            return true;
    }
    return false;
}

static const struct wasi_preopen *find_option(const struct wasi_options *options,
                                              const struct text *guest_path)
{
    for (uint32_t i = 0; i < options->npreopens; i++)
        if (strcmp(options->preopens[i].guest_path, guest_path->data) == 0)
            return &options->preopens[i];
    return NULL;
}

static bool load_preopen(struct preopen *preopen, const struct wasi_options *options,
                         struct error *error)
{
    const struct wasi_preopen *option = find_option(options, &preopen->guest_path);
    if (option)
        return host_directory_open(&preopen->directory, option->host_path, error);
    return error_set(error, ERROR_USAGE,
                     "the guest has the directory %s open, which is not given: add "
                     "--dir HOSTPATH::%s",
                     preopen->guest_path.data, preopen->guest_path.data);
}

static bool load_preopens(struct wasi *wasi, const struct wasi_options *options,
                          const struct image *image, struct error *error)
{
    const struct slices *names = &image->preopens;
    wasi->preopens = calloc(names->count ? names->count : 1, sizeof *wasi->preopens);
    if (!wasi->preopens)
        return out_of_memory(error);
    for (uint32_t i = 0; i < names->count; i++) {
        struct preopen *preopen = &wasi->preopens[i];
        preopen->directory.handle = HANDLE_NONE;
        if (!text_set(&preopen->guest_path, names->items[i].data, names->items[i].size))
            return out_of_memory(error);
        wasi->npreopens++;
        /* One that the guest has closed and has nothing open in is not asked for. */
        if (needs_preopen(image, i) && !load_preopen(preopen, options, error))
            return false;
    }
    return true;
}

/* ---- descriptors */

static bool cannot_open(const struct preopen *preopen, const struct descriptor *descriptor,
                        const char *why, struct error *error)
{
    return error_set(error, ERROR_IO, "%s (in the directory %s), which the guest has open: %s",
                     descriptor->path.data, preopen->guest_path.data, why);
}

/* Opens again what the guest had opened: never creating, never truncating. */
static bool reopen(const struct preopen *preopen, struct descriptor *descriptor,
                   const struct saved_descriptor *saved, struct error *error)
{
    bool directory = saved->kind == DESCRIPTOR_DIRECTORY;
    struct file_request request = {
        .dir = preopen->directory.handle,
        .lookup = saved->follow ? LOOKUP_SYMLINK_FOLLOW : 0,
        .path = {descriptor->path.data, descriptor->path.size},
        .oflags = directory ? OFLAG_DIRECTORY : 0,
        .rights = saved->rights,
        .inheriting = saved->inheriting,
        .fdflags = saved->fdflags,
    };
    wasi_errno failure = descriptor_open(descriptor, &request);
    if (failure)
        return cannot_open(preopen, descriptor, errno_message(failure), error);
    if (descriptor->kind != saved->kind)
        return cannot_open(preopen, descriptor, "it is a directory now", error);
    uint64_t position;
    if (saved->offset)
        failure = host_seek(descriptor->handle, (int64_t)saved->offset, WHENCE_SET, &position);
    return !failure || cannot_open(preopen, descriptor, errno_message(failure), error);
}

static bool load_descriptor(struct wasi *wasi, const struct saved_descriptor *saved,
                            struct error *error)
{
    if (!descriptor_room(wasi, saved->number))
        return out_of_memory(error);
    struct descriptor *descriptor = &wasi->descriptors[saved->number];
    *descriptor = (struct descriptor){
        .kind = saved->kind,
        .handle = HANDLE_NONE,
        .follow = saved->follow,
        .fdflags = saved->fdflags,
        .rights = saved->rights,
        .inheriting = saved->inheriting,
        .source = saved->source,
    };
    switch (saved->kind) {
    case DESCRIPTOR_STREAM:
        descriptor->handle = (handle)saved->source;
        descriptor_probe_stream(descriptor);
        return true;
    case DESCRIPTOR_PREOPEN:
        descriptor->handle = wasi->preopens[saved->source].directory.handle;
        descriptor->filetype = FILETYPE_DIRECTORY;
        return true;
    case DESCRIPTOR_FILE:
    case DESCRIPTOR_DIRECTORY:
        if (!text_set(&descriptor->path, saved->path.data, saved->path.size))
            return out_of_memory(error);
        return reopen(&wasi->preopens[saved->source], descriptor, saved, error);
    case DESCRIPTOR_CONNECTION: /* its other end is gone: every use of it gives CONNRESET */
        descriptor->filetype = FILETYPE_SOCKET_STREAM;
        return true;
    case DESCRIPTOR_CLOSED: break;
    }
    return true;
}

/* ---- the whole */

static bool load_image(struct wasi *wasi, const struct wasi_options *options,
                       const struct image *image, struct error *error)
{
    if (!load_texts(&wasi->arguments, &image->arguments) ||
        !load_texts(&wasi->environment, &image->environment))
        return out_of_memory(error);
    if (!load_preopens(wasi, options, image, error))
        return false;
    for (uint32_t i = 0; i < image->ndescriptors; i++)
        if (!load_descriptor(wasi, &image->descriptors[i], error))
            return false;
    for (uint32_t clock = CLOCK_MONO; clock <= CLOCK_THREAD; clock++)
        if (image->clocks[clock].asked)
            clock_continue(wasi, clock, image->clocks[clock].reading);
    wasi->waiting = image->waiting;
    wasi->waited = image->waited;
    return true;
}

bool wasi_load(struct wasi **loaded, const struct wasi_options *options, const uint8_t *data,
               size_t size, struct error *error)
{
    struct image image;
    if (!image_read(&image, data, size, error))
        return false;
    struct wasi *wasi = wasi_new(options);
    bool done = wasi ? load_image(wasi, options, &image, error) : out_of_memory(error);
    image_free(&image);
    if (!done) {
        wasi_destroy(wasi);
        return false;
    }
    *loaded = wasi;
    return true;
}
