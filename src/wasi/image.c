/* image.c - the WASI section of a snapshot: the reader. The layout is drawn in save.c, the writer.
 *
 * The bytes may be anybody's. A count is believed only as far as the bytes that are left can hold
 * so many, so that memory stays in proportion to the section. */
#include "wasi/image.h"

#include <stdlib.h>

#include "wasi/call.h"

struct reader {
    const uint8_t *data;
    size_t size;
    size_t at;
    struct error *error;
};

static bool refuse(const struct reader *reader, const char *why)
{
    return error_set_at(reader->error, ERROR_SNAPSHOT, reader->at, "WASI section: %s", why);
}

/* ---- numbers */

static const uint8_t *take(struct reader *reader, size_t size)
{
    if (size > reader->size - reader->at) {
        refuse(reader, "cut short");
        return NULL;
    }
    reader->at += size;
    return reader->data + reader->at - size;
}

static bool take_u8(struct reader *reader, uint8_t *value)
{
    const uint8_t *at = take(reader, 1);
    if (at)
        *value = *at;
    return at;
}

static bool take_u16(struct reader *reader, uint16_t *value)
{
    const uint8_t *at = take(reader, 2);
    if (at)
        *value = get_le16(at);
    return at;
}

static bool take_u32(struct reader *reader, uint32_t *value)
{
    const uint8_t *at = take(reader, 4);
    if (at)
        *value = get_le32(at);
    return at;
}

static bool take_u64(struct reader *reader, uint64_t *value)
{
    const uint8_t *at = take(reader, 8);
    if (at)
        *value = get_le64(at);
    return at;
}

static bool take_bool(struct reader *reader, bool *value)
{
    uint8_t byte;
    if (!take_u8(reader, &byte))
        return false;
    *value = byte;
    return byte <= 1 || refuse(reader, "a flag that is neither 0 nor 1");
}

/* The number of things that follow, each of `least` bytes or more. */
static bool take_count(struct reader *reader, size_t least, uint32_t *count)
{
    if (!take_u32(reader, count))
        return false;
    return *count <= (reader->size - reader->at) / least || refuse(reader, "cut short");
}

/* ---- texts */

static bool take_text(struct reader *reader, struct slice *slice)
{
    if (!take_u32(reader, &slice->size))
        return false;
    slice->data = (const char *)take(reader, slice->size);
    if (!slice->data)
        return false;
    return !memchr(slice->data, 0, slice->size) || refuse(reader, "a text with a NUL in it");
}

static bool take_texts(struct reader *reader, struct slices *slices)
{
    uint32_t count;
    if (!take_count(reader, 4, &count))
        return false;
    slices->items = calloc(count ? count : 1, sizeof *slices->items);
    if (!slices->items)
        return error_set(reader->error, ERROR_MEMORY, "out of memory for the WASI section");
    for (slices->count = 0; slices->count < count; slices->count++)
        if (!take_text(reader, &slices->items[slices->count]))
            return false;
    return true;
}

static bool take_path(struct reader *reader, struct slice *path)
{
    if (!take_text(reader, path))
        return false;
    if (!text_valid(path->data, path->size))
        return refuse(reader, "a path that is not UTF-8");
    return path_is_canonical(path->data, path->size) ||
           refuse(reader, "a path that is not below its directory");
}

/* ---- clocks */

static bool take_clock(struct reader *reader, struct saved_clock *clock)
{
    if (!take_bool(reader, &clock->asked) || !take_u64(reader, &clock->reading))
        return false;
    return clock->asked || clock->reading == 0 || refuse(reader, "a clock that nobody asked for");
}

static bool take_waiting(struct reader *reader, struct image *image)
{
    if (!take_bool(reader, &image->waiting) || !take_u64(reader, &image->waited))
        return false;
    return image->waiting || image->waited == 0 || refuse(reader, "a wait that is none");
}

/* ---- descriptors */

enum { LEAST_DESCRIPTOR = 23 };

static uint64_t possible_rights(enum descriptor_kind kind)
{
    switch (kind) {
    case DESCRIPTOR_STREAM: return RIGHTS_STREAM;
    case DESCRIPTOR_FILE: return RIGHTS_FILE;
    case DESCRIPTOR_PREOPEN:
    case DESCRIPTOR_DIRECTORY: return RIGHTS_DIRECTORY;
    case DESCRIPTOR_CONNECTION: return RIGHTS_SOCKET;
    case DESCRIPTOR_CLOSED: break;
    }
    return 0;
}

