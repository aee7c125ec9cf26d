#include "cli/invoke.h"

#include <stdio.h>

#include "base/number.h"

static bool refuse(const struct options *options, struct error *error, const char *why)
{
    return error_set(error, ERROR_USAGE, "--invoke %s: %s", options->guest.invoke, why);
}

static const struct functype *type_of(const struct guest *guest)
{
    return module_functype(guest->module, guest->entry);
}

static bool take_argument(struct guest *guest, valtype type, const char *text, struct error *error)
{
    struct typed_value value = {.type = type};
    bool is_float = type == TYPE_F32 || type == TYPE_F64;
    if (valtype_is_reference(type) || !(is_float ? number_parse_float : number_parse_integer)(
                                          text, type == TYPE_I64 || type == TYPE_F64, &value.bits))
        return error_set(error, ERROR_USAGE, "argument %s: not a number of the type %s", text,
                         valtype_name(type));
    buffer_put(&guest->arguments, &value, sizeof value);
    return !guest->arguments.failed || error_set(error, ERROR_MEMORY, "no memory for arguments");
}

static bool invoke(struct guest *guest, const struct options *options, struct error *error)
{
    const struct module *module = guest->module;
    const struct export *export = module_export(module, EXTERN_FUNC, options->guest.invoke);
    if (!export)
        return refuse(options, error, "the module exports no function of that name");
    if (export->index < module->nimported_funcs)
        return refuse(options, error, "the module only imports that function");
    guest->entry = export->index;
    const struct functype *type = type_of(guest);
    if ((uint32_t)options->npositional - 1 != type->nparams)
        return error_set(error, ERROR_USAGE, "--invoke %s: it takes %u arguments, not %d",
                         options->guest.invoke, type->nparams, options->npositional - 1);
    for (uint32_t i = 0; i < type->nparams; i++)
        if (!take_argument(guest, type->types[i], options->positional[i + 1], error))
            return false;
    return true;
}

/* Finds a function that takes and returns nothing; false when it does. */
static bool find(const struct guest *guest, const char *name, const struct export **found,
                 struct error *error)
{
    *found = module_export(guest->module, EXTERN_FUNC, name);
    const struct functype *type = *found ? module_functype(guest->module, (*found)->index) : NULL;
    return !type || type->nparams + type->nresults == 0 ||
           error_set(error, ERROR_LINK, "%s takes or returns values", name);
}

bool invoke_prepare(struct guest *guest, const struct options *options, struct error *error)
{
    const struct export *start, *initialize;
    if (!find(guest, "_initialize", &initialize, error))
        return false;
    if (initialize) {
        guest->stage = INITIALIZE_NEXT;
        guest->initialize = initialize->index;
    }
    if (options->guest.invoke)
        return invoke(guest, options, error);
    if (!find(guest, "_start", &start, error))
        return false;
    if (!start && !initialize)
        return error_set(error, ERROR_LINK,
                         "it exports neither _start nor _initialize: name a function of it by "
                         "--invoke");
    guest->entry = (start ? start : initialize)->index;
    if (!start) {
        guest->stage = INITIALIZE_NONE; /* it is the entry itself */
        guest->initialize = 0;
    }
    return true;
}

static void print_float(uint64_t bits, bool wide)
{
    char text[NUMBER_TEXT];
    number_float_text(bits, wide, text);
    puts(text);
}

static void print_value(valtype type, union value value)
{
    switch (type) {
    case TYPE_I32: printf("%d\n", (int32_t)value.i32); break;
    case TYPE_I64: printf("%lld\n", (long long)value.i64); break;
    case TYPE_F32: print_float(value.i32, false); break;
    case TYPE_F64: print_float(value.i64, true); break;
    default: printf("<%s%s>\n", value.ref ? "" : "null ", valtype_name(type));
    }
}

void invoke_print_results(const struct guest *guest)
{
    const struct functype *type = type_of(guest);
    for (uint32_t i = 0; i < type->nresults; i++)
        print_value(type->types[type->nparams + i], execution_result(guest->execution, i));
}
