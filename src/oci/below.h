/* below.h - the runtime below: crun or runc, which makes the containers.
 *
 * It keeps its own state in ROOT/crun or ROOT/runc; the one that has a directory of the container's
 * id there is the one that made it, whatever is installed since. For a new container: what
 * $YADO_OCI_RUNTIME names, else crun, which starts faster, where it works, else runc. */
#ifndef OCI_BELOW_H
#define OCI_BELOW_H

#include <sys/types.h>

#include "base/buffer.h"
#include "oci/oci.h"

struct below {
    char program[4097]; /* its path */
    char root[4097];    /* its --root */
    const char *kind;   /* "crun" or "runc" */
};

/* The one that made the container `call->id`; ERROR_USAGE when there is none. */
bool below_find(const struct call *call, struct below *below, struct error *error);
/* The one for a new container. ERROR_USAGE when the id is taken. */
bool below_choose(const struct call *call, struct below *below, struct error *error);

/* Runs it with the call's global options and these words, ended by NULL, its standard streams being
 * this process's, and waits. Returns its exit code, or -1 with an error. It reports its own errors
 * to --log. */
int below_run(const struct call *call, const struct below *below, const char *const *words,
              struct error *error);
/* The same for what prints something: that is appended to `output`; errors are in the message. */
bool below_ask(const struct call *call, const struct below *below, const char *const *words,
               struct buffer *output, struct error *error);
/* Becomes it, with the words of the call itself; returns only after a failure. */
bool below_become(const struct call *call, const struct below *below, struct error *error);

#endif
