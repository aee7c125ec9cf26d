/* calls.c - the calls that a guest's life is made of: the module's start function, `_initialize`, the
 * entry; from one to the next. */
#include <stdlib.h>

#include "guest/session.h"

static bool call_entry(struct guest *guest, struct error *error)
{
    const struct typed_value *values = (const void *)guest->arguments.data;
    uint32_t count = (uint32_t)(guest->arguments.size / sizeof *values);
    union value *arguments = calloc((size_t)count + 1, sizeof *arguments);
    if (!arguments)
        return error_set(error, ERROR_MEMORY, "no memory for arguments");
    for (uint32_t i = 0; i < count; i++)
        value_in(guest->instance, &values[i], &arguments[i]);
    guest->started = true;
    guest->stage = INITIALIZE_NONE;
    guest->initialize = 0;
    guest->arguments.size = 0;
    bool good = execution_call(guest->execution, guest->entry, arguments, error);
    free(arguments);
    return good;
}

bool guest_call_next(struct guest *guest, struct error *error)
{
    if (guest->stage != INITIALIZE_NEXT)
        return call_entry(guest, error);
    guest->stage = INITIALIZE_RUNS;
    return execution_call(guest->execution, guest->initialize, NULL, error);
}

bool guest_begin(struct guest *guest, struct error *error)
{
    guest->started = false;
    return guest->module->has_start
               ? execution_call(guest->execution, guest->module->start, NULL, error)
               : guest_call_next(guest, error);
}
