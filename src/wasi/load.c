/* load.c - a guest's WASI state from a snapshot. wasi_load: the directories that the user gives now
 * are matched to those that the guest had. wasi_resume: its files are opened again. */
#include <stdio.h>
#include <stdlib.h>

#include "wasi/carry.h"

/* What wasi_resume needs of the snapshot. */
struct saved {
    struct image image;
    struct baggage baggage;
    struct slice directories, opened; /* what they were on their machine */
};

void saved_free(struct saved *saved)
{
    if (!saved)
        return;
    image_free(&saved->image);
    baggage_free(&saved->baggage);
    free(saved);
}

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

static bool needs_preopen(const struct saved *saved, uint32_t preopen)
{
    const struct image *image = &saved->image;
    for (uint32_t i = 0; i < saved->baggage.ncarried; i++)
        if (saved->baggage.carried[i].preopen == preopen)
            return true;
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
                          struct error *error)
{
    const struct slices *names = &wasi->saved->image.preopens;
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
        if (needs_preopen(wasi->saved, i) && !load_preopen(preopen, options, error))
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

/* Seconds are all that some hosts and archives keep. */
static bool same_time(uint64_t a, uint64_t b)
{
    const uint64_t second = 1000000000;
    return a == b || ((a % second == 0 || b % second == 0) && a / second == b / second);
}

/* That a file is as it was. */
static bool check_state(const struct preopen *preopen, const struct descriptor *descriptor,
                        const struct state *state, struct error *error)
{
    struct filestat stat;
    uint8_t hash[DIGEST_SIZE];
    wasi_errno failure = host_filestat_get(descriptor->handle, &stat);
    const char *what = NULL;
    if (!failure && stat.size != state->size)
        what = "has another size than when the snapshot was taken";
    else if (!failure && state->hash)
        failure = named_hash(preopen, &descriptor->path, state->size, hash);
    else if (!failure && state->mtime && !same_time(stat.mtim, state->mtime))
        what = "was modified after the snapshot was taken";
    if (!failure && !what && state->hash && memcmp(hash, state->hash, DIGEST_SIZE) != 0)
        what = "has other contents than when the snapshot was taken";
    if (!failure && !what)
        return true;
    cannot_open(preopen, descriptor, failure ? errno_message(failure) : what, error);
    if (what && error)
        snprintf(error->message + strlen(error->message),
                 sizeof error->message - strlen(error->message),
                 " (--accept-changed goes on with it)");
    return false;
}

/* Opens again what the guest had opened: never creating, never truncating. `name`: where a file is
 * whose own name is gone. */
static bool reopen(const struct preopen *preopen, struct descriptor *descriptor,
                   const struct saved_descriptor *saved, const char *name, struct error *error)
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
    if (name)
        request.path = (struct path){name, strlen(name)};
    /* A pipe that nobody has at its other end now is opened at once, not when somebody has. */
    struct filestat stat;
    bool pipe = host_path_filestat_get(request.dir, request.lookup, request.path, &stat) == 0 &&
                stat.filetype == FILETYPE_UNKNOWN;
    if (pipe)
        request.fdflags |= FDFLAG_NONBLOCK;
    wasi_errno failure;
    do
        failure = descriptor_open(descriptor, &request);
    while (failure == ERRNO_INTR);
    if (!failure && pipe)
        failure = host_fdstat_set_flags(descriptor->handle, saved->fdflags);
    descriptor->fdflags = saved->fdflags;
    if (failure)
        return cannot_open(preopen, descriptor, errno_message(failure), error);
    if (descriptor->kind != saved->kind)
        return cannot_open(preopen, descriptor, "it is a directory now", error);
    uint64_t position;
    if (saved->offset)
        failure = host_seek(descriptor->handle, (int64_t)saved->offset, WHENCE_SET, &position);
    return !failure || cannot_open(preopen, descriptor, errno_message(failure), error);
}

/* The listening socket of that address, or else the next one. */
static bool load_listener(struct descriptor *descriptor, const struct wasi_options *options,
                          const struct slice *address, struct error *error)
{
    struct wasi_listener *found = NULL;
    for (uint32_t i = options->nlisteners; i-- > 0;) {
        struct wasi_listener *listener = &options->listeners[i];
        if (strlen(listener->address) == address->size &&
            memcmp(listener->address, address->data, address->size) == 0) {
            found = listener;
            break;
        }
        if (!listener->taken)
            found = listener;
    }
    if (found)
        return descriptor_listen(descriptor, found) || out_of_memory(error);
    return error_set(error, ERROR_USAGE,
                     "the guest listens on %.*s, which is not given: add --listen ADDRESS:PORT",
                     (int)(address->size < 100 ? address->size : 100), address->data);
}

