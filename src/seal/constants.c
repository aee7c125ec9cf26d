#include "seal/linking.h"
#include "wasm/opcodes.h"
#include "wasm/reader.h"

static uint64_t binary(uint32_t opcode, uint64_t a, uint64_t b)
{
    switch (opcode) {
    case WASM_I32_ADD: return (uint32_t)(a + b);
    case WASM_I32_SUB: return (uint32_t)(a - b);
    case WASM_I32_MUL: return (uint32_t)(a * b);
    case WASM_I64_ADD: return a + b;
    case WASM_I64_SUB: return a - b;
    default: /* WASM_I64_MUL */ return a * b;
    }
}

static uint64_t literal(uint32_t opcode, const uint8_t **at)
{
    switch (opcode) {
    case WASM_I32_CONST: return (uint32_t)leb_s32(at);
    case WASM_I64_CONST: return (uint64_t)leb_s64(at);
    case WASM_F32_CONST: *at += 4; return get_le32(*at - 4);
    case WASM_F64_CONST: *at += 8; return get_le64(*at - 8);
    case WASM_REF_FUNC: return leb_u32(at);
    default: /* WASM_REF_NULL */ *at += 1; return UINT32_MAX;
    }
}

/* No global.get: that would be of an imported global, and the module has none. The topmost operand
 * is in `value`, those below it are on the stack. */
uint64_t constant_bits(const struct module *module, const struct constexpr *expression)
{
    struct buffer stack = {0};
    uint64_t value = 0;
    const uint8_t *start = module->bytes + expression->start, *at = start;
    for (uint32_t opcode; (opcode = *at++) != WASM_END;) {
        if ((opcode >= WASM_I32_ADD && opcode <= WASM_I32_MUL) ||
            (opcode >= WASM_I64_ADD && opcode <= WASM_I64_MUL)) {
            uint64_t below = 0;
            if (!stack.failed) {
                stack.size -= sizeof below;
                memcpy(&below, stack.data + stack.size, sizeof below);
            }
            value = binary(opcode, below, value);
        } else {
            if (at - 1 != start) /* most have nothing below: there may be thousands */
                buffer_put(&stack, &value, sizeof value);
            value = literal(opcode, &at);
        }
    }
    buffer_free(&stack);
    return value;
}
