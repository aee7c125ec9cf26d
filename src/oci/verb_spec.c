/* verb_spec.c - the runtime below writes it. */
#include "oci/below.h"

int verb_spec(struct call *call, struct error *error)
{
    struct below below;
    if (below_choose(call, &below, error))
        (void)below_become(call, &below, error);
    return -1;
}
