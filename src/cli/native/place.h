/* place.h - where a guest is or is going to be: a process of this machine, or another machine.
 *
 *     supervisor.c ─┬─▶ move.c ──▶ struct place_kind        from one place to another, whatever they are
 *                   ├─▶ local.c                             here: a host, or natively; files in the
 *                   │                                       guest's directory (guest/hold.h)
 *                   └─▶ abroad.c ──▶ connection.c           there: `yado receive` on the other
 *                                                           machine, through ssh
 *
 * Which kind a place is of is known to who makes it, and to nobody else.
 *
 * Snapshots lie in the guest's directory, in incoming/: 0, 1, 2 and so on, then "last". */
#ifndef CLI_NATIVE_PLACE_H
#define CLI_NATIVE_PLACE_H

#include <poll.h>
#include <stdio.h>

#include "cli/native/input.h"
#include "cli/native/runner.h"

struct connection;
struct place;

/* The guest of a `yado run`, and what looks after it. */
struct supervisor {
    enum command command; /* what began it, and with which options */
    const struct options *options;
    struct registered entry;
    struct place *place;
    struct place *coming; /* where it is going, or NULL */
    bool has_doorbell;
    int doorbell; /* for `yado migrate` (doorbell.h), or -1: it cannot be moved */
    int client;   /* the `yado migrate` that waits, or -1 */
    /* What is to be done while waiting for something else. */
    void (*service)(struct supervisor *supervisor);
    bool has_input;     /* `input` is the guest's; else it has this process's own */
    struct input input; /* what a guest elsewhere has not read comes first (input.h) */
    int output, errors; /* the guest's, or -1: this process's own */
    uint64_t begun;     /* host_monotonic */
    int ended_by;       /* the signal that ended the guest natively here, or 0 */
    struct turn turn;   /* the guest's, while it is moved */
    uint64_t tidied;    /* when its entry was last looked at; host_monotonic */
    int interrupted;    /* the signal that came when the guest had ended elsewhere, or 0 */
    struct buffer told; /* to the client, and not taken by it yet */
};

struct taken {
    uint64_t size;
    uint64_t stopped;     /* when the guest stopped; wall_time of this machine */
    uint64_t nanoseconds; /* until the snapshot was complete */
};

struct wanted {
    char file[16]; /* in incoming/ */
    char base[16]; /* likewise; "": none */
    bool hold;     /* and the guest stays stopped until `resume` or `leave` */
    bool embed_module;
    uint64_t files; /* enum wasi_files_mode */
    struct list embed;
};

/* What is known of a guest that was told to go. */
enum gone { GONE_RUNS, GONE_NOT, GONE_UNKNOWN };

enum { PLACE_WAITS = 3 };

struct place_kind {
    /* A guest that is here. */
    bool (*snapshot)(struct place *place, const struct wanted *wanted, struct taken *taken,
                     struct error *error);
    bool (*resume)(struct place *place, struct error *error);
    void (*leave)(struct place *place); /* it runs elsewhere */
    /* One that is to come here. `module` is its module's file. */
    bool (*prepare)(struct place *place, const char *module, struct error *error);
    bool (*apply)(struct place *place, const char *file, uint64_t *when, struct error *error);
    enum gone (*go)(struct place *place, uint64_t *when, struct error *error);
    void (*abandon)(struct place *place); /* it does not come */
    /* Whether it has ended, or is not to be reached any more. */
    bool (*has_ended)(struct place *place);
    /* Whether nothing more can be known of it. */
    bool (*is_cut)(const struct place *place);
    /* SIGINT and the like, for the guest. */
    void (*signal)(struct place *place, int number);
    /* Of one that has ended or is not to be reached any more: its exit code, 128 and the number of
     * a signal that ended it; 125 where nothing tells it, and a line in `errors` that says why. */
    int (*exit_code)(struct place *place, FILE *errors);
    /* Whether this process reads its own standard input for the guest; and how much of what it has
     * read is on its way. */
    bool (*passes_input)(const struct place *place, size_t *on_way);
    /* What to wait for on its behalf, and how many milliseconds at most; and what to do then. */
    nfds_t (*waits)(struct place *place, struct pollfd waits[PLACE_WAITS], int *timeout);
    void (*service)(struct place *place);
    /* Frees what is its own; a guest that still runs here ends. */
    void (*close)(struct place *place);
};

struct place {
    const struct place_kind *kind;
    struct supervisor *supervisor;
    char name[320]; /* "wasmtime", "ssh://machine wasmtime" */
    const struct host *host;
    struct runner runner;          /* local.c */
    struct connection *connection; /* abroad.c */
    struct list dirs;              /* abroad.c: --dir of `yado migrate` */
};

/* NULL without memory. It has to be opened, as local.c (below) or abroad.h have it; unless that has
 * not begun, place_free closes it. */
struct place *place_new(struct supervisor *supervisor);
void place_free(struct place *place);

/* Whether the guest is there, and not on its way. */
bool place_has_guest(const struct place *place);

/* "incoming/file" in `path`. */
char *incoming_path(const struct supervisor *supervisor, const char *file,
                    char path[REGISTRY_PATH_MAX]);

/* A process of this machine: in the host that is called so, or "native". */
extern const struct place_kind local_kind;
bool local_open(struct place *place, const char *host, struct error *error);

#endif
