/* delta.h - snapshots that hold only what changed since another one, their base; internal to
 * state/.
 *
 *     base's file ──delta_begin──▶ hashes of its blocks ─┐
 *     guest's memory ────────────▶ hashes of its blocks ─┴─▶ blocks that differ, and all hashes
 *
 *     BASE section   the base's id, BLAKE3-256 │ runs u32 │ run: first block u32, blocks u32,
 *                    a hash u64 for each
 *
 * The runs are those of all blocks that are not zero, changed or not; a hash is the XXH3-64 of the
 * block, or 1 for 0. A base's id is the BLAKE3-256 of its header and of each section's header and
 * checksum. */
#ifndef STATE_DELTA_H
#define STATE_DELTA_H

#include "state/snapshot.h"

/* What has changed. Without a base, `now` and `before` are NULL. */
struct delta {
    uint8_t id[DIGEST_SIZE];
    uint64_t *before; /* by block: its hash in the base; 0: zero */
    uint64_t *now;    /* and in the guest */
    uint32_t blocks;  /* of the guest */
};

/* Reads the base, whose path may be NULL, once from front to end. Errors name it. `unwrapping` may
 * be NULL. */
bool delta_begin(struct delta *delta, const char *base, const struct unwrapping *unwrapping,
                 const struct guest *guest, struct error *error);
void delta_end(struct delta *delta);
void delta_put(const struct delta *delta, struct buffer *section);

#endif
