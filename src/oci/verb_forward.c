/* verb_forward.c - what the runtime below does for a container of any kind: start, kill, pause,
 * resume, exec, ps, events, update. */
#include "oci/below.h"

int verb_forward(struct call *call, struct error *error)
{
    struct below below;
    if (below_find(call, &below, error))
        (void)below_become(call, &below, error);
    return -1;
}
