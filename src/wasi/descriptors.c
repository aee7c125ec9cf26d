/* descriptors.c - the table from the guest's descriptor numbers to the machine's handles. */
#include <stdlib.h>

#include "wasi/wasi_call.h"

/* What a program on POSIX would get where the preview would say NOTCAPABLE of everything. */
static wasi_errno lacking(const struct descriptor *descriptor, uint64_t missing)
{
    bool directory = descriptor->filetype == FILETYPE_DIRECTORY;
    if (directory && (missing & RIGHT_FD_READ))
        return ERRNO_ISDIR;
    if (missing & (RIGHT_FD_READ | RIGHT_FD_WRITE))
        return ERRNO_BADF;
    if (!directory && (missing & RIGHTS_DIRECTORY & ~RIGHTS_FILE))
        return ERRNO_NOTDIR;
    if (!directory && (missing & (RIGHT_FD_SEEK | RIGHT_FD_TELL)) &&
        descriptor->filetype != FILETYPE_REGULAR_FILE)
        return ERRNO_SPIPE;
    return ERRNO_NOTCAPABLE;
}

wasi_errno descriptor_get(struct wasi *wasi, uint32_t fd, uint64_t rights,
                          struct descriptor **descriptor)
{
    if (fd >= wasi->ndescriptors || wasi->descriptors[fd].kind == DESCRIPTOR_CLOSED)
        return ERRNO_BADF;
    struct descriptor *found = &wasi->descriptors[fd];
    uint64_t missing = rights & ~found->rights;
    if (found->rights & RIGHT_FD_SEEK) /* includes asking for the offset */
        missing &= ~RIGHT_FD_TELL;
    if (missing)
        return lacking(found, missing);
    if (rights && found->handle == HANDLE_NONE)
        return ERRNO_CONNRESET;
    *descriptor = found;
    return ERRNO_SUCCESS;
}

bool descriptor_room(struct wasi *wasi, uint32_t fd)
{
    if (fd >= MAX_DESCRIPTORS)
        return false;
    if (fd < wasi->ndescriptors)
        return true;
    uint32_t count = fd + fd / 2 + 8;
    struct descriptor *descriptors = realloc(wasi->descriptors, count * sizeof *descriptors);
    if (!descriptors)
        return false;
    for (uint32_t i = wasi->ndescriptors; i < count; i++)
        descriptors[i] = (struct descriptor){.handle = HANDLE_NONE};
    wasi->descriptors = descriptors;
    wasi->ndescriptors = count;
    return true;
}

wasi_errno descriptor_reserve(struct wasi *wasi, uint32_t *fd)
{
    uint32_t free_fd = 0;
    while (free_fd < wasi->ndescriptors && wasi->descriptors[free_fd].kind != DESCRIPTOR_CLOSED)
        free_fd++;
    if (!descriptor_room(wasi, free_fd))
        return ERRNO_MFILE;
    *fd = free_fd;
    return ERRNO_SUCCESS;
}

wasi_errno descriptor_open(struct descriptor *descriptor, const struct file_request *request)
{
    wasi_errno error =
        host_path_open(request->dir, request->lookup, request->path, request->oflags,
                       request->rights, request->inheriting, request->fdflags, &descriptor->handle);
    if (error)
        return error;
    error = host_fdstat_get(descriptor->handle, &descriptor->filetype, &descriptor->in_force);
    if (error) {
        (void)host_close(descriptor->handle);
        descriptor->handle = HANDLE_NONE;
        return error;
    }
    bool directory = descriptor->filetype == FILETYPE_DIRECTORY;
    if (directory && !(request->oflags & OFLAG_DIRECTORY)) {
        /* WasmEdge lets a directory do less that was not asked for as one; a restore would ask. */
        struct file_request again = *request;
        again.oflags |= OFLAG_DIRECTORY;
        (void)host_close(descriptor->handle);
        return descriptor_open(descriptor, &again);
    }
    descriptor->kind = directory ? DESCRIPTOR_DIRECTORY : DESCRIPTOR_FILE;
    descriptor->rights = request->rights & (directory ? RIGHTS_DIRECTORY : RIGHTS_FILE);
    descriptor->inheriting = request->inheriting;
    descriptor->fdflags = request->fdflags;
    descriptor->follow = request->lookup & LOOKUP_SYMLINK_FOLLOW;
    return ERRNO_SUCCESS;
}

wasi_errno descriptor_close(struct descriptor *descriptor)
{
    bool own = descriptor->kind == DESCRIPTOR_FILE || descriptor->kind == DESCRIPTOR_DIRECTORY ||
               descriptor->kind == DESCRIPTOR_CONNECTION || descriptor->kind == DESCRIPTOR_LISTENER;
    wasi_errno error = ERRNO_SUCCESS;
    if (own && descriptor->handle != HANDLE_NONE)
        error = host_close(descriptor->handle);
    text_free(&descriptor->path);
    listing_free(descriptor->listing);
    *descriptor = (struct descriptor){.handle = HANDLE_NONE};
    return error;
}

bool descriptor_listen(struct descriptor *descriptor, struct wasi_listener *listener)
{
    descriptor->kind = DESCRIPTOR_LISTENER;
    descriptor->handle = listener->handle;
    descriptor->filetype = FILETYPE_SOCKET_STREAM;
    listener->taken = true;
    return text_set(&descriptor->path, listener->address, strlen(listener->address));
}

/* To the guest a stream is a terminal (a character device that has no offset) or it is unknown,
 * with the same rights everywhere. Hosts agree on no more than that, and a guest that saw more
 * would do other things on another host. */
void descriptor_probe_stream(struct descriptor *descriptor)
{
    uint8_t filetype = FILETYPE_UNKNOWN;
    uint16_t flags;
    uint64_t position;
    (void)host_fdstat_get(descriptor->handle, &filetype, &flags);
    bool has_offset = host_seek(descriptor->handle, 0, WHENCE_CUR, &position) == ERRNO_SUCCESS;
    bool device = filetype == FILETYPE_CHARACTER_DEVICE;
    descriptor->filetype = device && !has_offset ? FILETYPE_CHARACTER_DEVICE : FILETYPE_UNKNOWN;
    descriptor->always_ready = has_offset && (device || filetype == FILETYPE_REGULAR_FILE);
}

static struct descriptor standard_stream(uint32_t stream)
{
    struct descriptor descriptor = {
        .kind = DESCRIPTOR_STREAM,
        .handle = (handle)stream,
        .rights = RIGHTS_STREAM,
        .source = stream,
    };
    descriptor_probe_stream(&descriptor);
    return descriptor;
}

bool descriptors_standard(struct wasi *wasi, struct error *error)
{
    if (!descriptor_room(wasi, 3 + wasi->npreopens))
        return error_set(error, ERROR_MEMORY, "out of memory for the guest's descriptors");
    for (uint32_t stream = 0; stream < 3; stream++)
        wasi->descriptors[stream] = standard_stream(stream);
    for (uint32_t i = 0; i < wasi->npreopens; i++)
        wasi->descriptors[3 + i] = (struct descriptor){
            .kind = DESCRIPTOR_PREOPEN,
            .handle = wasi->preopens[i].directory.handle,
            .filetype = FILETYPE_DIRECTORY,
            .rights = RIGHTS_DIRECTORY,
            .inheriting = RIGHTS_ALL,
            .source = i,
        };
    return true;
}
