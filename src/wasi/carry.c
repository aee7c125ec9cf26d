/* carry.c - the files section: the writer. The layout is drawn in carry.h.
 *
 * What has a fixed place is put together in memory first; the contents of files are read when they
 * are written, a chunk at a time. */
#include "wasi/carry.h"
#include "base/sort.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 1 << 15 };

/* A file's contents come after the first `at` bytes. */
struct contents {
    size_t at;
    uint64_t size;
    handle file; /* of a deleted one; else HANDLE_NONE, and it is opened by its path: */
    uint32_t preopen;
    struct text path;
};

/* What an open file's name leads to. */
enum name { TO_IT, NOWHERE_YET, NOWHERE }; /* NOWHERE: deleted while open, and in the section */

struct wasi_files {
    struct wasi *wasi;
    const struct wasi_carry *options;
    struct error *error;
    struct buffer bytes;
    struct contents *contents;
    uint32_t ncontents;
    uint32_t nstates;
    uint32_t ncarried;
    enum name *names; /* by descriptor */
};

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory for the guest's files");
}

static bool failed(const struct wasi_files *files, uint32_t preopen, const char *path,
                   const char *why)
{
    return error_set(files->error, ERROR_IO, "%s (in the directory %s): %s", path,
                     files->wasi->preopens[preopen].guest_path.data, why);
}

/* ---- open files */

static bool is_opened(const struct descriptor *descriptor)
{
    return descriptor->handle != HANDLE_NONE &&
           (descriptor->kind == DESCRIPTOR_FILE || descriptor->kind == DESCRIPTOR_DIRECTORY);
}

static bool any_entry(void *context, const char *name, size_t size, uint64_t ino, uint8_t filetype)
{
    (void)context, (void)name, (void)size, (void)ino, (void)filetype;
    return true;
}

/* Some file systems count no links of directories; of a removed one they read nothing. */
static bool is_gone(const struct descriptor *descriptor, const struct filestat *stat)
{
    return stat->nlink == 0 || (stat->filetype == FILETYPE_DIRECTORY && stat->ino &&
                                host_readdir(descriptor->handle, any_entry, NULL) == ERRNO_NOENT);
}

/* Finds out what leads to an open file, without which it could not be opened again. */
static bool put_name(struct wasi_files *files, uint32_t fd, struct filestat *stat)
{
    struct descriptor *descriptor = &files->wasi->descriptors[fd];
    const char *why = NULL;
    wasi_errno error = host_filestat_get(descriptor->handle, stat);
    if (error)
        why = errno_message(error);
    else if (update_name(files->wasi, descriptor, stat))
        files->names[fd] = TO_IT;
    else if (!is_gone(descriptor, stat))
        why = stat->ino ? "it has another name now, which is not found in the guest's directories"
                        : "whether its name still leads to it cannot be known: there are no inodes";
    else if (stat->filetype == FILETYPE_REGULAR_FILE || stat->filetype == FILETYPE_DIRECTORY)
        files->names[fd] = NOWHERE_YET;
    else
        why = "it was deleted, and is no file that could travel";
    return !why || failed(files, descriptor->source, descriptor->path.data, why);
}

static bool put_hash(struct wasi_files *files, const struct descriptor *descriptor, uint64_t size)
{
    uint8_t hash[DIGEST_SIZE];
    wasi_errno error =
        named_hash(&files->wasi->preopens[descriptor->source], &descriptor->path, size, hash);
    if (error)
        return failed(files, descriptor->source, descriptor->path.data, errno_message(error));
    buffer_put(&files->bytes, hash, sizeof hash);
    return true;
}

static bool put_state(struct wasi_files *files, uint32_t fd, const struct filestat *stat)
{
    const struct descriptor *descriptor = &files->wasi->descriptors[fd];
    bool hashed = files->options->files == WASI_FILES_VERIFY;
    buffer_put_u32(&files->bytes, fd);
    buffer_put_u64(&files->bytes, stat->size);
    buffer_put_u64(&files->bytes, files->options->times ? stat->mtim : 0);
    buffer_put_u8(&files->bytes, hashed);
    files->nstates++;
    return !hashed || put_hash(files, descriptor, stat->size);
}

