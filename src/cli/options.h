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
#include "guest/settings.h"

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

/* What an option is to those that are no command line of a user's. */
enum option_trait {
    OPTION_INSIDE = 1,  /* `yado` in a host takes it as well */
    OPTION_TRAVELS = 2, /* goes with the guest to another machine: none but --dir names a file */
    OPTION_SHOWN = 4,   /* names a file whose directory the host is shown */
    OPTION_READ = 8,    /* names a file that is read, which no output may be */
    OPTION_AGAIN = 16   /* and perhaps read again, so that one which cannot be is kept in memory */
};

/* What runs the guest. */
enum tier { TIER_INTERPRETER, TIER_SEALED, TIER_AUTO };

/* Of all subcommands. */
struct options {
    struct guest_options guest;        /* travels with the guest */
    struct snapshot_options snapshots; /* concerns its snapshots */

    /* The command's own. */
    const char *host;
    const char *to;          /* "ssh://[USER@]MACHINE[:PORT]" */
    const char *ask;         /* a move's token (native/verdict.h) */
    const char *remote_yado; /* the command there */
    uint64_t link_timeout;   /* nanoseconds of silence after which a connection counts as cut */
    const char *name;
    const char *status_file; /* where to write the exit code, for hosts that lose it */
    const char *output;
    const char *runtime;  /* yadokari-sealed.wasm */
    const char *features; /* what hosts of the sealed module have, separated by commas */
    uint64_t tier;        /* enum tier */
    uint64_t heap;
    bool coredump;
    bool kept;
    bool no_values;
    bool detach;
    bool exact_fuel;
    bool no_polls;
    bool no_names;
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

void options_free(struct options *options);

/* Prints the help of a subcommand. */
void options_help(enum command command);

#endif
