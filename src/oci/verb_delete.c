/* verb_delete.c - `delete --force` of what is not there, or of what a call that was killed has left,
 * is no error. */
#include "oci/oci_container.h"

int verb_delete(struct call *call, struct error *error)
{
    struct below below;
    const char *const words[] = {"delete", call->force ? "--force" : call->id,
                                 call->force ? call->id : NULL, NULL};
    bool there = below_find(call, &below, call->force || container_exists(call) ? NULL : error);
    if (!there && !call->force && !container_exists(call))
        return -1;
    int code = there ? below_run(call, &below, words, error) : 0;
    if (code == 0 || (call->force && !below_find(call, &below, NULL)))
        return container_remove(call, error) ? 0 : -1;
    return code;
}
