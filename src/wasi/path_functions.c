/* path_functions.c - functions on paths below a descriptor. */
#include "wasi/wasi_call.h"

/* A directory and a path in it, from three arguments beginning at `index`. */
struct location {
    struct descriptor *directory;
    struct path path;
};

static wasi_errno locate(const struct call *call, unsigned fd_index, unsigned path_index,
                         uint64_t rights, struct location *location)
{
    wasi_errno error =
        descriptor_get(call->wasi, arg32(call, fd_index), rights, &location->directory);
    if (error)
        return error;
    return guest_path(call, arg32(call, path_index), arg32(call, path_index + 1), &location->path);
}

outcome wasi_path_create_directory(const struct call *call)
{
    struct location at;
    wasi_errno error = locate(call, 0, 1, RIGHT_PATH_CREATE_DIRECTORY, &at);
    return error ? error : host_path_create_directory(at.directory->handle, at.path);
}

outcome wasi_path_remove_directory(const struct call *call)
{
    struct location at;
    wasi_errno error = locate(call, 0, 1, RIGHT_PATH_REMOVE_DIRECTORY, &at);
    return error ? error : host_path_remove_directory(at.directory->handle, at.path);
}

outcome wasi_path_unlink_file(const struct call *call)
{
    struct location at;
    wasi_errno error = locate(call, 0, 1, RIGHT_PATH_UNLINK_FILE, &at);
    return error ? error : host_path_unlink_file(at.directory->handle, at.path);
}

outcome wasi_path_filestat_get(const struct call *call)
{
    struct location at;
    struct filestat stat = {0};
    uint8_t *result = filestat_at(call, arg32(call, 4));
    wasi_errno error = locate(call, 0, 2, RIGHT_PATH_FILESTAT_GET, &at);
    if (!error && !result)
        error = ERRNO_FAULT;
    if (!error)
        error = host_path_filestat_get(at.directory->handle, arg32(call, 1) & LOOKUP_SYMLINK_FOLLOW,
                                       at.path, &stat);
    if (!error)
        put_filestat(call, result, &stat);
    return error;
}

outcome wasi_path_filestat_set_times(const struct call *call)
{
    struct location at;
    wasi_errno error = locate(call, 0, 2, RIGHT_PATH_FILESTAT_SET_TIMES, &at);
    if (!error && !fstflags_valid(arg32(call, 6)))
        error = ERRNO_INVAL;
    if (error)
        return error;
    return host_path_filestat_set_times(at.directory->handle,
                                        arg32(call, 1) & LOOKUP_SYMLINK_FOLLOW, at.path,
                                        arg64(call, 4), arg64(call, 5), (uint16_t)arg32(call, 6));
}

outcome wasi_path_link(const struct call *call)
{
    struct location from, to;
    wasi_errno error = locate(call, 0, 2, RIGHT_PATH_LINK_SOURCE, &from);
    if (!error)
        error = locate(call, 4, 5, RIGHT_PATH_LINK_TARGET, &to);
    if (error)
        return error;
    return host_path_link(from.directory->handle, arg32(call, 1) & LOOKUP_SYMLINK_FOLLOW, from.path,
                          to.directory->handle, to.path);
}

/* An open file or directory keeps what it is when its name changes: the snapshot has the new one.
 */
static wasi_errno follow_rename(struct wasi *wasi, const struct location *from,
                                const struct location *to)
{
    struct text old = {0}, new = {0};
    wasi_errno error = path_below(&old, &from->directory->path, from->path);
    if (!error)
        error = path_below(&new, &to->directory->path, to->path);
    for (uint32_t fd = 0; fd < wasi->ndescriptors && !error; fd++) {
        struct descriptor *descriptor = &wasi->descriptors[fd];
        struct text moved = {0};
        if (!descriptor->path.data || descriptor->source != from->directory->source ||
            descriptor->path.size < old.size ||
            memcmp(descriptor->path.data, old.data, old.size) != 0)
            continue;
        const char *rest = descriptor->path.data + old.size;
        if (*rest != 0 && *rest != '/')
            continue;
        error = path_below(&moved, &new, (struct path){rest, strlen(rest)});
        if (error)
            break;
        text_free(&descriptor->path);
        descriptor->path = moved;
        descriptor->source = to->directory->source;
    }
    text_free(&old);
    text_free(&new);
    return error;
}

