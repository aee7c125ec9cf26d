/* loop.c - the interpreter's loop: one switch over code.def.
 *
 * What is hot lives in C locals, so that the host's compiler keeps it in machine registers: pc, fp,
 * fuel, the memory's place and size. The function calls nothing: one call anywhere in it, and a
 * host's register allocator keeps all of them in memory (docs/performance.md). Whatever needs a
 * call ends the loop with LOOP_SLOW and is done in slow.c. One `switch` in one function, because a
 * Wasm host compiles that to faster code than tail calls (docs/design.md). */
#include "exec/access.h"
#include "exec/numeric.h"

/* Loops over slots stay loops. */
#if defined(__clang__)
#    define NO_CALLS __attribute__((no_builtin("memset", "memcpy", "memmove")))
#else
#    define NO_CALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* For the build that counts instructions (bench/counts). */
#ifndef BEFORE_INSTRUCTION
#    define BEFORE_INSTRUCTION(pc)
#endif

static const uint16_t exit_instruction[2] = {CODE_EXIT, 0};
const uint8_t *const exit_code = (const uint8_t *)exit_instruction;

/* The fields of the instruction at pc. */
#define FIELD(at) half(pc + (at))
#define WORD(at)  get_i32(pc + (at))
#define SLOT(at)  (fp + FIELD(at))

#define NEXT(length)    \
    {                   \
        pc += (length); \
        break;          \
    }
#define JUMP(at)                 \
    {                            \
        pc += (int32_t)WORD(at); \
        break;                   \
    }
#define TRAP(reason)                \
    {                               \
        execution->trap = (reason); \
        end = LOOP_TRAP;            \
        goto leave;                 \
    }
#define CHECK(reason)                       \
    {                                       \
        enum trap reason_ = (reason);       \
        if (UNLIKELY(reason_ != TRAP_NONE)) \
            TRAP(reason_)                   \
    }
/* One unit of fuel; pc is where execution goes on. */
#define FUEL(kind)                \
    if (UNLIKELY(--fuel == 0)) {  \
        execution->stop = (kind); \
        end = LOOP_OUT_OF_FUEL;   \
        goto leave;               \
    }
/* The instruction at pc is done by slow_instruction. */
#define LEAVE_SLOW       \
    {                    \
        end = LOOP_SLOW; \
        goto leave;      \
    }
#define BOUNDS(effective, bytes)                       \
    if (UNLIKELY((effective) + (bytes) > memory_size)) \
    TRAP(TRAP_MEMORY_BOUNDS)

/* Goes into a function of this instance whose frame is at `frame` and whose arguments are there. */
#define ENTER(callee, frame, caller)                                                              \
    {                                                                                             \
        uint8_t *frame_ = (frame);                                                                \
        if (UNLIKELY((size_t)(execution->stack_end - frame_) < (callee)->frame_size))             \
            TRAP(TRAP_STACK_EXHAUSTED)                                                            \
        for (uint32_t zero = (callee)->zero_start; zero != (callee)->zero_end; zero += SLOT_SIZE) \
            put_i64(frame_ + zero, 0);                                                            \
        put_link(frame_ + (callee)->link, (caller));                                              \
        fp = frame_;                                                                              \
        pc = (callee)->code;                                                                      \
        FUEL(SITE_ENTRY)                                                                          \
        break;                                                                                    \
    }

/* The function that a call_indirect means, when it is one of this instance's and of the type that
 * the instruction names; else NULL. */
static inline const struct function *own_callee(const struct instance *instance, uint32_t table,
                                                uint32_t index, const void *signature)
{
    const struct table *elements = instance->tables[table];
    if (UNLIKELY(index >= elements->size))
        return NULL;
    const struct function *callee = (const struct function *)elements->elements[index];
    return callee && callee->signature == signature ? callee : NULL;
}

/* Slots, lowest first: `to` may lie below `from`. */
static inline void move_slots(uint8_t *to, const uint8_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count * SLOT_SIZE; i += SLOT_SIZE)
        put_i64(to + i, get_i64(from + i));
}