static bool put_states(struct wasi_files *files)
{
    struct wasi *wasi = files->wasi;
    buffer_put_u32(&files->bytes, 0);
    for (uint32_t fd = 0; fd < wasi->ndescriptors; fd++) {
        struct filestat stat;
        if (!is_opened(&wasi->descriptors[fd]))
            continue;
        if (!put_name(files, fd, &stat) ||
            (files->names[fd] == TO_IT && stat.filetype == FILETYPE_REGULAR_FILE &&
             files->options->files != WASI_FILES_EMBED && !put_state(files, fd, &stat)))
            return false;
    }
    return true;
}

/* ---- what travels */

static void put_head(struct wasi_files *files, enum carried_kind kind, uint32_t preopen,
                     const char *path, size_t size)
{
    buffer_put_u8(&files->bytes, (uint8_t)kind);
    buffer_put_u32(&files->bytes, preopen);
    buffer_put_u32(&files->bytes, (uint32_t)size);
    buffer_put(&files->bytes, path, size);
    files->ncarried++;
}

static bool put_contents(struct wasi_files *files, const struct contents *contents)
{
    struct contents *more =
        realloc(files->contents, (files->ncontents + 1) * sizeof *files->contents);
    if (!more)
        return out_of_memory(files->error);
    files->contents = more;
    buffer_put_u64(&files->bytes, contents->size);
    more[files->ncontents] = *contents;
    more[files->ncontents++].at = files->bytes.size;
    return true;
}

static bool put_file(struct wasi_files *files, uint32_t preopen, const struct text *path,
                     uint64_t size)
{
    struct contents contents = {.size = size, .file = HANDLE_NONE, .preopen = preopen};
    put_head(files, CARRIED_FILE, preopen, path->data, path->size);
    if (!text_set(&contents.path, path->data, path->size))
        return out_of_memory(files->error);
    if (put_contents(files, &contents))
        return true;
    text_free(&contents.path);
    return false;
}

/* With every descriptor that has this file or directory, the one at `first` being the first. */
static bool put_deleted(struct wasi_files *files, uint32_t first, const struct filestat *stat)
{
    struct wasi *wasi = files->wasi;
    const struct descriptor *descriptor = &wasi->descriptors[first];
    bool directory = descriptor->kind == DESCRIPTOR_DIRECTORY;
    struct contents contents = {.size = stat->size, .file = descriptor->handle};
    put_head(files, directory ? CARRIED_REMOVED : CARRIED_DELETED, descriptor->source,
             descriptor->path.data, descriptor->path.size);
    size_t count_at = files->bytes.size;
    uint32_t count = 0;
    buffer_put_u32(&files->bytes, 0);
    for (uint32_t fd = first; fd < wasi->ndescriptors; fd++) {
        struct filestat other;
        if (fd != first &&
            (files->names[fd] != NOWHERE_YET ||
             host_filestat_get(wasi->descriptors[fd].handle, &other) || !same_file(&other, stat)))
            continue;
        if (wasi->descriptors[fd].rights & RIGHT_FD_READ)
            contents.file = wasi->descriptors[fd].handle;
        wasi->descriptors[fd].source = descriptor->source; /* any will do for what has no name */
        buffer_put_u32(&files->bytes, fd);
        files->names[fd] = NOWHERE;
        count++;
    }
    if (files->bytes.failed)
        return out_of_memory(files->error);
    put_le32(files->bytes.data + count_at, count);
    return directory || put_contents(files, &contents);
}

static bool travels_already(const struct wasi_files *files, const struct descriptor *descriptor)
{
    for (uint32_t i = 0; i < files->ncontents; i++) {
        const struct contents *contents = &files->contents[i];
        if (contents->path.data && contents->preopen == descriptor->source &&
            strcmp(contents->path.data, descriptor->path.data) == 0)
            return true;
    }
    return false;
}

