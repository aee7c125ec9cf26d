/* replica.h - a guest's memory that is put together before the guest is: a whole snapshot first,
 * then those that hold the changes, as they come.
 *
 *     snapshot 0 ──replica_apply──▶ memory, and a hash for each of its blocks
 *     changes 1  ──replica_apply──▶ the blocks that changed; the others by their hashes
 *     ...
 *     the last   ──replica_apply──▶ and snapshot_restore_onto: all but the memory
 *
 * So the time from the last snapshot to the running guest depends on what changed last. */
#ifndef STATE_REPLICA_H
#define STATE_REPLICA_H

#include "state/snapshot.h"

struct replica {
    struct memory memory; /* owned until an instance takes it over (instance_options.memory) */
    uint64_t *hashes;     /* by block; 0: zeros only */
    uint32_t blocks;
    bool has_memory;         /* the module has one of its own */
    uint8_t id[DIGEST_SIZE]; /* of the snapshot applied last */
};

/* `max_pages` as in struct instance_options. */
bool replica_begin(struct replica *replica, const struct module *module, uint32_t max_pages,
                   struct error *error);
void replica_free(struct replica *replica);

/* ERROR_SNAPSHOT when it is not based on the one before, or is wrong: then the replica is of no
 * more use. The module has been held against the snapshot. */
bool replica_apply(struct replica *replica, const struct snapshot *snapshot, struct error *error);

/* snapshot_restore of the snapshot applied last, into an instance that took over the memory. */
bool snapshot_restore_onto(const struct replica *replica, const struct snapshot *snapshot,
                           struct instance *instance, struct execution *execution,
                           struct error *error);

#endif
