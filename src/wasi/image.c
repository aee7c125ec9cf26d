/* image.c - the WASI section of a snapshot: the reader. The layout is drawn in image_writer.c, the writer.
 */
#include "wasi/image.h"

#include <stdlib.h>

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
    case DESCRIPTOR_CONNECTION:
    case DESCRIPTOR_LISTENER: return RIGHTS_SOCKET;
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
    case DESCRIPTOR_LISTENER: return take_text(reader, &descriptor->path);
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
    if (kind == DESCRIPTOR_CLOSED || kind > DESCRIPTOR_LISTENER)
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
    struct reader reader = {.section = "WASI", .data = data, .size = size, .error = error};
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
