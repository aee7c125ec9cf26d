/* drive.h - a guest runs in slices; in between, its triggers, limits and clocks are looked at.
 *
 *     session.c      makes the guest, and says how it ended
 *     drive.c        slices of fuel, limits
 *     checkpoints.c  when a checkpoint is due, and what becomes of it
 *     standby.c      a guest that arrives while it still runs elsewhere */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include "cli/options.h"
#include "state/replica.h"
#include "state/snapshot.h"

struct session {
    const struct options *options;
    struct buffer module_bytes;
    struct span module_view; /* those, or the sealed module's own */
    struct buffer snapshot_bytes;
    struct buffer capture; /* teardown mode: the guest as bytes */
    struct module module;
    bool module_loaded;
    struct execution execution;
    struct guest guest;
    struct replica replica; /* standby.c */
    struct wasi_options wasi_options;
    struct error error;
    uint64_t begun;       /* host_monotonic when the session began */
    uint64_t last_kept;   /* and when --every last took a snapshot */
    uint32_t slice;       /* units of fuel that take about half a millisecond */
    uint32_t slice_given; /* the present one */
    uint64_t slice_begun; /* host_monotonic */
    uint64_t slice_used;  /* fuel, before it */
    uint64_t looked;      /* host_monotonic when requests and triggers were last looked at */
    bool due;             /* and something is to be done */
    bool after_is_over;   /* the place of --checkpoint-after has been passed */
    bool after_is_taken;  /* and a checkpoint was taken there, or tried */
    bool checkpointed;    /* and is to end */
    bool moved;           /* and runs elsewhere now: nothing more is said here */
    bool makes_no_sense;  /* what went wrong is an option or argument */
    bool restored;        /* a snapshot that is made now is not restored for the first time */
};

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

/* Whether a checkpoint is asked for, or the time of --every is over. */
bool checkpoint_due(const struct session *session);

/* Whether the fuel of --checkpoint-after is used up, and no checkpoint was taken there yet. The
 * interpreter stops at that very unit; a sealed guest, which counts less often, soon after. */
bool checkpoint_after_is_reached(const struct session *session);

/* Takes the checkpoints that are due at the safepoint where the guest is. `fuel_is_out`: it is not
 * at a host call. True: the guest goes on. */
bool checkpoint_take(struct session *session, bool fuel_is_out);

/* A sealed guest ends in the middle of its calls: sees the session to its end and does not return.
 * `context` is the session. */
void session_ended(void *context, enum run_status status);

/* Test mode: out to bytes, everything destroyed, and back. */
bool session_tear_down(struct session *session);

/* Whether a snapshot that has just been written, with that base or none, can be restored: it is,
 * beside the guest, and thrown away. */
bool session_verify(struct session *session, const char *path, const char *base);

/* For standby.c: finds and loads the module that a snapshot was taken of; makes the guest of a
 * snapshot whose memory is there already. */
bool session_find_module(struct session *session, const struct snapshot *snapshot);
bool session_make_onto(struct session *session, struct replica *replica,
                       const struct snapshot *snapshot);

#endif
