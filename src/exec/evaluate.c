/* evaluate.c - constant expressions in an instance. */
#include "wasm/constant.h"

#include "exec/function.h"

static uint64_t resolve(const void *context, enum opcode opcode, uint32_t index)
{
    const struct instance *instance = context;
    if (opcode == WASM_REF_FUNC)
        return funcref_of(instance, index);
    if (opcode == WASM_REF_NULL)
        return 0;
    const struct global_instance *global = instance->globals[index];
    switch (global->type.type) {
    case TYPE_I32:
    case TYPE_F32: return global->value.i32;
    case TYPE_I64:
    case TYPE_F64: return global->value.i64;
    default: return global->value.ref;
    }
}

union value constant_value(const struct instance *instance, valtype type, struct reader *at)
{
    uint64_t bits = constant_bits(at, resolve, instance);
    switch (type) {
    case TYPE_I32:
    case TYPE_F32: return (union value){.i32 = (uint32_t)bits};
    case TYPE_I64:
    case TYPE_F64: return (union value){.i64 = bits};
    default: return (union value){.ref = (reference)bits};
    }
}
