#include "wasm/constant.h"

#include "base/buffer.h"
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

/* The topmost operand is in `value`, those below it are on the stack. */
uint64_t constant_bits(const uint8_t **at, constant_resolver resolve, const void *context)
{
    struct buffer stack = {0};
    uint64_t value = 0;
    const uint8_t *start = *at;
    for (uint32_t opcode; (opcode = *(*at)++) != WASM_END;) {
        if ((opcode >= WASM_I32_ADD && opcode <= WASM_I32_MUL) ||
            (opcode >= WASM_I64_ADD && opcode <= WASM_I64_MUL)) {
            uint64_t below = 0;
            if (!stack.failed) {
                stack.size -= sizeof below;
                memcpy(&below, stack.data + stack.size, sizeof below);
            }
            value = binary(opcode, below, value);
            continue;
        }
        if (*at - 1 != start) /* most have nothing below: there may be thousands */
            buffer_put(&stack, &value, sizeof value);
        switch (opcode) {
        case WASM_I32_CONST: value = (uint32_t)leb_s32(at); break;
        case WASM_I64_CONST: value = (uint64_t)leb_s64(at); break;
        case WASM_F32_CONST: *at += 4, value = get_le32(*at - 4); break;
        case WASM_F64_CONST: *at += 8, value = get_le64(*at - 8); break;
        default: value = resolve(context, opcode, leb_u32(at));
        }
    }
    buffer_free(&stack);
    return value;
}
