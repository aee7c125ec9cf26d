/* making.h - a guest is made of its module or of a snapshot. Internal to guest/. All fail with
 * session->error. */
#ifndef GUEST_MAKING_H
#define GUEST_MAKING_H

#include "guest/session.h"

/* What the guest is given; `refuel`, `interrupted` and `end` are for the execution and for waits. */
struct driving {
    uint32_t (*refuel)(void *context);
    bool (*interrupted)(void *context);
    void (*end)(void *context, enum run_status status);
};
void making_begin(struct session *session, const struct driving *driving);

/* A guest that begins, of the module at session->path. */
bool making_new(struct session *session);

/* Finds and loads the module that a snapshot was taken of. */
bool making_find_module(struct session *session, const struct snapshot *snapshot);

/* A guest of a snapshot whose module has been found; of `replica`, unless it is NULL, its memory. */
bool making_restored(struct session *session, struct replica *replica,
                     const struct snapshot *snapshot);

/* Test mode: out to bytes, everything destroyed, and back. */
bool making_tear_down(struct session *session);

/* Whether a snapshot that has just been written, with that base or none, can be restored: it is,
 * beside the guest, and thrown away. */
bool making_verify(struct session *session, const char *path, const char *base);

void making_undo(struct session *session);

#endif
