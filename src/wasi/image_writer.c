/* image_writer.c - the WASI section of a snapshot: the writer. image.c is its reader, in the same order.
 *
 *     section      arguments texts │ environment texts │ preopens texts (the guest's names)
 *                  monotonic clock │ process clock │ thread clock
 *                  waiting u8 │ waited u64
 *                  count u32 │ descriptor ...           by ascending number
 *
 *     texts        count u32 │ text ...
 *     text         size u32 │ bytes                     without NUL
 *     clock        asked u8 │ reading u64               0 0 when the guest never asked for it
 *     descriptor   number u32 │ kind u8 │ fdflags u16 │ rights u64 │ inheriting u64 │ by kind:
 *       1 stream       stream u8                        0 input, 1 output, 2 error
 *       2 preopen      preopen u32
 *       3 file         preopen u32 │ follow u8 │ path text │ offset u64
 *       4 directory    preopen u32 │ follow u8 │ path text
 *       5 connection   nothing
 *       6 listener     address text
 *
 * `waited`: nanoseconds that the poll_oneoff which the guest is about to repeat has waited already.
 * `path`: what leads to the file now, below the preopen, components without "", "." and ".."; "."
 * alone is the preopen itself.
 * `follow`: the file was opened through a final symbolic link if it was one.
 *
 * Everything is little-endian. All of it is what the guest itself has asked for: nothing depends on
 * the host, save for the readings of clocks. */
#include "wasi/state.h"

static void put_text(struct buffer *buffer, const struct text *text)
{
    buffer_put_u32(buffer, text->size);
    buffer_put(buffer, text->data, text->size);
}

static void put_texts(struct buffer *buffer, const struct texts *texts)
{
    buffer_put_u32(buffer, texts->count);
    for (uint32_t i = 0; i < texts->count; i++)
        put_text(buffer, &texts->items[i]);
}

static void put_preopens(struct buffer *buffer, const struct wasi *wasi)
{
    buffer_put_u32(buffer, wasi->npreopens);
    for (uint32_t i = 0; i < wasi->npreopens; i++)
        put_text(buffer, &wasi->preopens[i].guest_path);
}

static bool put_clock(struct buffer *buffer, struct wasi *wasi, uint32_t clock, struct error *error)
{
    bool asked = wasi->clocks[clock].asked;
    uint64_t reading = 0;
    wasi_errno failure = asked ? clock_read(wasi, clock, &reading) : ERRNO_SUCCESS;
    if (failure)
        return error_set(error, ERROR_IO, "clock %u: %s", clock, errno_message(failure));
    buffer_put_u8(buffer, asked);
    buffer_put_u64(buffer, reading);
    return true;
}

static bool put_opened(struct buffer *buffer, const struct descriptor *descriptor,
                       struct error *error)
{
    buffer_put_u32(buffer, descriptor->source);
    buffer_put_u8(buffer, descriptor->follow);
    put_text(buffer, &descriptor->path);
    if (descriptor->kind == DESCRIPTOR_DIRECTORY)
        return true;
    uint64_t offset = 0;
    wasi_errno failure = ERRNO_SUCCESS;
    if (descriptor->filetype == FILETYPE_REGULAR_FILE)
        failure = host_seek(descriptor->handle, 0, WHENCE_CUR, &offset);
    if (failure)
        return error_set(error, ERROR_IO, "%s: the offset cannot be read: %s",
                         descriptor->path.data, errno_message(failure));
    buffer_put_u64(buffer, offset);
    return true;
}

static bool put_descriptor(struct buffer *buffer, uint32_t number,
                           const struct descriptor *descriptor, struct error *error)
{
    buffer_put_u32(buffer, number);
    buffer_put_u8(buffer, (uint8_t)descriptor->kind);
    buffer_put_u16(buffer, descriptor->fdflags);
    buffer_put_u64(buffer, descriptor->rights);
    buffer_put_u64(buffer, descriptor->inheriting);
    switch (descriptor->kind) {
    case DESCRIPTOR_STREAM: buffer_put_u8(buffer, (uint8_t)descriptor->source); break;
    case DESCRIPTOR_PREOPEN: buffer_put_u32(buffer, descriptor->source); break;
    case DESCRIPTOR_FILE:
    case DESCRIPTOR_DIRECTORY: return put_opened(buffer, descriptor, error);
    case DESCRIPTOR_LISTENER: put_text(buffer, &descriptor->path); break;
    case DESCRIPTOR_CONNECTION:
    case DESCRIPTOR_CLOSED: break;
    }
    return true;
}

static bool put_descriptors(struct buffer *buffer, const struct wasi *wasi, struct error *error)
{
    uint32_t count = 0;
    for (uint32_t fd = 0; fd < wasi->ndescriptors; fd++)
        count += wasi->descriptors[fd].kind != DESCRIPTOR_CLOSED;
    buffer_put_u32(buffer, count);
    for (uint32_t fd = 0; fd < wasi->ndescriptors; fd++)
        if (wasi->descriptors[fd].kind != DESCRIPTOR_CLOSED &&
            !put_descriptor(buffer, fd, &wasi->descriptors[fd], error))
            return false;
    return true;
}

bool wasi_save(struct wasi *wasi, struct buffer *buffer, struct error *error)
{
    put_texts(buffer, &wasi->arguments);
    put_texts(buffer, &wasi->environment);
    put_preopens(buffer, wasi);
    for (uint32_t clock = CLOCK_MONO; clock <= CLOCK_THREAD; clock++)
        if (!put_clock(buffer, wasi, clock, error))
            return false;
    buffer_put_u8(buffer, wasi->waiting);
    buffer_put_u64(buffer, wasi->waiting ? wasi->waited : 0);
    if (!put_descriptors(buffer, wasi, error))
        return false;
    return !buffer->failed || error_set(error, ERROR_MEMORY, "out of memory for the WASI section");
}
