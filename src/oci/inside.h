/* inside.h - asking a container's guest for its snapshot. That is done by a child that has entered
 * the container's mounts and become its user: whatever a process in there has put into P/control,
 * links included, leads nowhere but into the container. Only open files cross the border.
 *
 *     inside_ask      ─▶ child: request, answer, snapshot ─▶ `output`; the guest is held
 *     inside_decide   ─▶ child: the guest ends, or goes on (cli/request.h)
 *
 * Between the two nothing in the guest changes, so that what belongs to the snapshot (the files of
 * the image, a freezer) can be seen to. */
#ifndef OCI_INSIDE_H
#define OCI_INSIDE_H

#include "base/buffer.h"
#include "oci/oci_container.h"

struct inside {
    const struct container *container;
    int pid;     /* of its first process, as this process sees it */
    int output;  /* the snapshot is written here */
    int base;    /* an open snapshot that it is based on, or -1 */
    pid_t child; /* the next two are its own */
    int verdict;
};

/* `said` gets the guest's answer, lines "key=value" (size, nanoseconds, place). When it fails there
 * is nothing to decide: the guest goes on. */
bool inside_ask(struct inside *inside, struct buffer *said, struct error *error);
/* Whether the guest has been told. One that was told nothing goes on. */
bool inside_decide(struct inside *inside, bool leave);

#endif
