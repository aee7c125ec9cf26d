/* call.c - the section of the calls that are still to come: the module's start function,
 * `_initialize`, the entry (guest/calls.c makes them). Its writer and reader. */
#include "state/call.h"

/* The writer. */

bool call_is_pending(const struct guest *guest)
{
    return guest->stage != INITIALIZE_NONE || guest->arguments.size > 0;
}

bool write_call(struct writer *writer, const struct guest *guest)
{
    struct buffer buffer = {0};
    uint32_t count = (uint32_t)(guest->arguments.size / sizeof(struct typed_value));
    const struct typed_value *values = (const void *)guest->arguments.data;
    buffer_put_u8(&buffer, (uint8_t)guest->stage);
    buffer_put_u32(&buffer, guest->initialize);
    buffer_put_u32(&buffer, count);
    for (uint32_t i = 0; i < count; i++)
        put_value(&buffer, &values[i]);
    return write_buffer(writer, SECTION_CALL, &buffer);
}

/* The reader. */

bool open_call(struct snapshot *snapshot, struct error *error)
{
    if (!snapshot->call.data)
        return true;
    struct cursor cursor = cursor_of(snapshot, SECTION_CALL, &snapshot->call, error);
    uint8_t stage = cursor_u8(&cursor);
    snapshot->stage = (enum initialize)stage;
    snapshot->initialize = cursor_u32(&cursor);
    uint32_t count = cursor_u32(&cursor);
    if (!cursor.good)
        return false;
    if (snapshot->started || stage > INITIALIZE_RUNS ||
        (stage == INITIALIZE_NONE && (snapshot->initialize || count == 0)))
        return cursor_refuse(&cursor, "is malformed");
    return true;
}

/* The arguments, which must be those that the entry takes; to `arguments`, unless it is NULL. */
static bool take_arguments(const struct snapshot *snapshot, const struct instance *instance,
                           struct buffer *arguments, struct error *error)
{
    const struct functype *type = module_functype(instance->module, snapshot->entry);
    struct cursor cursor = cursor_of(snapshot, SECTION_CALL, &snapshot->call, error);
    cursor_take(&cursor, 5);
    if (cursor_u32(&cursor) != type->nparams)
        return cursor_refuse(&cursor, "has another number of arguments than the function takes");
    for (uint32_t i = 0; i < type->nparams; i++) {
        struct typed_value value;
        union value bits;
        if (!cursor_value(&cursor, &value))
            return false;
        if (value.type != type->types[i] || !value_in(instance, &value, &bits))
            return cursor_refuse(&cursor, "has an argument that the function cannot take");
        if (arguments)
            buffer_put(arguments, &value, sizeof value);
    }
    return cursor_end(&cursor);
}

bool check_call(const struct snapshot *snapshot, const struct instance *instance,
                struct error *error)
{
    const struct module *module = instance->module;
    struct cursor cursor = cursor_of(snapshot, SECTION_CALL, &snapshot->call, error);
    if (snapshot->stage != INITIALIZE_NONE && snapshot->initialize >= module->nfuncs)
        return cursor_refuse(&cursor, "names a function that the module does not have");
    if (snapshot->stage != INITIALIZE_NONE) {
        const struct functype *type = module_functype(module, snapshot->initialize);
        if (type->nparams + type->nresults > 0)
            return cursor_refuse(&cursor, "initializes by a function that takes or returns values");
    }
    return take_arguments(snapshot, instance, NULL, error);
}

bool guest_from_snapshot(struct guest *guest, const struct snapshot *snapshot, struct error *error)
{
    guest->started = snapshot->started;
    guest->entry = snapshot->entry;
    guest->stage = snapshot->stage;
    guest->initialize = snapshot->initialize;
    guest->arguments.size = 0;
    if (snapshot->call.data && !take_arguments(snapshot, guest->instance, &guest->arguments, error))
        return false;
    return !guest->arguments.failed || error_set(error, ERROR_MEMORY, "no memory for arguments");
}
