#include "oci/oci_container.h"

int verb_create(struct call *call, struct error *error)
{
    return container_create(call, NULL, error);
}