outcome wasi_path_rename(const struct call *call)
{
    struct location from, to;
    wasi_errno error = locate(call, 0, 1, RIGHT_PATH_RENAME_SOURCE, &from);
    if (!error)
        error = locate(call, 3, 4, RIGHT_PATH_RENAME_TARGET, &to);
    if (error)
        return error;
    error = host_path_rename(from.directory->handle, from.path, to.directory->handle, to.path);
    return error ? error : follow_rename(call->wasi, &from, &to);
}

outcome wasi_path_symlink(const struct call *call)
{
    struct location at;
    uint32_t size = arg32(call, 1);
    const char *target = (const char *)guest_at(call, arg32(call, 0), size);
    wasi_errno error = locate(call, 2, 3, RIGHT_PATH_SYMLINK, &at);
    if (!error && !target)
        error = ERRNO_FAULT;
    if (!error && size == 0)
        error = ERRNO_NOENT;
    if (!error && !text_valid(target, size))
        error = ERRNO_ILSEQ;
    /* It could not be followed anyway, and would lead other programs astray. */
    if (!error && target[0] == '/')
        error = ERRNO_NOTCAPABLE;
    if (error)
        return error;
    return host_path_symlink((struct path){target, size}, at.directory->handle, at.path);
}

outcome wasi_path_readlink(const struct call *call)
{
    struct location at;
    uint32_t used = 0, size = arg32(call, 4);
    uint8_t *buffer = guest_at(call, arg32(call, 3), size), unwanted;
    wasi_errno error = locate(call, 0, 1, RIGHT_PATH_READLINK, &at);
    if (!error && !(buffer && guest_has(call, arg32(call, 5), 4)))
        error = ERRNO_FAULT;
    /* POSIX has no empty buffer, the preview has. */
    if (!error)
        error = host_path_readlink(at.directory->handle, at.path, size ? buffer : &unwanted,
                                   size ? size : 1, &used);
    if (!error)
        guest_put32(call, arg32(call, 5), size ? used : 0);
    return error;
}

/* ---- path_open */

static wasi_errno read_request(const struct call *call, struct location *at,
                               struct file_request *request)
{
    uint32_t oflags = arg32(call, 4), fdflags = arg32(call, 7);
    uint64_t needed = RIGHT_PATH_OPEN;
    if (oflags & OFLAG_CREAT)
        needed |= RIGHT_PATH_CREATE_FILE;
    if (oflags & OFLAG_TRUNC)
        needed |= RIGHT_PATH_FILESTAT_SET_SIZE;
    wasi_errno error = locate(call, 0, 2, needed, at);
    if (error)
        return error;
    *request = (struct file_request){
        .dir = at->directory->handle,
        .lookup = arg32(call, 1) & LOOKUP_SYMLINK_FOLLOW,
        .path = at->path,
        .oflags = (uint16_t)oflags,
        .rights = arg64(call, 5) & RIGHTS_ALL,
        .inheriting = arg64(call, 6) & RIGHTS_ALL,
        .fdflags = (uint16_t)fdflags,
    };
    uint32_t contradiction = OFLAG_CREAT | OFLAG_DIRECTORY;
    if ((oflags & ~15u) || (fdflags & ~FDFLAGS_ALL) || (oflags & contradiction) == contradiction)
        return ERRNO_INVAL;
    uint64_t allowed = at->directory->inheriting;
    if ((request->rights & ~allowed) || (request->inheriting & ~allowed))
        return ERRNO_NOTCAPABLE;
    return ERRNO_SUCCESS;
}

/* A FIFO's other end may be long in coming. */
static outcome open_in_slices(const struct wasi *wasi, struct descriptor *opened,
                              const struct file_request *request)
{
    for (;;) {
        wasi_errno error = descriptor_open(opened, request);
        if (error != ERRNO_INTR)
            return error;
        if (pace_ask(wasi))
            return OUTCOME_STOP;
    }
}

outcome wasi_path_open(const struct call *call)
{
    struct location at;
    struct file_request request;
    struct descriptor opened = {.handle = HANDLE_NONE};
    uint32_t fd = 0;
    uint8_t *result = guest_at(call, arg32(call, 8), 4);
    /* First, since it moves the table that everything after it points into. */
    outcome error = descriptor_reserve(call->wasi, &fd);
    if (!error)
        error = read_request(call, &at, &request);
    if (!error && !result)
        error = ERRNO_FAULT;
    if (error)
        return error;
    error = path_below(&opened.path, &at.directory->path, at.path);
    if (!error)
        error = open_in_slices(call->wasi, &opened, &request);
    if (error) {
        text_free(&opened.path);
        return error;
    }
    opened.source = at.directory->source;
    call->wasi->descriptors[fd] = opened;
    put_le32(result, fd);
    return ERRNO_SUCCESS;
}
