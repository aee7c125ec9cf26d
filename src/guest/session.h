/* guest/ - the life of a guest: it is made, runs in slices, is checkpointed when that is due, torn
 * down and rebuilt, arrives from elsewhere. Nothing here prints or exits: what stands here is for
 * the command as for whatever else runs guests. Uses base/, wasm/, exec/, wasi/, state/, host/.
 *
 * session.h - a guest from its module or snapshot to its end.
 *
 *     session.c            from a beginning to the end, by
 *       standby.c            a guest that arrives while it still runs elsewhere
 *       calls.c              the calls that its life is made of
 *       drive.c              slices of fuel, limits, clocks; and what is then due:
 *         checkpoints.c        when a checkpoint is due, and what becomes of it
 *           request.c            what is asked for
 *           hold.c               a stopped guest that stays until its snapshot is where it belongs
 *     making.c             the guest is made of its module or a snapshot, unmade, rebuilt
 *     bases.c              a snapshot's file with those that it is based on
 *     settings.h           what all of it depends on */
#ifndef GUEST_SESSION_H
#define GUEST_SESSION_H

#include "guest/settings.h"
#include "state/replica.h"

struct session {
    /* Filled in by whoever begins one; all of it lives as long as the session. */
    const struct guest_options *options;
    const struct snapshot_options *snapshots;
    const char *path; /* the module; or the snapshot, or the directory that the guest arrives in */
    const char *const *arguments; /* of a guest that begins: its own name first */
    uint32_t narguments;
    /* Told of what went wrong and does not end the guest. */
    void (*say)(const struct error *what);
    /* Called for a sealed guest that ends in the middle of its calls; does not return. */
    void (*ended)(struct session *session, enum run_status status);
    void *owner; /* for that */

    /* How it stands, for whoever has begun it. */
    struct guest guest;
    struct execution execution;
    struct module module;
    struct error error;
    bool checkpointed;   /* and is to end */
    bool moved;          /* and runs elsewhere now: nothing more is said here */
    bool makes_no_sense; /* what went wrong is an option or argument */
    bool after_is_taken; /* a checkpoint was taken at snapshots->checkpoint_after, or tried */

    /* The session's own. */
    const struct driving *driving; /* making.h */
    struct buffer module_bytes;
    struct span module_view; /* those, or the sealed module's own */
    struct buffer snapshot_bytes;
    struct buffer capture; /* teardown mode: the guest as bytes */
    bool module_loaded;
    struct replica replica; /* standby.c */
    struct wasi_options wasi_options;
    uint64_t begun;       /* host_monotonic when the session began */
    uint64_t last_kept;   /* and when snapshots->every last took a snapshot */
    uint32_t slice;       /* units of fuel that take about half a millisecond */
    uint32_t slice_given; /* the present one */
    uint64_t slice_begun; /* host_monotonic */
    uint64_t slice_used;  /* fuel, before it */
    uint64_t looked;      /* host_monotonic when requests and triggers were last looked at */
    bool due;             /* and something is to be done */
    bool after_is_over;   /* the place of snapshots->checkpoint_after has been passed */
    bool restored;        /* a snapshot that is made now is not restored for the first time */
};

/* Starts the clocks of a session whose first part is filled in. */
void session_open(struct session *session);

/* Loads the module at session->path and makes its instance; what is called of it is then for the
 * caller to fill into session->guest (stage, initialize, entry, arguments). False with session->error
 * (makes_no_sense tells whose fault it is), as all that follow. */
bool session_load(struct session *session);

/* Makes the guest of the snapshot at session->path, or of the one that arrives in that directory
 * (options->standby), where it was. */
bool session_restore(struct session *session);

/* How a session ended. */
enum session_end {
    SESSION_DONE,         /* what was called has returned: guest_results */
    SESSION_EXIT,         /* execution.exit_code */
    SESSION_TRAP,         /* execution.trap */
    SESSION_CHECKPOINTED, /* and it is to end here */
    SESSION_FAILED        /* it cannot go on: session->error */
};

/* Runs what session_load (and whoever filled in the calls) or session_restore has prepared, to its
 * end. */
enum session_end session_run(struct session *session);

/* Whether the guest has ended without having come to the place of snapshots->checkpoint_after. */
bool session_missed_checkpoint(const struct session *session);

/* What messages call the guest: the path of its module, if that is known. */
const char *session_name(const struct session *session);

/* Frees all that the session has made. */
void session_close(struct session *session);

/* Calls the module's start function, or what comes first without one. Then guest_call_next, each
 * time that a call returns, for as long as `started` is false. Both prepare the call, as
 * execution_call does. */
bool guest_begin(struct guest *guest, struct error *error);
bool guest_call_next(struct guest *guest, struct error *error);

#endif
