/* value.c - values between the interpreter's form and that of snapshots. */
#include <string.h>

#include "exec/execution.h"

bool reference_bits(const struct instance *instance, valtype type, reference ref, uint64_t *bits,
                    struct error *error)
{
    uint32_t funcidx;
    if (ref == 0)
        *bits = UINT32_MAX;
    else if (type == TYPE_EXTERNREF)
        *bits = ref - 1;
    else if (funcref_index(instance, ref, &funcidx))
        *bits = funcidx;
    else
        return error_set(error, ERROR_UNSUPPORTED, "a reference to a function of another module");
    return true;
}

/* Others than the module's own references come by what it imports only. */
static bool can_be_referenced(const struct module *module, uint64_t funcidx)
{
    return funcidx < module->nfuncs && (module->funcs[funcidx].referenced ||
                                        module->nimported_tables + module->nimported_globals > 0);
}

bool reference_of_bits(const struct instance *instance, valtype type, uint64_t bits, reference *ref)
{
    if (bits == UINT32_MAX)
        *ref = 0;
    else if (type == TYPE_EXTERNREF)
        *ref = (reference)bits + 1;
    else if (can_be_referenced(instance->module, bits))
        *ref = funcref_of(instance, (uint32_t)bits);
    else
        return false;
    return true;
}

bool value_out(const struct instance *instance, valtype type, union value bits,
               struct typed_value *value, struct error *error)
{
    memset(value, 0, sizeof *value);
    value->type = type;
    switch (type) {
    case TYPE_I64:
    case TYPE_F64: value->bits = bits.i64; return true;
    case TYPE_I32:
    case TYPE_F32: value->bits = bits.i32; return true;
    default: return reference_bits(instance, type, bits.ref, &value->bits, error);
    }
}

bool value_in(const struct instance *instance, const struct typed_value *value, union value *bits)
{
    *bits = (union value){.i64 = 0};
    if (value->type == TYPE_I64 || value->type == TYPE_F64) {
        bits->i64 = value->bits;
        return true;
    }
    if (value->bits > UINT32_MAX)
        return false;
    if (valtype_is_reference(value->type))
        return reference_of_bits(instance, value->type, value->bits, &bits->ref);
    bits->i32 = (uint32_t)value->bits;
    return true;
}
