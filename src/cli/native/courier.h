/* courier.h - what a host must not have as it is: snapshots that are signed or encrypted, of which it
 * knows the plain form only, and what an untrusted snapshot's notes name, its module and its bases,
 * for which no directory is given to the host. They pass through the guest's directory in the
 * registry, which nobody else can enter; what is secret is removed from it as soon as it is taken.
 *
 *     FILE of `restore`, if closed, or with its bases  ──▶ restore   ─▶ host, which removes it then
 *     its module                                       ──▶ module    ─▶ host
 *     --base                             ──opened──▶ opened    ─▶ host, at each checkpoint
 *     --snapshot              ◀──signed, encrypted── outgoing  ◀─ host
 *     --trigger                         ───────────▶ trigger   ─▶ host; removed with the snapshot
 *     answer, snapshot        ◀──signed, encrypted── answer.host, snapshot ◀─ host, for
 *                                                    `yado checkpoint` */
#ifndef CLI_NATIVE_COURIER_H
#define CLI_NATIVE_COURIER_H

#include <limits.h>

#include "cli/native/registry.h"
#include "cli/options.h"

struct courier {
    const struct options *given;
    const struct registered *entry;
    struct options options; /* the given ones as the host is to have them */
    bool carries;           /* snapshots are signed or encrypted on their way */
    bool triggered;
    bool failed;        /* one did not arrive */
    const char *answer; /* where the host answers requests: a file in the registry */
    const char *file;   /* FILE for the host */
    char module[REGISTRY_PATH_MAX], module_note[PATH_MAX];
    char restore[REGISTRY_PATH_MAX], base[REGISTRY_PATH_MAX], outgoing[REGISTRY_PATH_MAX],
        trigger[REGISTRY_PATH_MAX], base_note[4096];
};

/* Opens and brings what the host reads. `given` and `entry` must outlive the courier, which is not to be
 * moved. */
bool courier_begin(struct courier *courier, enum command command, const struct options *given,
                   const struct registered *entry, struct error *error);
/* Takes what is there; while the host runs, and once when it has ended. `context` is the courier.
 */
void courier_look(void *context);

#endif
