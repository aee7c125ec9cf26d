/* cursor.h - reads a section's payload from the front; internal to state/. */
#ifndef STATE_CURSOR_H
#define STATE_CURSOR_H

#include "state/format.h"
#include "state/snapshot.h"

struct cursor {
    const struct snapshot *snapshot;
    enum section_id id;
    const uint8_t *at;
    const uint8_t *end;
    bool good; /* false from the first error on; then numbers read are zero */
    struct error *error;
    const uint8_t *place; /* for errors, where the bytes are not the file's own; else NULL */
};

struct cursor cursor_of(const struct snapshot *snapshot, enum section_id id,
                        const struct section *section, struct error *error);
/* Fills the error, once, with the section's name, the place and the reason; returns false. */
bool cursor_refuse(struct cursor *cursor, const char *reason);
/* Puts the section's name before a reason that somebody else gave for the bytes at `at`. */
bool cursor_explain(struct cursor *cursor, const uint8_t *at);
/* The next `size` bytes; where the section ends before, eight zero bytes. */
const uint8_t *cursor_take(struct cursor *cursor, size_t size);
uint8_t cursor_u8(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
bool cursor_value(struct cursor *cursor, struct typed_value *value);
/* How many elements of `smallest` bytes there can still be. */
size_t cursor_room(const struct cursor *cursor, size_t smallest);
/* That the section ends here. */
bool cursor_end(struct cursor *cursor);

#endif
