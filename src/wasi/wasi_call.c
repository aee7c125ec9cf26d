/* wasi_call.c - arguments that point into the guest's memory. */
#include "wasi/wasi_call.h"

#include "exec/reach.h"

bool guest_has(const struct call *call, uint32_t at, uint64_t size)
{
    const struct memory *memory = call->execution->instance->memory;
    uint64_t end = memory ? memory->size : 0;
    return size == 0 || (size <= end && at <= end - size);
}

uint8_t *guest_at(const struct call *call, uint32_t at, uint64_t size)
{
    static uint8_t nothing;
    const struct memory *memory = call->execution->instance->memory;
    if (!guest_has(call, at, size))
        return NULL;
    return size ? memory_borrow(memory, at, (size_t)size) : &nothing;
}

void guest_put32(const struct call *call, uint32_t at, uint32_t value)
{
    memory_settle();
    put_le32(guest_at(call, at, 4), value);
}

wasi_errno guest_views(const struct call *call, uint32_t at, uint32_t count, struct views *views)
{
    /* iovec: 0 address u32, 4 size u32 */
    if (!guest_has(call, at, (uint64_t)count * 8))
        return ERRNO_FAULT;
    views->count = count < MAX_VIEWS ? count : MAX_VIEWS;
    const uint8_t *items = guest_at(call, at, (uint64_t)views->count * 8);
    uint32_t total = 0;
    if (count == 0)
        views->items[views->count++] = (struct iovec_view){.data = guest_at(call, 0, 0)};
    for (uint32_t i = 0; i < views->count && i < count; i++) {
        uint32_t data = get_le32(items + (size_t)i * 8), size = get_le32(items + (size_t)i * 8 + 4);
        if (!guest_has(call, data, size))
            return ERRNO_FAULT;
        size = memory_lends(size, total);
        views->items[i] = (struct iovec_view){.data = guest_at(call, data, size), .size = size};
        total += size;
    }
    return ERRNO_SUCCESS;
}

/* ---- paths */

static size_t component_size(const char *path, size_t size)
{
    size_t end = 0;
    while (end < size && path[end] != '/')
        end++;
    return end;
}

static bool is_dot(const char *component, size_t size)
{
    return size == 1 && component[0] == '.';
}

static bool is_dot_dot(const char *component, size_t size)
{
    return size == 2 && component[0] == '.' && component[1] == '.';
}

wasi_errno guest_path(const struct call *call, uint32_t at, uint32_t size, struct path *path)
{
    const char *data = (const char *)guest_at(call, at, size);
    if (!data)
        return ERRNO_FAULT;
    if (size == 0)
        return ERRNO_NOENT;
    if (size >= MAX_GUEST_PATH)
        return ERRNO_NAMETOOLONG;
    if (memchr(data, 0, size))
        return ERRNO_INVAL;
    if (!text_valid(data, size))
        return ERRNO_ILSEQ;
    if (data[0] == '/')
        return ERRNO_NOTCAPABLE;
    *path = (struct path){data, size};
    return ERRNO_SUCCESS;
}

bool path_is_canonical(const char *path, size_t size)
{
    if (is_dot(path, size))
        return true;
    for (size_t at = 0; at <= size;) {
        size_t length = component_size(path + at, size - at);
        if (length == 0 || is_dot(path + at, length) || is_dot_dot(path + at, length))
            return false;
        at += length + 1;
    }
    return size < MAX_GUEST_PATH;
}

/* Appends the components of `path` to the `size` bytes of `to`; returns the new size. */
static size_t append_components(char *to, size_t size, const char *path, size_t path_size)
{
    for (size_t at = 0; at < path_size;) {
        size_t length = component_size(path + at, path_size - at);
        if (is_dot_dot(path + at, length)) {
            do
                size -= size > 0;
            while (size > 0 && to[size] != '/');
        } else if (length > 0 && !is_dot(path + at, length)) {
            if (size > 0)
                to[size++] = '/';
            memcpy(to + size, path + at, length);
            size += length;
        }
        at += length + 1;
    }
    return size;
}

wasi_errno path_below(struct text *to, const struct text *directory, struct path path)
{
    char joined[2 * MAX_GUEST_PATH];
    size_t size = 0;
    if (directory->size)
        size = append_components(joined, 0, directory->data, directory->size);
    size = append_components(joined, size, path.data, path.size);
    if (size == 0)
        joined[size++] = '.';
    if (size >= MAX_GUEST_PATH)
        return ERRNO_NAMETOOLONG;
    return text_set(to, joined, size) ? ERRNO_SUCCESS : ERRNO_NOMEM;
}
