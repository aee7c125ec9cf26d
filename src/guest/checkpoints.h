/* checkpoints.h - when a checkpoint is due, and what becomes of it. Internal to guest/. */
#ifndef GUEST_CHECKPOINTS_H
#define GUEST_CHECKPOINTS_H

#include "guest/session.h"

/* Whether a checkpoint is asked for, or the time of snapshots->every is over. */
bool checkpoint_due(const struct session *session);

/* Whether the fuel of snapshots->checkpoint_after is used up, and no checkpoint was taken there yet.
 * The interpreter stops at that very unit; a sealed guest, which counts less often, soon after. */
bool checkpoint_after_is_reached(const struct session *session);

/* Takes the checkpoints that are due at the safepoint where the guest is. `fuel_is_out`: it is not
 * at a host call. True: the guest goes on. */
bool checkpoint_take(struct session *session, bool fuel_is_out);

#endif
