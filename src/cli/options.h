/* cli/ - the `yado` command: one file for each subcommand, which holds its options and calls the
 * library. What stands directly in here runs natively and inside a host; native/ only natively.
 * Only this folder prints and exits.
 *
 * options.h - the options of all subcommands, from one table. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wasi/wasi.h"

/* Whether the guest can have listening sockets: natively, and in yadokari-sockets.wasm. */
#if !defined __wasm__ || defined YADO_SOCKETS
#    define YADO_LISTENS
#endif

/* Exit codes of the command itself; everything else is the guest's. docs/cli.md */
enum {
    EXIT_GUEST_TRAPPED = 134,
    EXIT_CHECKPOINTED = 85, /* the guest was checkpointed and stopped */
    EXIT_NOT_REACHED = 86,  /* the guest ended before the place of --checkpoint-after */
    EXIT_FAILED = 125,      /* yado could not do what was asked */
    EXIT_USAGE = 2          /* an option or argument that makes no sense */
};

enum command {
    COMMAND_RUN = 1,
    COMMAND_RESTORE = 2,
    COMMAND_INSPECT = 4,
    COMMAND_CHECKPOINT = 8,
    COMMAND_PS = 16,
    COMMAND_HOSTS = 32,
    COMMAND_EXPORT = 64,
    COMMAND_DIFF = 128,
    COMMAND_SQUASH = 256,
    COMMAND_KEYGEN = 512,
    COMMAND_MIGRATE = 1024,
    COMMAND_RECEIVE = 2048,
    COMMAND_SEAL = 4096,
    COMMAND_BAKE = 8192,
    COMMAND_RM = 16384
};

/* What runs the guest. */
enum tier { TIER_INTERPRETER, TIER_SEALED, TIER_AUTO };

/* Values of an option that may be given again and again. */
struct list {
    const char **items; /* owned; strings are the command line's */
    uint32_t count;
};

struct options {
    const char *host;
    struct wasi_preopen *dirs; /* owned, with its strings */
    uint32_t ndirs;
    struct list env;                 /* "NAME=VALUE" */
    struct list listen;              /* "ADDRESS:PORT" */
    struct wasi_listener *listeners; /* what became of `listen`; owned by who opened them */
    const char *to;                  /* "ssh://[USER@]MACHINE[:PORT]" */
    const char *ask;                 /* a move's token (native/verdict.h) */
    const char *remote_yado;         /* the command there */
    uint64_t link_timeout; /* nanoseconds of silence after which a connection counts as cut */
    const char *name;
    const char *snapshot;
    const char *trigger;
    const char *request;     /* a trigger that says in lines what is wanted (registry.h) */
    const char *answer;      /* where to say how a requested checkpoint went */
    const char *status_file; /* where to write the exit code, for hosts that lose it */
    const char *arg0; /* what the guest sees as its own name: the module as the user wrote it */
    const char *host_note; /* for the snapshot's notes */
    const char *invoke;    /* the export that is called, instead of _start */
    const char *module;
    const char *module_note; /* where it will be found, when `module` is a copy; for the notes */
    const char *output;
    const char *runtime;       /* yadokari-sealed.wasm */
    const char *features;      /* what hosts of the sealed module have, separated by commas */
    uint64_t tier;             /* enum tier */
    uint64_t checkpoint_after; /* units of fuel; 0: not asked for */
    uint64_t teardown;         /* test mode: rebuild the guest at every k-th unit; 0: off */
    uint64_t max_stack;        /* bytes */
    uint64_t max_memory;       /* bytes; this and the following: 0: no limit */
    uint64_t max_fuel;         /* units, over all restores */
    uint64_t timeout;          /* nanoseconds */
    uint64_t every;            /* nanoseconds between snapshots; 0: none */
    uint64_t keep;             /* how many of those are kept */
    struct list embed;         /* the guest's names of directories */
    struct list with_base;     /* where the bases of a snapshot that is read may be */
    const char *base;          /* of a snapshot that is written */
    const char *base_note;
    const char *sign;                /* key file: snapshots that are written are signed by it */
    struct list encrypt_to;          /* public keys */
    struct list require_signature;   /* public keys, for snapshots that are read */
    struct list decrypt_with;        /* key files */
    const struct wrapping *wrapping; /* what became of these; owned by who made them */
    const struct unwrapping *unwrapping;
    bool standby;   /* restore: FILE is a directory that the guest arrives in (standby.h) */
    bool reads_own; /* what is read was written by this process, with `envelopes` */
    struct envelopes *envelopes; /* the keys, once they are read; likewise */
    uint64_t files;              /* enum wasi_files_mode */
    uint64_t heap;
    uint64_t clocks;        /* enum wasi_clocks */
    struct span own_module; /* a sealed module's: the guest's module, in memory */
    const uint8_t *own_module_hash;
    struct span own_snapshot; /* and the snapshot that it begins with */
    bool accept_changed;
    bool overwrite;
    bool leave_running;
    bool embed_module;
    bool compress;
    bool sync;
    bool verify;
    bool coredump;
    bool kept;
    bool no_values;
    bool detach;
    bool reproducible;
    bool canonical;
    bool exact_fuel;
    bool no_polls;
    bool no_names;
    bool consume; /* FILE is removed when it has been read */
    bool json;
    bool no_contents;
    bool show_fuel;
    bool verbose; /* tells of a change of tiers */
    bool help;
    int npositional;         /* what follows the options */
    const char **positional; /* points into argv */
};

/* Parses what follows the subcommand. `run` ends at the first argument that is no option: it and
 * all that follow belong to the guest. ERROR_USAGE names what is wrong. */
bool options_parse(struct options *options, enum command command, int argc, const char **argv,
                   struct error *error);

/* Hands on, as `yado` inside a host takes them, the options that say the same there: flags and
 * numbers, no paths. */
void options_forward(const struct options *options, enum command command,
                     void (*add)(void *context, const char *argument), void *context);
void options_free(struct options *options);

/* A time such as 10, 10s, 1.5s, 500ms or 2m, in nanoseconds. */
bool duration_parse(const char *text, uint64_t *nanoseconds);

/* Prints the help of a subcommand. */
void options_help(enum command command);

#endif