NO_CALLS enum loop_end interpret(struct execution *execution)
{
    const struct instance *instance = execution->instance;
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    int32_t fuel = execution->fuel;
    uint8_t *memory = NULL;
    uint64_t memory_size = 0;
    enum loop_end end;
    if (instance->memory) {
        memory = instance->memory->base;
        memory_size = instance->memory->size;
    }

    for (;;) {
        BEFORE_INSTRUCTION(pc)
        switch (half(pc)) {
#define BINARY(name, in, out, value)                                      \
    case CODE_##name##_RR: {                                              \
        type_##in a = get_##in(SLOT(4)), b = get_##in(SLOT(6));           \
        put_##out(SLOT(2), (value));                                      \
        NEXT(8)                                                           \
    }                                                                     \
    case CODE_##name##_RK: {                                              \
        type_##in a = get_##in(SLOT(4)), b = (type_##in)(int32_t)WORD(8); \
        put_##out(SLOT(2), (value));                                      \
        NEXT(12)                                                          \
    }
#define BINARY_COMMUTES(name, in, out, value) BINARY(name, in, out, value)
#define BINARY_TRAPS(name, type, trap, value)                                   \
    case CODE_##name##_RR: {                                                    \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));           \
        CHECK(trap)                                                             \
        put_##type(SLOT(2), (value));                                           \
        NEXT(8)                                                                 \
    }                                                                           \
    case CODE_##name##_RK: {                                                    \
        type_##type a = get_##type(SLOT(4)), b = (type_##type)(int32_t)WORD(8); \
        CHECK(trap)                                                             \
        put_##type(SLOT(2), (value));                                           \
        NEXT(12)                                                                \
    }
#define BINARY_FLOAT(name, type, value)                               \
    case CODE_##name##_RR: {                                          \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6)); \
        put_##type(SLOT(2), (value));                                 \
        NEXT(8)                                                       \
    }
#define UNARY(name, in, out, value)      \
    case CODE_##name: {                  \
        type_##in a = get_##in(SLOT(4)); \
        put_##out(SLOT(2), (value));     \
        NEXT(8)                          \
    }
#define UNARY_TRAPS(name, in, out, trap, value) \
    case CODE_##name: {                         \
        type_##in a = get_##in(SLOT(4));        \
        CHECK(trap)                             \
        put_##out(SLOT(2), (value));            \
        NEXT(8)                                 \
    }
#define COMPARE(name, type, value, negated, swapped)                            \
    case CODE_##name##_RR: {                                                    \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));           \
        put_i32(SLOT(2), (value));                                              \
        NEXT(8)                                                                 \
    }                                                                           \
    case CODE_##name##_RK: {                                                    \
        type_##type a = get_##type(SLOT(4)), b = (type_##type)(int32_t)WORD(8); \
        put_i32(SLOT(2), (value));                                              \
        NEXT(12)                                                                \
    }                                                                           \
    case CODE_##name##_BR_RR: {                                                 \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));           \
        if (value)                                                              \
            JUMP(8)                                                             \
        NEXT(12)                                                                \
    }                                                                           \
    case CODE_##name##_BR_RK: {                                                 \
        type_##type a = get_##type(SLOT(2)), b = (type_##type)(int32_t)WORD(4); \
        if (value)                                                              \
            JUMP(8)                                                             \
        NEXT(12)                                                                \
    }                                                                           \
    case CODE_##name##_LOOP_RR: {                                               \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));           \
        if (!(value))                                                           \
            NEXT(12)                                                            \
        pc += (int32_t)WORD(8);                                                 \
        FUEL(SITE_LOOP)                                                         \
        break;                                                                  \
    }                                                                           \
    case CODE_##name##_LOOP_RK: {                                               \
        type_##type a = get_##type(SLOT(2)), b = (type_##type)(int32_t)WORD(4); \
        if (!(value))                                                           \
            NEXT(12)                                                            \
        pc += (int32_t)WORD(8);                                                 \
        FUEL(SITE_LOOP)                                                         \
        break;                                                                  \
    }
#define COMPARE_FLOAT(name, type, value, negated)                     \
    case CODE_##name##_RR: {                                          \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6)); \
        put_i32(SLOT(2), (value));                                    \
        NEXT(8)                                                       \
    }                                                                 \
    case CODE_##name##_BR_RR: {                                       \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4)); \
        if (value)                                                    \
            JUMP(8)                                                   \
        NEXT(12)                                                      \
    }                                                                 \
    case CODE_##name##_LOOP_RR: {                                     \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4)); \
        if (!(value))                                                 \
            NEXT(12)                                                  \
        pc += (int32_t)WORD(8);                                       \
        FUEL(SITE_LOOP)                                               \
        break;                                                        \
    }
