/* image.h - the WASI section of a snapshot, read and checked, before anything is made of it.
 *
 *     bytes ──image_read──▶ struct image ──▶ wasi_load      opens what it names
 *                                       └──▶ wasi_describe  shows it to a person */
#ifndef WASI_IMAGE_H
#define WASI_IMAGE_H

#include "wasi/untrusted.h"

struct saved_clock {
    bool asked;
    uint64_t reading;
};

struct saved_descriptor {
    uint32_t number;
    enum descriptor_kind kind;
    uint16_t fdflags;
    uint64_t rights;
    uint64_t inheriting;
    uint32_t source; /* as in struct descriptor */
    bool follow;
    struct slice path; /* a listener's address */
    uint64_t offset;
};

struct image {
    struct slices arguments, environment, preopens;
    struct saved_clock clocks[CLOCK_THREAD + 1]; /* from CLOCK_MONO on */
    bool waiting;
    uint64_t waited;
    struct saved_descriptor *descriptors;
    uint32_t ndescriptors;
};

/* Reads a section that nobody vouches for. Memory and time are bounded by `size`. On failure
 * (ERROR_SNAPSHOT with the offset in the section) there is nothing to free. */
bool image_read(struct image *image, const uint8_t *data, size_t size, struct error *error);
void image_free(struct image *image);

#endif
