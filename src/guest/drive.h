/* drive.h - a guest runs in slices; in between, its triggers, limits and clocks are looked at.
 * Internal to guest/. */
#ifndef GUEST_DRIVE_H
#define GUEST_DRIVE_H

#include "guest/session.h"

void drive_begin(struct session *session);

/* Runs what execution_call or a snapshot has prepared, until it ends or is checkpointed and
 * stopped. A guest beyond a limit of the user's has trapped. False when it cannot go on
 * (session->error). */
bool drive(struct session *session, enum run_status *status);

/* For execution.refuel: whether a sealed guest may go on, and with how much. `context` is the
 * session. */
uint32_t drive_refuel(void *context);

/* Whether a guest that waits has to stop waiting: for wasi_options. `context` is the session. */
bool drive_interrupted(void *context);

#endif
