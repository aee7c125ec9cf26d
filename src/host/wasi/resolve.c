#include "host/wasi/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "host/wasi/filestat.h"
#include "host/wasi/imports.h"

enum { MAX_PENDING = 2 * MAX_RESOLVED };

struct resolution {
    handle dir;
    enum last_component last;
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

/* Whether nothing but slashes is pending, and whether there is one. */
static bool at_end(const struct resolution *state, bool *slash)
{
    const char *at = state->pending + MAX_PENDING - state->size;
    *slash = state->size > 0;
    for (size_t i = 0; i < state->size; i++)
        if (at[i] != '/')
            return false;
    return true;
}

/* Puts `text` before what is pending. */
static bool prepend(struct resolution *state, const char *text, size_t size)
{
    if (size + 1 > MAX_PENDING - state->size)
        return false;
    char *at = state->pending + MAX_PENDING - state->size;
    *--at = '/';
    memcpy(at - size, text, size);
    state->size += size + 1;
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

static wasi_errno follow_link(struct resolution *state, bool end, bool slash)
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
    if (end && !slash) /* what the link says is the end, without a slash of ours behind it */
        state->size = 0;
    if (end && !slash && size <= MAX_PENDING) {
        memcpy(state->pending + MAX_PENDING - size, target, size);
        state->size = size;
        return ERRNO_SUCCESS;
    }
    return prepend(state, (const char *)target, size) ? ERRNO_SUCCESS : ERRNO_NAMETOOLONG;
}

/* Looks at the component that was just appended. */
static wasi_errno enter_component(struct resolution *state)
{
    struct filestat stat;
    bool slash, end = at_end(state, &slash);
    if (end && !slash && state->last == LAST_KEEP)
        return ERRNO_SUCCESS;
    wasi_errno error = path_filestat(state->dir, done_path(state), &stat);
    if (error) /* the last one may be about to be made */
        return end && error == ERRNO_NOENT ? ERRNO_SUCCESS : error;
    if (stat.filetype == FILETYPE_SYMBOLIC_LINK) {
        if (end && !slash && state->last == LAST_REFUSE)
            return ERRNO_LOOP;
        return follow_link(state, end, slash);
    }
    bool directory_wanted = !end || slash;
    return directory_wanted && stat.filetype != FILETYPE_DIRECTORY ? ERRNO_NOTDIR : ERRNO_SUCCESS;
}

static wasi_errno walk(struct resolution *state)
{
    const char *component;
    size_t size;
    while ((size = next_component(state, &component)) > 0) {
        if (size == 1 && component[0] == '.')
            continue;
        if (size == 2 && component[0] == '.' && component[1] == '.') {
            if (state->done->size == 0)
                return ERRNO_NOTCAPABLE;
            drop_last(state->done);
            continue;
        }
        if (!append(state->done, component, size))
            return ERRNO_NAMETOOLONG;
        wasi_errno error = enter_component(state);
        if (error)
            return error;
    }
    if (state->done->size == 0)
        append(state->done, ".", 1);
    return ERRNO_SUCCESS;
}

wasi_errno resolve_path(handle dir, struct path path, enum last_component last,
                        struct resolved *resolved)
{
    struct resolution state = {.dir = dir, .last = last, .done = resolved, .size = path.size};
    if (path.size > MAX_RESOLVED)
        return ERRNO_NAMETOOLONG;
    memcpy(state.pending + MAX_PENDING - path.size, path.data, path.size);
    resolved->size = 0;
    return walk(&state);
}
