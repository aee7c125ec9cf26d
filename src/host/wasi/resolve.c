#include "host/wasi/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "host/wasi/filestat.h"
#include "host/wasi/host_imports.h"

enum { MAX_PENDING = 2 * MAX_RESOLVED };

struct resolution {
    handle dir;
    unsigned last;
    struct resolved *done; /* no link in it; all but its last component are directories */
    unsigned links;
    size_t size; /* of what is still to be walked: */
    char pending[MAX_PENDING];
};

wasi_errno path_filestat(handle dir, struct path path, struct filestat *stat)
{
    filestat_prepare(stat);
    wasi_errno error =
        HOST(path_filestat_get, dir, 0, address(path.data), (int32_t)path.size, address(stat));
    if (!error)
        filestat_settle(stat);
    return error;
}

/* Hosts disagree on what happens when the buffer is too small, so it never is. */
wasi_errno read_link(handle dir, struct path path, uint8_t *buffer, uint32_t size, uint32_t *used)
{
    uint8_t target[MAX_RESOLVED];
    uint32_t target_size = 0;
    wasi_errno error = HOST(path_readlink, dir, address(path.data), (int32_t)path.size,
                            address(target), sizeof target, address(&target_size));
    if (error)
        return error;
    /* A terminator is not part of it, though some count it in. */
    while (target_size > 0 && target[target_size - 1] == 0)
        target_size--;
    *used = target_size < size ? target_size : size;
    memcpy(buffer, target, *used);
    return ERRNO_SUCCESS;
}

static struct path done_path(const struct resolution *state)
{
    return (struct path){state->done->data, state->done->size};
}

/* Takes the next component from what is pending; its size is 0 at the end. */
static size_t next_component(struct resolution *state, const char **component)
{
    char *at = state->pending + MAX_PENDING - state->size;
    while (state->size > 0 && *at == '/') {
        at++;
        state->size--;
    }
    size_t size = 0;
    while (size < state->size && at[size] != '/')
        size++;
    *component = at;
    state->size -= size;
    return size;
}

/* Whether nothing but slashes is pending. */
static bool at_end(const struct resolution *state)
{
    const char *at = state->pending + MAX_PENDING - state->size;
    state->done->slash = state->size > 0;
    for (size_t i = 0; i < state->size; i++)
        if (at[i] != '/')
            return false;
    return true;
}

/* Puts `text` before what is pending, a slash between them if there is any. */
static bool prepend(struct resolution *state, const char *text, size_t size)
{
    size_t slash = state->size > 0;
    if (size + slash > MAX_PENDING - state->size)
        return false;
    char *at = state->pending + MAX_PENDING - state->size;
    if (slash)
        *--at = '/';
    memcpy(at - size, text, size);
    state->size += size + slash;
    return true;
}

static void drop_last(struct resolved *done)
{
    do
        done->size -= done->size > 0;
    while (done->size > 0 && done->data[done->size] != '/');
}

static bool append(struct resolved *done, const char *component, size_t size)
{
    if (size + 1 > MAX_RESOLVED - done->size)
        return false;
    if (done->size > 0)
        done->data[done->size++] = '/';
    memcpy(done->data + done->size, component, size);
    done->size += size;
    return true;
}

static wasi_errno follow_link(struct resolution *state)
{
    uint8_t target[MAX_RESOLVED];
    uint32_t size = 0;
    wasi_errno error = read_link(state->dir, done_path(state), target, sizeof target, &size);
    if (error)
        return error;
    if (size == 0)
        return ERRNO_NOENT;
    if (target[0] == '/')
        return ERRNO_NOTCAPABLE;
    if (++state->links > MAX_LINKS)
        return ERRNO_LOOP;
    drop_last(state->done);
    return prepend(state, (const char *)target, size) ? ERRNO_SUCCESS : ERRNO_NAMETOOLONG;
}

/* Looks at the component that was just appended. `end`: it is the last one. */
static wasi_errno enter_component(struct resolution *state, bool end)
{
    struct resolved *done = state->done;
    if (end && !(state->last & LAST_LOOK))
        return ERRNO_SUCCESS;
    bool make = end && (state->last & LAST_MAKE), directory = !end || done->slash;
    if (make && directory)
        return ERRNO_ISDIR;
    wasi_errno error = path_filestat(state->dir, done_path(state), &done->stat);
    done->missing = make && error == ERRNO_NOENT;
    if (error)
        return done->missing ? ERRNO_SUCCESS : error;
    if (done->stat.filetype == FILETYPE_SYMBOLIC_LINK && (directory || state->last & LAST_FOLLOW))
        return follow_link(state);
    return directory && done->stat.filetype != FILETYPE_DIRECTORY ? ERRNO_NOTDIR : ERRNO_SUCCESS;
}

static wasi_errno walk(struct resolution *state)
{
    struct resolved *done = state->done;
    const char *component;
    size_t size;
    while ((size = next_component(state, &component)) > 0) {
        bool end = at_end(state);
        bool dots = size <= 2 && memcmp(component, "..", size) == 0;
        done->dots = dots ? (uint8_t)size : 0;
        if (done->dots == 2 && done->size == 0)
            return ERRNO_NOTCAPABLE;
        if (done->dots == 2)
            drop_last(done);
        if (dots)
            continue;
        if (!append(done, component, size))
            return ERRNO_NAMETOOLONG;
        wasi_errno error = enter_component(state, end);
        if (error)
            return error;
    }
    if (done->size == 0)
        append(done, ".", 1);
    if (done->dots && (state->last & LAST_LOOK))
        return path_filestat(state->dir, done_path(state), &done->stat);
    return ERRNO_SUCCESS;
}

wasi_errno resolve_path(handle dir, struct path path, unsigned last, struct resolved *resolved)
{
    struct resolution state = {.dir = dir, .last = last, .done = resolved, .size = path.size};
    if (path.size > MAX_RESOLVED)
        return ERRNO_NAMETOOLONG;
    memcpy(state.pending + MAX_PENDING - path.size, path.data, path.size);
    resolved->size = 0;
    resolved->missing = false;
    return walk(&state);
}
