#include <stdio.h>
#include <stdlib.h>

#include "oci/oci_container.h"

int verb_state(struct call *call, struct error *error)
{
    json_t *state = container_state(call, error);
    char *text = state ? json_dumps(state, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    json_decref(state);
    free(text);
    return text ? 0 : -1;
}