static bool put_open_files(struct wasi_files *files)
{
    struct wasi *wasi = files->wasi;
    for (uint32_t fd = 0; fd < wasi->ndescriptors; fd++) {
        struct descriptor *descriptor = &wasi->descriptors[fd];
        struct filestat stat = {0};
        bool gone = files->names[fd] == NOWHERE_YET;
        if (!is_opened(descriptor) || files->names[fd] == NOWHERE)
            continue;
        if (!gone &&
            (files->options->files != WASI_FILES_EMBED ||
             descriptor->filetype != FILETYPE_REGULAR_FILE || travels_already(files, descriptor)))
            continue;
        wasi_errno error = host_filestat_get(descriptor->handle, &stat);
        if (error)
            return failed(files, descriptor->source, descriptor->path.data, errno_message(error));
        if (gone ? !put_deleted(files, fd, &stat)
                 : !put_file(files, descriptor->source, &descriptor->path, stat.size))
            return false;
    }
    return true;
}

/* ---- whole directories */

/* The preopen and the path in it that the guest means by `name`. */
static bool find_directory(const struct wasi *wasi, const char *name, uint32_t *preopen,
                           struct text *path)
{
    size_t best = 0, length = strlen(name);
    bool found = false;
    while (length > 1 && name[length - 1] == '/')
        length--;
    for (uint32_t i = 0; i < wasi->npreopens; i++) {
        const struct text *guest = &wasi->preopens[i].guest_path;
        size_t size = guest->size == 1 && guest->data[0] == '.' && name[0] != '/' ? 0 : guest->size;
        bool root = size == 0 || guest->data[size - 1] == '/';
        bool below = length >= size && memcmp(name, guest->data, size) == 0 &&
                     (root || length == size || name[size] == '/');
        if (!below || (found && size < best) || wasi->preopens[i].directory.handle == HANDLE_NONE)
            continue;
        size_t skip = size + (!root && length > size);
        found = true;
        best = size;
        *preopen = i;
        text_free(path);
        if (path_below(path, &(struct text){0}, (struct path){name + skip, length - skip}) !=
            ERRNO_SUCCESS)
            return false;
    }
    return found;
}

struct names {
    struct buffer text; /* terminated, one after the other */
    const char **items;
    uint32_t count;
};

