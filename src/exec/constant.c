/* constant.c - constant expressions (specification, Validation, Constant Expressions). They have
 * been validated, so only the values matter here. */
#include "base/buffer.h"
#include "exec/function.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

static union value binary(uint32_t opcode, union value a, union value b)
{
    switch (opcode) {
    case WASM_I32_ADD: return (union value){.i32 = a.i32 + b.i32};
    case WASM_I32_SUB: return (union value){.i32 = a.i32 - b.i32};
    case WASM_I32_MUL: return (union value){.i32 = a.i32 * b.i32};
    case WASM_I64_ADD: return (union value){.i64 = a.i64 + b.i64};
    case WASM_I64_SUB: return (union value){.i64 = a.i64 - b.i64};
    default: /* WASM_I64_MUL */ return (union value){.i64 = a.i64 * b.i64};
    }
}

static union value literal(const struct instance *instance, uint32_t opcode, const uint8_t **at)
{
    switch (opcode) {
    case WASM_I32_CONST: return (union value){.i32 = (uint32_t)leb_s32(at)};
    case WASM_I64_CONST: return (union value){.i64 = (uint64_t)leb_s64(at)};
    case WASM_F32_CONST: *at += 4; return (union value){.i32 = get_le32(*at - 4)};
    case WASM_F64_CONST: *at += 8; return (union value){.i64 = get_le64(*at - 8)};
    case WASM_GLOBAL_GET: return instance->globals[leb_u32(at)]->value;
    case WASM_REF_FUNC: return (union value){.ref = funcref_of(instance, leb_u32(at))};
    default: /* WASM_REF_NULL */ *at += 1; return (union value){.ref = 0};
    }
}

/* The topmost operand is in `value`, those below it are on the stack. */
union value constant_value(const struct instance *instance, const uint8_t **at)
{
    struct buffer stack = {0};
    union value value = {.i64 = 0};
    const uint8_t *start = *at;
    for (;;) {
        uint32_t opcode = *(*at)++;
        if (opcode == WASM_END)
            break;
        if ((opcode >= WASM_I32_ADD && opcode <= WASM_I32_MUL) ||
            (opcode >= WASM_I64_ADD && opcode <= WASM_I64_MUL)) {
            union value below = value;
            if (!stack.failed) {
                stack.size -= sizeof below;
                memcpy(&below, stack.data + stack.size, sizeof below);
            }
            value = binary(opcode, below, value);
        } else {
            if (*at - 1 != start) /* most have nothing below: there may be thousands */
                buffer_put(&stack, &value, sizeof value);
            value = literal(instance, opcode, at);
        }
    }
    buffer_free(&stack);
    return value;
}
