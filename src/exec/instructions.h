/* instructions.h - what each instruction of the register code does: included by loop.c and tail.c,
 * in the middle of a `switch` or as functions. */

/* One that goes on behind itself, or branches. */
#define SINGLE(name)        \
    BEGIN(name)             \
    PART(out, name, kept, ) \
    NEXT END
#define FORM_PLAIN(name)  SINGLE(name)
#define FORM_EFFECT(name) SINGLE(name)
#define FORM_BRANCH(name) SINGLE(name)
#define FORM_LOOP(name)   SINGLE(name)
#define FORM_OTHER(name)
#define FORM_SLOW(name) \
    BEGIN(name)         \
    LEAVE(slow)         \
    END
#define FORM(name, length, kind) FORM_##kind(name)
#include "lower/forms.def"

/* Fused ones. The names of BEGIN are macros' results here. */
#define BEGIN_AT(name) BEGIN(name)
#define FUSED(parts)                    \
    BEGIN_AT(AT_LINE(FUSED_, __LINE__)) \
    parts NEXT END
#define RETURNS(part) RETURN_VALUE((part).i64)
#include "lower/generated/fused.def"

/* clang-format off */
BEGIN(UNREACHABLE)
    TRAP(TRAP_UNREACHABLE)
END
BEGIN(NOP)
    MOVE_ON(4)
END
BEGIN(BR)
    JUMP(4)
END
BEGIN(BR_LOOP)
    pc += (int32_t)WORD(4);
    BACK
END
BEGIN(BR_TABLE)
    uint32_t index = get_i32(SLOT(2)), count = WORD(4);
    index = index < count ? index : count;
    pc += (int32_t)get_i32(pc + 8 + (size_t)index * 4);
    NEXT
END

BEGIN(CALL)
    struct link caller = {pc + LENGTH_CALL, FIELD(2)};
    ENTER(address(pc + 4), SLOT(2), caller)
END
BEGIN(CALL_INDIRECT)
    const struct function *callee = own_callee(WORD(8), get_i32(SLOT(4)), address(pc + 12));
    if (UNLIKELY(!callee))
        LEAVE(slow)
    struct link caller = {pc + LENGTH_CALL_INDIRECT, FIELD(2)};
    ENTER(callee->code, SLOT(2), caller)
END
BEGIN(RETURN_CALL)
    const struct function *callee = address(pc + 8);
    struct link caller = get_link(SLOT(6));
    move_slots(fp, SLOT(2), FIELD(4));
    ENTER(callee->code, fp, caller)
END
BEGIN(RETURN_CALL_INDIRECT)
    const struct function *callee = own_callee(WORD(12), get_i32(SLOT(4)), address(pc + 16));
    if (UNLIKELY(!callee))
        LEAVE(slow)
    struct link caller = get_link(SLOT(8));
    move_slots(fp, SLOT(2), FIELD(6));
    ENTER(callee->code, fp, caller)
END
BEGIN(RETURN)
    struct link caller = get_link(SLOT(2));
    RETURN_TO(caller)
END
BEGIN(RETURN_ONE)
    RETURN_VALUE(get_i64(SLOT(4)))
END
BEGIN(RETURN_MANY)
    struct link caller = get_link(SLOT(2));
    move_slots(fp, SLOT(4), FIELD(6));
    RETURN_TO(caller)
END
BEGIN(EXIT)
    LEAVE(done)
END

/* Short ones; slow_instruction does the others, and those that trap. */
BEGIN(MEMORY_COPY)
    const uint8_t *operands = SLOT(2);
    uint64_t to = get_i32(operands), from = get_i32(operands + SLOT_SIZE);
    uint32_t count = get_i32(operands + 2 * SLOT_SIZE);
    if (count > SHORT_COPY || to + count > memory_size || from + count > memory_size ||
        (to > from && to - from < count))
        LEAVE(slow)
    copy_upwards(memory + MEMORY_BIAS + to, memory + MEMORY_BIAS + from, count);
    MOVE_ON(LENGTH_MEMORY_COPY)
END
BEGIN(MEMORY_FILL)
    const uint8_t *operands = SLOT(2);
    uint64_t to = get_i32(operands);
    uint32_t count = get_i32(operands + 2 * SLOT_SIZE);
    if (count > SHORT_COPY || to + count > memory_size)
        LEAVE(slow)
    fill_bytes(memory + MEMORY_BIAS + to, (uint8_t)get_i32(operands + SLOT_SIZE), count);
    MOVE_ON(LENGTH_MEMORY_FILL)
END
BEGIN(MEMORY_SIZE)
    put_i32(SLOT(2), (uint32_t)(memory_size >> 16));
    MOVE_ON(LENGTH_MEMORY_SIZE)
END

BEGIN(WIDE_GET)
    put_i64(SLOT(2), get_i64(fp + WORD(4)));
    MOVE_ON(LENGTH_WIDE_GET)
END
BEGIN(WIDE_PUT)
    put_i64(fp + WORD(4), get_i64(SLOT(2)));
    MOVE_ON(LENGTH_WIDE_PUT)
END
    /* clang-format on */