static bool add_name(void *context, const char *name, size_t size, uint64_t ino, uint8_t filetype)
{
    struct names *names = context;
    (void)ino;
    (void)filetype;
    if (size <= 2 && memcmp(name, "..", size) == 0)
        return true;
    buffer_put(&names->text, name, size);
    buffer_put_u8(&names->text, 0);
    names->count++;
    return !names->text.failed;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is in a directory, in an order that is the same everywhere. */
static wasi_errno read_names(handle root, const struct text *path, struct names *names)
{
    wasi_errno error = read_directory(root, path, add_name, names);
    names->items = calloc(names->count + 1, sizeof *names->items);
    if (error || !names->items)
        return error ? error : ERRNO_NOMEM;
    const char *at = (const char *)names->text.data;
    for (uint32_t i = 0; i < names->count; i++, at += strlen(at) + 1)
        names->items[i] = at;
    sort(names->items, names->count, sizeof *names->items, by_name);
    return ERRNO_SUCCESS;
}

static bool put_link(struct wasi_files *files, uint32_t preopen, const struct text *path)
{
    uint8_t target[MAX_GUEST_PATH];
    uint32_t size = 0;
    wasi_errno error =
        host_path_readlink(files->wasi->preopens[preopen].directory.handle,
                           (struct path){path->data, path->size}, target, sizeof target, &size);
    if (error)
        return failed(files, preopen, path->data, errno_message(error));
    if (size == 0 || target[0] == '/' || !text_valid(target, size))
        return failed(files, preopen, path->data,
                      "a symbolic link that leads out of the directory cannot travel");
    put_head(files, CARRIED_LINK, preopen, path->data, path->size);
    buffer_put_u32(&files->bytes, size);
    buffer_put(&files->bytes, target, size);
    return true;
}

/* One thing in a directory; one that is a directory itself is added to those to be read. */
static bool put_found(struct wasi_files *files, uint32_t preopen, const struct text *path,
                      struct texts *directories)
{
    struct filestat stat;
    const struct wasi_carry *options = files->options;
    wasi_errno error = host_path_filestat_get(files->wasi->preopens[preopen].directory.handle, 0,
                                              (struct path){path->data, path->size}, &stat);
    if (error)
        return failed(files, preopen, path->data, errno_message(error));
    if (options->output_ino && stat.ino == options->output_ino && stat.dev == options->output_dev)
        return failed(files, preopen, path->data, "the snapshot cannot travel in itself");
    if (stat.filetype == FILETYPE_REGULAR_FILE)
        return put_file(files, preopen, path, stat.size);
    if (stat.filetype == FILETYPE_SYMBOLIC_LINK)
        return put_link(files, preopen, path);
    if (stat.filetype != FILETYPE_DIRECTORY)
        return failed(files, preopen, path->data, "is neither file, directory nor symbolic link");
    put_head(files, CARRIED_DIRECTORY, preopen, path->data, path->size);
    struct text copy = {0};
    (void)text_set(&copy, path->data, path->size);
    return texts_add(directories, copy) || out_of_memory(files->error);
}

static bool put_names(struct wasi_files *files, uint32_t preopen, const struct text *directory,
                      const struct names *names, struct texts *directories)
{
    bool good = true;
    for (uint32_t i = 0; i < names->count && good; i++) {
        struct text path = {0};
        wasi_errno error =
            path_below(&path, directory, (struct path){names->items[i], strlen(names->items[i])});
        good = error ? failed(files, preopen, names->items[i], errno_message(error))
                     : put_found(files, preopen, &path, directories);
        text_free(&path);
    }
    return good;
}

static bool locate(const struct wasi *wasi, const char *name, uint32_t *preopen, struct text *path,
                   struct error *error)
{
    if (find_directory(wasi, name, preopen, path))
        return true;
    text_free(path);
    return error_set(error, ERROR_USAGE, "--embed %s: not in a directory that the guest has", name);
}

bool wasi_can_embed(const struct wasi *wasi, const char *name, struct error *error)
{
    uint32_t preopen = 0;
    struct text path = {0};
    bool found = locate(wasi, name, &preopen, &path, error);
    text_free(&path);
    return found;
}

static bool put_directory(struct wasi_files *files, const char *name)
{
    struct texts directories = {0};
    uint32_t preopen = 0;
    struct text first = {0};
    if (!locate(files->wasi, name, &preopen, &first, files->error))
        return false;
    if (!texts_add(&directories, first))
        return out_of_memory(files->error);
    bool good = true;
    for (uint32_t next = 0; next < directories.count && good; next++) {
        struct names names = {0};
        struct text directory = directories.items[next];
        wasi_errno error =
            read_names(files->wasi->preopens[preopen].directory.handle, &directory, &names);
        good = error ? failed(files, preopen, directory.data, errno_message(error))
                     : put_names(files, preopen, &directory, &names, &directories);
        free(names.items);
        buffer_free(&names.text);
    }
    texts_free(&directories);
    return good;
}

/* ---- the section */

static bool put_all(struct wasi_files *files)
{
    if (!put_states(files))
        return false;
    size_t count_at = files->bytes.size;
    buffer_put_u32(&files->bytes, 0);
    for (uint32_t i = 0; i < files->options->ndirectories; i++)
        if (!put_directory(files, files->options->directories[i]))
            return false;
    if (!put_open_files(files))
        return false;
    if (files->bytes.failed)
        return out_of_memory(files->error);
    put_le32(files->bytes.data, files->nstates);
    put_le32(files->bytes.data + count_at, files->ncarried);
    return true;
}

bool wasi_files_begin(struct wasi_files **begun, struct wasi *wasi,
                      const struct wasi_carry *options, uint64_t *size, struct error *error)
{
    struct wasi_files *files = calloc(1, sizeof *files);
    enum name *names = calloc(wasi->ndescriptors + 1, sizeof *names);
    *begun = files;
    if (files)
        *files =
            (struct wasi_files){.wasi = wasi, .options = options, .error = error, .names = names};
    else
        free(names);
    if (!files || !names)
        return out_of_memory(error);
    if (!put_all(files))
        return false;
    *size = files->nstates + files->ncarried ? files->bytes.size : 0;
    for (uint32_t i = 0; i < files->ncontents; i++)
        *size += files->contents[i].size;
    return true;
}

void wasi_files_note(const struct wasi_files *files, struct buffer *directories,
                     struct buffer *opened)
{
    const struct wasi *wasi = files->wasi;
    for (uint32_t i = 0; i < wasi->npreopens; i++) {
        struct filestat stat = {0};
        (void)host_filestat_get(wasi->preopens[i].directory.handle, &stat);
        put_identity(directories, &stat);
    }
    for (uint32_t fd = 0; fd < wasi->ndescriptors; fd++) {
        struct filestat stat = {0};
        char number[16];
        if (!is_opened(&wasi->descriptors[fd]) || files->names[fd] != TO_IT ||
            host_filestat_get(wasi->descriptors[fd].handle, &stat))
            continue;
        int size = snprintf(number, sizeof number, "%x:", (unsigned)fd);
        buffer_put(opened, number, (size_t)size);
        put_identity(opened, &stat);
    }
}

static bool write_contents(const struct wasi_files *files, const struct contents *contents,
                           const struct wasi_sink *sink, struct error *error)
{
    static uint8_t bytes[CHUNK];
    handle file = contents->file;
    wasi_errno failure = ERRNO_SUCCESS;
    bool good = true, named = file == HANDLE_NONE, own = named;
    if (named)
        failure = open_to_read(&files->wasi->preopens[contents->preopen], &contents->path, &file);
    else /* it may be open for writing only; where this cannot be done, reading will tell */
        own = host_open_again(file, &file) == ERRNO_SUCCESS;
    if (failure)
        return failed(files, contents->preopen, contents->path.data, errno_message(failure));
    for (uint64_t at = 0; good && !failure && at < contents->size;) {
        uint64_t left = contents->size - at;
        uint32_t done = 0;
        struct iovec_view view = {bytes, left < CHUNK ? (size_t)left : CHUNK};
        failure = host_pread(file, &view, 1, at, &done);
        if (!failure && done == 0)
            failure = ERRNO_IO;
        if (!failure)
            good = sink->write(sink->context, bytes, done, error);
        at += done;
    }
    if (own)
        (void)host_close(file);
    if (failure)
        return error_set(error, ERROR_IO, "%s: the file's contents cannot be read: %s",
                         named ? contents->path.data : "a deleted file", errno_message(failure));
    return good;
}

bool wasi_files_write(const struct wasi_files *files, const struct wasi_sink *sink,
                      struct error *error)
{
    size_t at = 0;
    for (uint32_t i = 0; i < files->ncontents; i++) {
        const struct contents *contents = &files->contents[i];
        if (!sink->write(sink->context, files->bytes.data + at, contents->at - at, error) ||
            !write_contents(files, contents, sink, error))
            return false;
        at = contents->at;
    }
    return sink->write(sink->context, files->bytes.data + at, files->bytes.size - at, error);
}

void wasi_files_end(struct wasi_files *files)
{
    if (!files)
        return;
    for (uint32_t i = 0; i < files->ncontents; i++)
        text_free(&files->contents[i].path);
    free(files->contents);
    free(files->names);
    buffer_free(&files->bytes);
    free(files);
}
