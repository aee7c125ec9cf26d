/* courier.h - what a host must not have as it is, nor write where others can read: plain snapshots
 * only are known to it, and for what an untrusted snapshot's notes name, its module and its bases, no
 * directory is given to it. They pass through the guest's directory in the registry, which nobody
 * else can enter; what is secret is removed from it as soon as it is taken.
 *
 *     FILE of `restore`, if closed, or with its bases  ──▶ restore   ─▶ host, which removes it then
 *     its module                                       ──▶ module    ─▶ host
 *     --base                              ──opened──▶ opened    ─▶ host, at each checkpoint
 *     --snapshot               ◀──signed, encrypted── outgoing  ◀─ host
 *                or  ◀──renamed── FOLDER/.yado-XXXXXX/outgoing  ◀─ host, FOLDER being FILE's
 *     --trigger                          ───────────▶ trigger   ─▶ host; removed with the snapshot
 *     answer, snapshot         ◀──signed, encrypted── answer.host, snapshot ◀─ host, for
 *                                                     `yado checkpoint` */
#ifndef CLI_NATIVE_COURIER_H
#define CLI_NATIVE_COURIER_H

#include <limits.h>

#include "cli/native/registry.h"
#include "cli/options.h"

struct courier {
    const struct options *given;
    const struct registered *entry;
    struct options options; /* the given ones as the host is to have them */
    bool carries;           /* snapshots do not go straight to where they belong */
    bool wraps;             /* and are signed or encrypted on their way */
    bool triggered;
    bool failed;        /* one did not arrive */
    const char *answer; /* where the host answers requests: a file in the registry */
    const char *file;   /* FILE for the host */
    char module[REGISTRY_PATH_MAX], module_note[PATH_ROOM];
    char restore[REGISTRY_PATH_MAX], base[REGISTRY_PATH_MAX], outgoing[REGISTRY_PATH_MAX],
        trigger[REGISTRY_PATH_MAX], base_note[PATH_ROOM];
    char taken[PATH_ROOM], folder[PATH_ROOM]; /* the folder beside FILE, or "" */
    char kept[PATH_ROOM]; /* the newest that could not be written where it belongs, or "" */
};

/* Opens and brings what the host reads. `given` and `entry` must outlive the courier, which is not to be
 * moved. */
bool courier_begin(struct courier *courier, enum command command, const struct options *given,
                   const struct registered *entry, struct error *error);
/* Takes what is there; while the host runs, and once when it has ended. `context` is the courier.
 */
void courier_look(void *context);
/* The host has ended, and nothing more comes. */
void courier_end(struct courier *courier);

#endif