static bool all_taken(const struct wasi_options *options, struct error *error)
{
    for (uint32_t i = 0; i < options->nlisteners; i++)
        if (!options->listeners[i].taken)
            return error_set(error, ERROR_USAGE,
                             "--listen %s: the guest has no listening socket for it",
                             options->listeners[i].address);
    return true;
}

/* Everything but what has to be opened. */
static bool load_descriptor(struct wasi *wasi, const struct wasi_options *options,
                            const struct saved_descriptor *saved, struct error *error)
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
        return text_set(&descriptor->path, saved->path.data, saved->path.size) ||
               out_of_memory(error);
    case DESCRIPTOR_CONNECTION: /* its other end is gone: every use of it gives CONNRESET */
        descriptor->filetype = FILETYPE_SOCKET_STREAM;
        return true;
    case DESCRIPTOR_LISTENER: return load_listener(descriptor, options, &saved->path, error);
    case DESCRIPTOR_CLOSED: break;
    }
    return true;
}

/* ---- the whole */

static void load_clocks(struct wasi *wasi, const struct wasi_options *options, uint64_t between)
{
    const struct image *image = &wasi->saved->image;
    bool jump = options->clocks == WASI_CLOCKS_JUMP;
    for (uint32_t clock = CLOCK_MONO; clock <= CLOCK_THREAD; clock++)
        if (image->clocks[clock].asked)
            clock_continue(wasi, clock,
                           image->clocks[clock].reading +
                               (jump && clock == CLOCK_MONO ? between : 0));
    wasi->waiting = image->waiting;
    wasi->waited = image->waited + (jump && image->waiting ? between : 0);
}

static bool load_saved(struct wasi *wasi, const struct wasi_options *options,
                       const struct wasi_sections *sections, struct error *error)
{
    struct saved *saved = wasi->saved = calloc(1, sizeof *saved);
    if (!saved)
        return out_of_memory(error);
    saved->directories =
        (struct slice){(const char *)sections->directories.data, sections->directories.size};
    saved->opened = (struct slice){(const char *)sections->opened.data, sections->opened.size};
    const struct image *image = &saved->image;
    if (!image_read(&saved->image, sections->wasi, sections->wasi_size, error) ||
        !baggage_read(&saved->baggage, image, sections->files, sections->files_size, error))
        return false;
    if (!load_texts(&wasi->arguments, &image->arguments) ||
        !load_texts(&wasi->environment, &image->environment))
        return out_of_memory(error);
    if (!load_preopens(wasi, options, error))
        return false;
    for (uint32_t i = 0; i < image->ndescriptors; i++)
        if (!load_descriptor(wasi, options, &image->descriptors[i], error))
            return false;
    if (!all_taken(options, error))
        return false;
    load_clocks(wasi, options, sections->between);
    return true;
}

bool wasi_load(struct wasi **loaded, const struct wasi_options *options,
               const struct wasi_sections *sections, struct error *error)
{
    struct wasi *wasi = wasi_new(options);
    if (wasi ? load_saved(wasi, options, sections, error) : out_of_memory(error)) {
        *loaded = wasi;
        return true;
    }
    wasi_destroy(wasi);
    return false;
}

/* ---- files */

static const struct saved_descriptor *saved_descriptor(const struct image *image, uint32_t number)
{
    const struct saved_descriptor *found = image->descriptors;
    while (found->number != number)
        found++;
    return found;
}

/* For as long as it takes to open it, it gets a name again. */
static bool resume_deleted(struct wasi *wasi, const struct carried *carried, struct error *error)
{
    struct preopen *preopen = &wasi->preopens[carried->preopen];
    char name[40];
    if (!unpack_deleted(preopen, carried, name, error))
        return false;
    bool good = true;
    for (uint32_t i = 0; i < carried->ndescriptors && good; i++) {
        uint32_t fd = get_le32(carried->descriptors + (size_t)i * 4);
        good = reopen(preopen, &wasi->descriptors[fd], saved_descriptor(&wasi->saved->image, fd),
                      name, error);
    }
    struct path path = {name, strlen(name)};
    handle directory = preopen->directory.handle;
    wasi_errno failure = carried->kind == CARRIED_REMOVED
                             ? host_path_remove_directory(directory, path)
                             : host_path_unlink_file(directory, path);
    if (good && failure)
        return error_set(error, ERROR_IO, "%s (in the directory %s): %s", name,
                         preopen->guest_path.data, errno_message(failure));
    return good;
}

