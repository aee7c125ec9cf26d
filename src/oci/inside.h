/* inside.h - asking a container's guest for its snapshot. That is done by a child that has entered
 * the container's mounts and become its user: whatever a process in there has put into P/control,
 * links included, leads nowhere but into the container. Only open files cross the border. */
#ifndef OCI_INSIDE_H
#define OCI_INSIDE_H

#include "base/buffer.h"
#include "oci/container.h"

struct inside {
    const struct container *container;
    int pid;    /* of its first process, as this process sees it */
    int output; /* the snapshot is written here */
    int base;   /* an open snapshot that it is based on, or -1 */
    bool leave_running;
};

/* `said` gets what `yado checkpoint` prints. When it fails the guest goes on. */
bool inside_checkpoint(const struct inside *inside, struct buffer *said, struct error *error);

#endif
