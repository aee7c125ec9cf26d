#include "wasm/constant.h"

#include "base/buffer.h"

/* The topmost operand is in `value`, those below it are on the stack. */
struct constant_stack {
    struct buffer below;
    uint64_t value;
    bool empty;
};

static void push(struct constant_stack *stack, uint64_t value)
{
    if (!stack->empty) /* most have nothing below: there may be thousands */
        buffer_put(&stack->below, &stack->value, sizeof value);
    stack->empty = false;
    stack->value = value;
}

static uint64_t pop_below(struct constant_stack *stack)
{
    uint64_t value = 0;
    if (!stack->below.failed) {
        stack->below.size -= sizeof value;
        memcpy(&value, stack->below.data + stack->below.size, sizeof value);
    }
    return value;
}

uint64_t constant_bits(struct reader *reader, constant_resolver resolve, const void *context)
{
    struct constant_stack stack = {.empty = true};
    struct instruction i;
    while (walk_next(reader, &i) && i.opcode != WASM_END) {
        switch (i.opcode) {
        case WASM_I32_CONST:
        case WASM_I64_CONST:
        case WASM_F32_CONST:
        case WASM_F64_CONST: push(&stack, i.bits); break;
        case WASM_I32_ADD: stack.value = (uint32_t)(pop_below(&stack) + stack.value); break;
        case WASM_I32_SUB: stack.value = (uint32_t)(pop_below(&stack) - stack.value); break;
        case WASM_I32_MUL: stack.value = (uint32_t)(pop_below(&stack) * stack.value); break;
        case WASM_I64_ADD: stack.value = pop_below(&stack) + stack.value; break;
        case WASM_I64_SUB: stack.value = pop_below(&stack) - stack.value; break;
        case WASM_I64_MUL: stack.value = pop_below(&stack) * stack.value; break;
        default: push(&stack, resolve(context, i.opcode, i.index));
        }
    }
    buffer_free(&stack.below);
    return stack.value;
}