#define LOAD_AT(in, out, value, effective_address, length) \
    {                                                      \
        uint64_t effective = (effective_address);          \
        BOUNDS(effective, sizeof(type_##in))               \
        type_##in a = load_##in(memory + effective);       \
        put_##out(SLOT(2), (value));                       \
        NEXT(length)                                       \
    }
#define LOAD(name, in, out, value)                                                            \
    case CODE_##name: LOAD_AT(in, out, value, (uint64_t)get_i32(SLOT(4)) + FIELD(6), 8)       \
    case CODE_##name##_FAR: LOAD_AT(in, out, value, (uint64_t)get_i32(SLOT(4)) + WORD(8), 12) \
    case CODE_##name##_ABS: LOAD_AT(in, out, value, (uint64_t)WORD(4), 8)
#define STORE_AT(in, out, slot, effective_address, length)           \
    {                                                                \
        uint64_t effective = (effective_address);                    \
        BOUNDS(effective, sizeof(type_##out))                        \
        store_##out(memory + effective, (type_##out)get_##in(slot)); \
        NEXT(length)                                                 \
    }
#define STORE(name, in, out)                                                                     \
    case CODE_##name: STORE_AT(in, out, SLOT(4), (uint64_t)get_i32(SLOT(2)) + FIELD(6), 8)       \
    case CODE_##name##_FAR: STORE_AT(in, out, SLOT(4), (uint64_t)get_i32(SLOT(2)) + WORD(8), 12) \
    case CODE_##name##_ABS: STORE_AT(in, out, SLOT(2), (uint64_t)WORD(4), 8)
#include "lower/code.def"

        case CODE_COPY: put_i64(SLOT(2), get_i64(SLOT(4))); NEXT(8)
        case CODE_CONST32: put_i32(SLOT(2), WORD(4)); NEXT(8)
        case CODE_CONST64: put_i64(SLOT(2), get_i64(pc + 4)); NEXT(12)
        case CODE_SELECT: {
            uint64_t a = get_i64(SLOT(4)), b = get_i64(SLOT(6));
            put_i64(SLOT(2), get_i32(SLOT(8)) ? a : b);
            NEXT(12)
        }
        case CODE_GLOBAL_GET:
            put_i64(SLOT(2), get_i64(address(pc + 4)));
            NEXT(4 + sizeof(uintptr_t))
        case CODE_GLOBAL_SET:
            put_i64(address(pc + 4), get_i64(SLOT(2)));
            NEXT(4 + sizeof(uintptr_t))

        case CODE_UNREACHABLE: TRAP(TRAP_UNREACHABLE)
        case CODE_NOP: NEXT(4)
        case CODE_BR: JUMP(4)
        case CODE_BR_LOOP:
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_IF:
            if (get_i32(SLOT(2)))
                JUMP(4)
            NEXT(8)
        case CODE_BR_IF_LOOP:
            if (!get_i32(SLOT(2)))
                NEXT(8)
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_UNLESS:
            if (!get_i32(SLOT(2)))
                JUMP(4)
            NEXT(8)
        case CODE_BR_UNLESS_LOOP:
            if (get_i32(SLOT(2)))
                NEXT(8)
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_TABLE: {
            uint32_t index = get_i32(SLOT(2)), count = WORD(4);
            index = index < count ? index : count;
            pc += (int32_t)get_i32(pc + 8 + (size_t)index * 4);
            break;
        }

        case CODE_CALL: {
            const struct function *callee = address(pc + 4);
            struct link caller = {pc + 4 + sizeof(uintptr_t), FIELD(2)};
            ENTER(callee, SLOT(2), caller)
        }
        case CODE_CALL_INDIRECT: {
            const struct function *callee =
                own_callee(instance, WORD(8), get_i32(SLOT(4)), address(pc + 12));
            if (UNLIKELY(!callee))
                LEAVE_SLOW
            struct link caller = {pc + 12 + sizeof(uintptr_t), FIELD(2)};
            ENTER(callee, SLOT(2), caller)
        }
        case CODE_RETURN_CALL: {
            const struct function *callee = address(pc + 8);
            struct link caller = get_link(SLOT(6));
            move_slots(fp, SLOT(2), FIELD(4));
            ENTER(callee, fp, caller)
        }
        case CODE_RETURN_CALL_INDIRECT: {
            const struct function *callee =
                own_callee(instance, WORD(12), get_i32(SLOT(4)), address(pc + 16));
            if (UNLIKELY(!callee))
                LEAVE_SLOW
            struct link caller = get_link(SLOT(8));
            move_slots(fp, SLOT(2), FIELD(6));
            ENTER(callee, fp, caller)
        }
        case CODE_RETURN: {
            struct link caller = get_link(SLOT(2));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN_ONE: {
            struct link caller = get_link(SLOT(2));
            put_i64(fp, get_i64(SLOT(4)));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN_MANY: {
            struct link caller = get_link(SLOT(2));
            move_slots(fp, SLOT(4), FIELD(6));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_EXIT: end = LOOP_DONE; goto leave;

        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): validated, so there is a memory */
        case CODE_MEMORY_SIZE: put_i32(SLOT(2), instance->memory->pages); NEXT(4)
        case CODE_REF_NULL: put_i64(SLOT(2), 0); NEXT(4)
        case CODE_REF_IS_NULL: put_i32(SLOT(2), get_ref(SLOT(4)) == 0); NEXT(8)
        case CODE_REF_FUNC:
            put_ref(SLOT(2), (reference)address(pc + 4));
            NEXT(4 + sizeof(uintptr_t))
#define SLOW(name, length) case CODE_##name:
#include "lower/code.def"
            LEAVE_SLOW
        default: __builtin_unreachable();
        }
    }

leave:
    execution->pc = pc;
    execution->fp = fp;
    execution->fuel = fuel;
    return end;
}
