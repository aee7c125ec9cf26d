/* oci_container.h - a WebAssembly container's directory; native ones have none, and are the runtime's
 * below alone.
 *
 *     ROOT/guests/ID/
 *         bundle/config.json   for the runtime below (rewrite.h)
 *         control/             the container's P/control (init.h); its user's
 *         origin               the engine's bundle, for `state`, and P, uid and gid for `checkpoint`
 *
 * It is there from before the runtime below is called until after it has deleted the container, so
 * that `delete` finds whatever a call that was killed has left. */
#ifndef OCI_CONTAINER_H
#define OCI_CONTAINER_H

#include "oci/below.h"
#include "oci/config.h"
#include "oci/oci.h"

struct container {
    char directory[PATH_ROOM];
    char bundle[PATH_ROOM]; /* the engine's */
    char folder[64];        /* P */
    unsigned uid, gid;      /* of its program, in its own user namespace */
};

/* Whether there is one of the call's id. */
bool container_exists(const struct call *call);
bool container_load(const struct call *call, struct container *container, struct error *error);
/* Removes the directory, if it is there. */
bool container_remove(const struct call *call, struct error *error);

/* A guest that goes on: where its snapshots are put before it starts. Returns how many there are,
 * `names` being theirs in `control`; 0 with an error. */
#define SNAPSHOTS_MAX 1000
typedef size_t (*snapshot_bringer)(const struct call *call, const char *control, uid_t uid,
                                   gid_t gid, const char *names[SNAPSHOTS_MAX],
                                   struct error *error);

/* `create`; and with `bring` the half of `restore` before its guest runs. Returns as a verb does. */
int container_create(struct call *call, snapshot_bringer bring, struct error *error);

/* What `state` says of a container: "status" and "pid" are in it. The tree is the caller's. */
json_t *container_state(const struct call *call, struct error *error);

#endif
