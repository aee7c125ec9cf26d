/* init.h - the container's first process: this program again, started by the runtime below as
 * P/init. P is a folder of ours in the container that the guest does not see:
 *
 *     /dev/.yado/            on the container's own tmpfs; /.yado where there is none
 *         init               this program, read-only
 *         guest/             the guest's `/`: the image, and what is bound into the container, but
 *                            not /proc and /sys, through which a guest could reach this process
 *         control/           the registry of guests (cli/native/registry.h), with the one guest
 *                            "guest"; ROOT/guests/ID/control outside
 *
 * Its command line is `P/init run|restore OPTIONS...`: a command of `yado`, run in this process, so
 * that the guest's environment, this process's own, does not stand in anybody's list of processes. */
#ifndef OCI_INIT_H
#define OCI_INIT_H

#include <stdbool.h>

#include "base/path.h"

#define INIT_FOLDER     "/dev/.yado"
#define INIT_FOLDER_TOO "/.yado"
#define INIT_GUEST      "guest" /* its name in the registry */

bool init_is_wanted(const char *name);
/* Of a process that has to do with the guest: nothing is left of the container's environment, the
 * registry is in P/control, whose path `control` takes. False with errno. */
bool init_environment(const char *folder, char control[PATH_ROOM]);
/* Returns the exit code. */
int init_run(int argc, const char **argv);

#endif
