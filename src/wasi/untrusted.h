/* untrusted.h - takes numbers, texts and paths from bytes that nobody vouches for. For src/wasi only.
 */
#ifndef WASI_UNTRUSTED_H
#define WASI_UNTRUSTED_H

#include "wasi/wasi_call.h"

/* Bytes inside a section. */
struct slice {
    const char *data;
    uint32_t size;
};

struct slices {
    struct slice *items;
    uint32_t count;
};

struct reader {
    const char *section; /* for errors */
    const uint8_t *data;
    size_t size;
    size_t at;
    struct error *error;
};

/* Each of these gives false, with the section, the place and the reason in the error, when what
 * they take is not there or not well formed. */
bool refuse(const struct reader *reader, const char *why);
const uint8_t *take(struct reader *reader, uint64_t size);
bool take_u8(struct reader *reader, uint8_t *value);
bool take_u16(struct reader *reader, uint16_t *value);
bool take_u32(struct reader *reader, uint32_t *value);
bool take_u64(struct reader *reader, uint64_t *value);
bool take_bool(struct reader *reader, bool *value);
/* The number of things that follow, each of `least` bytes or more. */
bool take_count(struct reader *reader, size_t least, uint32_t *count);
/* Without NUL. */
bool take_text(struct reader *reader, struct slice *slice);
/* `slices->items` is to be freed, also on failure. */
bool take_texts(struct reader *reader, struct slices *slices);
/* One that path_is_canonical. */
bool take_path(struct reader *reader, struct slice *path);

#endif
