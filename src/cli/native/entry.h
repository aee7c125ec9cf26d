/* entry.h - one guest's directory in the registry (registry.h), and its two locks:
 *
 *     life    held by the `yado` that looks after the guest for as long as that lives. The kernel
 *             lets it go however that ends, so an entry is never taken for alive because something
 *             else has a process number that was its own.
 *     turn    held by whoever asks something of the guest, from before it asks until it has what it
 *             asked for: a checkpoint's client, a move, --tier auto. */
#ifndef CLI_NATIVE_ENTRY_H
#define CLI_NATIVE_ENTRY_H

#include "base/path.h"

#define REGISTRY_PATH_MAX PATH_ROOM

struct registered {
    char name[128];
    char directory[REGISTRY_PATH_MAX];
    int pid;
    char host[320];
    char module[PATH_ROOM];
    char snapshot[PATH_ROOM]; /* may be empty, as may the next */
    char base[PATH_ROOM];     /* of the snapshots, unless it is said otherwise */
    bool wraps;               /* its snapshots are signed or encrypted by its own keys */
    bool leave_running;       /* it goes on after a checkpoint, whoever asks for one */
    bool hosted; /* it is another yado's host (scripts/hosts/cpus.conf), whose guest is listed */
    int life;    /* of the process that looks after it; else 0 */
};

/* "directory/file" in `path`. */
char *registry_path(const struct registered *entry, const char *file, char path[REGISTRY_PATH_MAX]);

/* Makes both locks' files in the entry's directory, and holds `life`. */
bool entry_live(struct registered *entry, struct error *error);
/* Whether somebody does. In doubt it is so. */
bool entry_is_alive(const struct registered *entry);

/* One of zeros holds nothing. */
struct turn {
    bool held;
    int lock;
};

/* Takes the turn if nobody has it and the entry is still this one. */
bool turn_try(struct turn *turn, const struct registered *entry);
void turn_end(struct turn *turn);

/* A move goes before others that wait: as long as this is said, they do not take their turn. */
void turn_claim(const struct registered *entry, bool claimed);

/* The same as turn_try for all but a move, which waits for `claimed` to be taken back as well. */
bool turn_try_politely(struct turn *turn, const struct registered *entry);

/* Whether the guest waits, or may be about to, for who asked for a snapshot of it. */
bool entry_is_held(const struct registered *entry);
/* The file by which it was let go, if it was. */
bool entry_was_let_go(const struct registered *entry, char path[REGISTRY_PATH_MAX]);

/* With the turn: removes what one asked for and nobody has taken: the request, `hold`, snapshots,
 * their bases. A guest that waited goes on. */
void entry_withdraw(const struct registered *entry);

/* Does so, unless somebody has the turn, for one that was killed. */
void entry_tidy(const struct registered *entry);

#endif
