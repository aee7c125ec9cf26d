/* rewrite.h - from the engine's config.json to the one that the runtime below gets, whose program is
 * ours (init.h) and has the module to run:
 *
 *     process.args    P/init run --name guest --dir P/guest::/ OPTIONS P/guest/APP.wasm ARGUMENTS
 *     root.path       absolute, as are the sources of binds: our bundle is another directory
 *     mounts          as they were; then P/init, P/control, P/guest, and in that again each bind
 *                     and tmpfs of the container
 *     ociVersion      1.0.2, for a runtime below that knows no more
 *
 * Everything else, namespaces, cgroups, seccomp, capabilities, hooks, is the runtime's below. */
#ifndef OCI_REWRITE_H
#define OCI_REWRITE_H

#include "oci/config.h"

struct rewriting {
    const char *self;    /* the path of this program */
    const char *control; /* the directory outside that becomes P/control */
    /* Of a guest that is restored: names of files in `control`, the snapshot and then its bases. */
    const char *const *snapshots;
    size_t nsnapshots;
};

/* Changes config->tree. */
bool config_rewrite(struct config *config, const struct rewriting *how, struct error *error);

#endif