static bool resume_carried(struct wasi *wasi, const struct wasi_options *options,
                           struct error *error)
{
    const struct baggage *baggage = &wasi->saved->baggage;
    for (uint32_t i = 0; i < baggage->ncarried; i++) {
        const struct carried *carried = &baggage->carried[i];
        bool good = carried->ndescriptors ? resume_deleted(wasi, carried, error)
                                          : unpack(&wasi->preopens[carried->preopen], carried,
                                                   options->overwrite, error);
        if (!good)
            return false;
    }
    return true;
}

/* ---- that they are the ones that they were
 *
 * Device and inode mean something on their machine only, and there as long as nobody has made a
 * copy of it all. So they count where the directory that the user gives is the very one. */

static void find_places(struct wasi *wasi)
{
    struct slice text = wasi->saved->directories;
    struct filestat then, now;
    for (uint32_t i = 0; i < wasi->npreopens && take_identity(&text, &then); i++)
        wasi->preopens[i].same_place =
            then.ino && host_filestat_get(wasi->preopens[i].directory.handle, &now) == 0 &&
            same_file(&then, &now);
}

/* Descriptors are asked for by ascending number, as they are in the text. */
static bool known_identity(struct saved *saved, uint32_t number, struct filestat *stat)
{
    struct slice rest = saved->opened;
    uint64_t found;
    while (take_number(&rest, &found) && found <= number && take_identity(&rest, stat)) {
        saved->opened = rest;
        if (found == number)
            return stat->ino != 0;
    }
    return false;
}

static bool has_travelled(const struct baggage *baggage, const struct saved_descriptor *saved)
{
    for (uint32_t i = 0; i < baggage->ncarried; i++) {
        const struct carried *carried = &baggage->carried[i];
        if (carried->preopen == saved->source && carried->path.size == saved->path.size &&
            memcmp(carried->path.data, saved->path.data, saved->path.size) == 0)
            return true;
    }
    return false;
}

/* False: what has its name is another file, and the file is not found under another name. */
static bool is_the_one(struct wasi *wasi, struct descriptor *descriptor,
                       const struct filestat *wanted)
{
    const struct preopen *preopen = &wasi->preopens[descriptor->source];
    uint32_t lookup = descriptor->follow ? LOOKUP_SYMLINK_FOLLOW : 0;
    struct path path = {descriptor->path.data, descriptor->path.size};
    struct filestat stat;
    return !preopen->same_place || leads_to(preopen, lookup, path, wanted) ||
           find_file(wasi, descriptor, wanted) ||
           host_path_filestat_get(preopen->directory.handle, lookup, path, &stat);
}

static bool resume_descriptor(struct wasi *wasi, const struct wasi_options *options,
                              const struct saved_descriptor *saved, struct error *error)
{
    struct descriptor *descriptor = &wasi->descriptors[saved->number];
    const struct state *state = baggage_state(&wasi->saved->baggage, saved->number);
    bool opened = saved->kind == DESCRIPTOR_FILE || saved->kind == DESCRIPTOR_DIRECTORY;
    struct filestat wanted;
    if (!opened || descriptor->handle != HANDLE_NONE)
        return true;
    bool known = known_identity(wasi->saved, saved->number, &wanted);
    bool as_it_is = options->accept_changed || has_travelled(&wasi->saved->baggage, saved);
    if (known && !as_it_is && !is_the_one(wasi, descriptor, &wanted))
        return cannot_open(&wasi->preopens[saved->source], descriptor,
                           "is another file than when the snapshot was taken (--accept-changed "
                           "goes on with it)",
                           error);
    const struct preopen *preopen = &wasi->preopens[descriptor->source];
    return reopen(preopen, descriptor, saved, NULL, error) &&
           (!state || as_it_is || check_state(preopen, descriptor, state, error));
}

bool wasi_resume(struct wasi *wasi, const struct wasi_options *options, struct error *error)
{
    const struct image *image = &wasi->saved->image;
    find_places(wasi);
    if (!resume_carried(wasi, options, error))
        return false;
    for (uint32_t i = 0; i < image->ndescriptors; i++)
        if (!resume_descriptor(wasi, options, &image->descriptors[i], error))
            return false;
    saved_free(wasi->saved);
    wasi->saved = NULL;
    return true;
}
