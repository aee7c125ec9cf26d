/* instructions.h - what each instruction of the register code does: included by loop.c and tail.c, in the
 * middle of a `switch` or as functions. */

/* One that goes on behind itself, or branches. */
#define SINGLE(name)          \
    BEGIN(name)               \
        union value out = {.i64 = 0}; \
        PART(name, 0, true)   \
        GO_OVER(name)         \
        NEXT                  \
    END
#define FORM_PLAIN(name)  SINGLE(name)
#define FORM_BRANCH(name) SINGLE(name)
#define FORM_LOOP(name)   SINGLE(name)
#define FORM_OTHER(name)
#define FORM_SLOW(name)   \
    BEGIN(name)           \
        LEAVE(slow)        \
    END
#define FORM(name, length, kind) FORM_##kind(name)
#include "lower/forms.def"

#define FUSE2(first, link, second) \
    BEGIN(first##_##link##_##second) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, true) \
    GO_OVER(second) \
    NEXT \
    END
#define FUSE3(first, link, second, link2, third) \
    BEGIN(first##_##link##_##second##_##link2##_##third) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, true) \
    GO_OVER(third) \
    NEXT \
    END
#define FUSE4(first, link, second, link2, third, link3, fourth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_##link3##_##fourth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, LINK_KEEPS_##link3) \
    GO_OVER(third) \
    PART(fourth, LINK_FIELD_##link3, true) \
    GO_OVER(fourth) \
    NEXT \
    END
#define FUSE5(first, link, second, link2, third, link3, fourth, link4, fifth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_##link3##_##fourth##_##link4##_##fifth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, LINK_KEEPS_##link3) \
    GO_OVER(third) \
    PART(fourth, LINK_FIELD_##link3, LINK_KEEPS_##link4) \
    GO_OVER(fourth) \
    PART(fifth, LINK_FIELD_##link4, true) \
    GO_OVER(fifth) \
    NEXT \
    END
#define FUSE6(first, link, second, link2, third, link3, fourth, link4, fifth, link5, sixth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_##link3##_##fourth##_##link4##_##fifth##_##link5##_##sixth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, LINK_KEEPS_##link3) \
    GO_OVER(third) \
    PART(fourth, LINK_FIELD_##link3, LINK_KEEPS_##link4) \
    GO_OVER(fourth) \
    PART(fifth, LINK_FIELD_##link4, LINK_KEEPS_##link5) \
    GO_OVER(fifth) \
    PART(sixth, LINK_FIELD_##link5, true) \
    GO_OVER(sixth) \
    NEXT \
    END
#define JOIN2(first, second) \
    BEGIN(first##_JOIN_##second) \
    union value out = {.i64 = 0}; \
    PART(first, 0, true) \
    GO_OVER(first) \
    JOIN(second) \
    END
#define JOIN3(first, link, second, third) \
    BEGIN(first##_##link##_##second##_JOIN_##third) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, true) \
    GO_OVER(second) \
    JOIN(third) \
    END
#define JOIN4(first, link, second, link2, third, fourth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_JOIN_##fourth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, true) \
    GO_OVER(third) \
    JOIN(fourth) \
    END
#define JOIN5(first, link, second, link2, third, link3, fourth, fifth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_##link3##_##fourth##_JOIN_##fifth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, LINK_KEEPS_##link3) \
    GO_OVER(third) \
    PART(fourth, LINK_FIELD_##link3, true) \
    GO_OVER(fourth) \
    JOIN(fifth) \
    END
#define JOIN6(first, link, second, link2, third, link3, fourth, link4, fifth, sixth) \
    BEGIN(first##_##link##_##second##_##link2##_##third##_##link3##_##fourth##_##link4##_##fifth##_JOIN_##sixth) \
    union value out = {.i64 = 0}; \
    PART(first, 0, LINK_KEEPS_##link) \
    GO_OVER(first) \
    PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
    GO_OVER(second) \
    PART(third, LINK_FIELD_##link2, LINK_KEEPS_##link3) \
    GO_OVER(third) \
    PART(fourth, LINK_FIELD_##link3, LINK_KEEPS_##link4) \
    GO_OVER(fourth) \
    PART(fifth, LINK_FIELD_##link4, true) \
    GO_OVER(fifth) \
    JOIN(sixth) \
    END
#include "lower/fused.def"

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
    FUEL(out_of_fuel)
    NEXT
END
BEGIN(BR_TABLE)
    uint32_t index = get_i32(SLOT(2)), count = WORD(4);
    index = index < count ? index : count;
    pc += (int32_t)get_i32(pc + 8 + (size_t)index * 4);
    NEXT
END

BEGIN(CALL)
    const struct function *callee = address(pc + 4);
    struct link caller = {pc + LENGTH_CALL, FIELD(2)};
    ENTER(callee, SLOT(2), caller)
END
BEGIN(CALL_INDIRECT)
    const struct function *callee = own_callee(WORD(8), get_i32(SLOT(4)), address(pc + 12));
    if (UNLIKELY(!callee))
        LEAVE(slow)
    struct link caller = {pc + LENGTH_CALL_INDIRECT, FIELD(2)};
    ENTER(callee, SLOT(2), caller)
END
BEGIN(RETURN_CALL)
    const struct function *callee = address(pc + 8);
    struct link caller = get_link(SLOT(6));
    move_slots(fp, SLOT(2), FIELD(4));
    ENTER(callee, fp, caller)
END
BEGIN(RETURN_CALL_INDIRECT)
    const struct function *callee = own_callee(WORD(12), get_i32(SLOT(4)), address(pc + 16));
    if (UNLIKELY(!callee))
        LEAVE(slow)
    struct link caller = get_link(SLOT(8));
    move_slots(fp, SLOT(2), FIELD(6));
    ENTER(callee, fp, caller)
END
BEGIN(RETURN)
    struct link caller = get_link(SLOT(2));
    RETURN_TO(caller)
END
BEGIN(RETURN_ONE)
    struct link caller = get_link(SLOT(2));
    put_i64(fp, get_i64(SLOT(4)));
    RETURN_TO(caller)
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
    copy_upwards(memory + to, memory + from, count);
    MOVE_ON(LENGTH_MEMORY_COPY)
END
BEGIN(MEMORY_FILL)
    const uint8_t *operands = SLOT(2);
    uint64_t to = get_i32(operands);
    uint32_t count = get_i32(operands + 2 * SLOT_SIZE);
    if (count > SHORT_COPY || to + count > memory_size)
        LEAVE(slow)
    fill_bytes(memory + to, (uint8_t)get_i32(operands + SLOT_SIZE), count);
    MOVE_ON(LENGTH_MEMORY_FILL)
END
BEGIN(MEMORY_SIZE)
    put_i32(SLOT(2), (uint32_t)(memory_size >> 16));
    MOVE_ON(LENGTH_MEMORY_SIZE)
END