static bool take_opened(struct reader *reader, struct saved_descriptor *descriptor)
{
    if (!take_bool(reader, &descriptor->follow) || !take_path(reader, &descriptor->path))
        return false;
    if (descriptor->kind == DESCRIPTOR_DIRECTORY)
        return true;
    if (descriptor->path.size == 1 && descriptor->path.data[0] == '.')
        return refuse(reader, "a file that is a directory");
    if (!take_u64(reader, &descriptor->offset))
        return false;
    return descriptor->offset <= INT64_MAX || refuse(reader, "an offset beyond any file");
}

static bool take_by_kind(struct reader *reader, const struct image *image,
                         struct saved_descriptor *descriptor)
{
    uint8_t stream;
    switch (descriptor->kind) {
    case DESCRIPTOR_STREAM:
        if (!take_u8(reader, &stream))
            return false;
        descriptor->source = stream;
        return stream <= HANDLE_STDERR || refuse(reader, "a standard stream that does not exist");
    case DESCRIPTOR_PREOPEN:
    case DESCRIPTOR_FILE:
    case DESCRIPTOR_DIRECTORY:
        if (!take_u32(reader, &descriptor->source))
            return false;
        if (descriptor->source >= image->preopens.count)
            return refuse(reader, "a descriptor in a directory that does not exist");
        return descriptor->kind == DESCRIPTOR_PREOPEN || take_opened(reader, descriptor);
    case DESCRIPTOR_CONNECTION: return true;
    default: return refuse(reader, "an unknown kind of descriptor");
    }
}

static bool take_descriptor(struct reader *reader, const struct image *image,
                            struct saved_descriptor *descriptor)
{
    uint8_t kind;
    if (!take_u32(reader, &descriptor->number) || !take_u8(reader, &kind) ||
        !take_u16(reader, &descriptor->fdflags) || !take_u64(reader, &descriptor->rights) ||
        !take_u64(reader, &descriptor->inheriting))
        return false;
    if (descriptor->number >= MAX_DESCRIPTORS)
        return refuse(reader, "a descriptor number beyond the limit");
    if (kind == DESCRIPTOR_CLOSED || kind > DESCRIPTOR_CONNECTION)
        return refuse(reader, "an unknown kind of descriptor");
    descriptor->kind = (enum descriptor_kind)kind;
    if (descriptor->fdflags & ~FDFLAGS_ALL)
        return refuse(reader, "unknown descriptor flags");
    if ((descriptor->rights & ~possible_rights(descriptor->kind)) ||
        (descriptor->inheriting & ~RIGHTS_ALL))
        return refuse(reader, "rights that such a descriptor cannot have");
    return take_by_kind(reader, image, descriptor);
}

static bool take_descriptors(struct reader *reader, struct image *image)
{
    uint32_t count;
    if (!take_count(reader, LEAST_DESCRIPTOR, &count))
        return false;
    image->descriptors = calloc(count ? count : 1, sizeof *image->descriptors);
    if (!image->descriptors)
        return error_set(reader->error, ERROR_MEMORY, "out of memory for the WASI section");
    for (uint32_t i = 0; i < count; i++) {
        struct saved_descriptor *descriptor = &image->descriptors[i];
        if (!take_descriptor(reader, image, descriptor))
            return false;
        if (i > 0 && descriptor->number <= descriptor[-1].number)
            return refuse(reader, "descriptors out of order");
        image->ndescriptors++;
    }
    return true;
}

/* ---- the section */

static bool take_image(struct reader *reader, struct image *image)
{
    if (!take_texts(reader, &image->arguments) || !take_texts(reader, &image->environment) ||
        !take_texts(reader, &image->preopens))
        return false;
    for (uint32_t clock = CLOCK_MONO; clock <= CLOCK_THREAD; clock++)
        if (!take_clock(reader, &image->clocks[clock]))
            return false;
    if (!take_waiting(reader, image) || !take_descriptors(reader, image))
        return false;
    return reader->at == reader->size || refuse(reader, "bytes left over at its end");
}

bool image_read(struct image *image, const uint8_t *data, size_t size, struct error *error)
{
    struct reader reader = {.data = data, .size = size, .error = error};
    *image = (struct image){0};
    if (take_image(&reader, image))
        return true;
    image_free(image);
    return false;
}

void image_free(struct image *image)
{
    free(image->arguments.items);
    free(image->environment.items);
    free(image->preopens.items);
    free(image->descriptors);
    *image = (struct image){0};
}
