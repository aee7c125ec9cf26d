#include "wasi/imports.h"

#include <stddef.h>
#include <string.h>

enum modules { BOTH, LATEST };
enum waits { RUNS, WAITS };

static const struct signature {
    const char *name;
    const char *parameters;
    const char *results;
    enum modules modules;
    enum waits waits;
} signatures[] = {
#define FUNCTION(name, parameters, results, modules, waits) \
    {#name, parameters, results, modules, waits},
#include "wasi/functions.def"
};

int wasi_function_named(struct span module, struct span name)
{
    bool latest = span_is(module, "wasi_snapshot_preview1");
    if (!latest && !span_is(module, "wasi_unstable"))
        return -1;
    for (int i = 0; i < (int)(sizeof signatures / sizeof *signatures); i++)
        if (span_is(name, signatures[i].name))
            return latest || signatures[i].modules == BOTH ? i : -1;
    return -1;
}

bool wasi_import_can_stop(const struct import *import)
{
    int function = wasi_function_named(import->module, import->name);
    return function < 0 || signatures[function].waits == WAITS;
}

static bool has_types(const valtype *types, uint32_t count, const char *letters)
{
    if (strlen(letters) != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (types[i] != (letters[i] == 'i' ? TYPE_I32 : TYPE_I64))
            return false;
    return true;
}

bool wasi_function_has(int function, const struct functype *type)
{
    const struct signature *signature = &signatures[function];
    return has_types(type->types, type->nparams, signature->parameters) &&
           has_types(type->types + type->nparams, type->nresults, signature->results);
}
