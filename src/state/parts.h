/* parts.h - the memory section, whole (as versions before wrote it) or in parts; internal to
 * state/. */
#ifndef STATE_PARTS_H
#define STATE_PARTS_H

#include "state/cursor.h"
#include "state/pack.h"

struct memory_parts {
    const struct snapshot *snapshot;
    struct error *error;
    const uint8_t *next; /* the next part's header; NULL: the section as it is */
    uint32_t left;
    uint8_t *bytes; /* owned: PART_SIZE bytes of the present part, unpacked */
};

/* Compresses `size` (up to PART_SIZE) bytes into a part's payload of at most `room` bytes; returns
 * its size, or 0 when there is not room enough. PART_ROOM always is. */
size_t part_pack(const uint8_t *bytes, uint32_t size, uint8_t *payload, size_t room);
#define PART_ROOM (9u + PART_BLOCKS * (8u + PACKED_ROOM))

/* The other way, for a part that is compressed or packed; false when it is not well formed. `bytes`
 * has PART_SIZE bytes. */
bool part_unpack(uint32_t how, const uint8_t *payload, size_t stored, uint8_t *bytes,
                 uint32_t *size);

bool memory_parts_begin(struct memory_parts *parts, const struct snapshot *snapshot,
                        struct error *error);
void memory_parts_end(struct memory_parts *parts);

/* A cursor on the next part, which is laid out like a whole memory section. False at the end, and
 * when the part is wrong: then *good is false too. */
bool memory_parts_next(struct memory_parts *parts, struct cursor *cursor, bool *good);

#endif
