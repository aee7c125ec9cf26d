/* settings.h - what a guest's life depends on: what describes the guest, and goes with it wherever it
 * is moved to; and what concerns its snapshots. Strings belong to whoever fills them in. */
#ifndef GUEST_SETTINGS_H
#define GUEST_SETTINGS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/list.h"
#include "state/snapshot.h"
#include "wasi/wasi.h"

/* A number that is 0 stands for no limit. */
struct guest_options {
    struct wasi_preopen *dirs; /* owned, with its strings */
    uint32_t ndirs;
    struct list env;                 /* "NAME=VALUE" */
    struct list listen;              /* "ADDRESS:PORT" */
    struct wasi_listener *listeners; /* what became of `listen`; owned by who opened them */
    const char *arg0;   /* what the guest sees as its own name: the module as the user wrote it */
    const char *invoke; /* the export that is called, instead of _start */
    const char *module; /* of a snapshot, when it is not where that says */
    const char *module_note; /* where it will be found, when `module` is a copy; for the notes */
    uint64_t max_stack;      /* bytes */
    uint64_t max_memory;     /* bytes */
    uint64_t max_fuel;       /* units, over all restores */
    uint64_t timeout;        /* nanoseconds */
    uint64_t clocks;         /* enum wasi_clocks */
    uint64_t teardown;       /* test mode: rebuild the guest at every k-th unit; 0: off */
    struct span own_module;  /* a sealed module's: the guest's module, in memory */
    const uint8_t *own_module_hash;
    struct span own_snapshot; /* and the snapshot that it begins with */
    bool accept_changed;
    bool overwrite;
    bool canonical;
    bool standby; /* a snapshot's FILE is a directory that the guest arrives in (standby.h) */
    bool consume; /* FILE is removed when it has been read */
};

struct envelopes;

struct snapshot_options {
    const char *snapshot;
    const char *trigger;
    const char *request;       /* a trigger that says in lines what is wanted (request.h) */
    const char *answer;        /* where to say how a requested checkpoint went */
    uint64_t checkpoint_after; /* units of fuel; 0: not asked for */
    uint64_t every;            /* nanoseconds between snapshots; 0: none */
    uint64_t keep;             /* how many of those are kept */
    uint64_t files;            /* enum wasi_files_mode */
    struct list embed;         /* the guest's names of directories */
    struct list with_base;     /* where the bases of a snapshot that is read may be */
    const char *base;          /* of a snapshot that is written */
    const char *base_note;
    const char *host_note;           /* for the snapshot's notes */
    const char *sign;                /* key file: snapshots that are written are signed by it */
    struct list encrypt_to;          /* public keys */
    struct list require_signature;   /* public keys, for snapshots that are read */
    struct list decrypt_with;        /* key files */
    const struct wrapping *wrapping; /* what became of these; owned by who made them */
    const struct unwrapping *unwrapping;
    struct envelopes *envelopes; /* the keys, once they are read; likewise */
    bool reads_own;              /* what is read was written by this process, with `envelopes` */
    bool leave_running;
    bool embed_module;
    bool compress;
    bool sync;
    bool verify;
    bool reproducible;

    /* How the file of a snapshot is read that may be in an envelope; NULL: it is not. Appends to
     * `contents`; ERROR_SNAPSHOT does not name the file. */
    bool (*read)(const char *path, const struct snapshot_options *options, struct buffer *contents,
                 struct error *error);
};

#endif
