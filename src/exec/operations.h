/* operations.h - what each plain instruction and each branch's test does, as an inline function
 * made from its line of code.def; internal to exec/.
 *
 * The loop calls do_NAME for the instruction by itself, and for a fused one do_NAME of its parts:
 * then one takes an earlier one's result not from its slot but as it is given. All is inlined,
 * and what a use does not need falls away. */
#ifndef EXEC_OPERATIONS_H
#define EXEC_OPERATIONS_H

#include "exec/access.h"
#include "exec/numeric.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* `memory` points so far before the guest's memory: WebAssembly's loads and stores can add to an
 * address but not subtract from it. */
#ifdef __wasm__
#    define MEMORY_BIAS 8
#else
#    define MEMORY_BIAS 0
#endif

struct step {
    const uint8_t *pc;
    uint8_t *fp;
    uint8_t *memory;
    uint64_t memory_size;
    bool passes; /* the result is not written to its register */
    /* What stands for the register in a field; NULL: nothing. */
    const union value *given2, *given4, *given6, *given8;
};

/* A branch's test leaves 0 or 1 in out->i32. */
#define OPERATION(name)                                                             \
    __attribute__((always_inline)) static inline enum trap do_##name(struct step s, \
                                                                     union value *out)

#define FIELD(at)    half(s.pc + (at))
#define WORD(at)     get_i32(s.pc + (at))
#define SLOT(at)     (s.fp + FIELD(at))
#define IN(type, at) (s.given##at ? s.given##at->type : get_##type(SLOT(at)))
#define DONE(type, value)                   \
    {                                       \
        out->type = (value);                \
        if (!s.passes)                      \
            put_##type(SLOT(2), out->type); \
        return TRAP_NONE;                   \
    }
#define CHECK(reason)                       \
    {                                       \
        enum trap reason_ = (reason);       \
        if (UNLIKELY(reason_ != TRAP_NONE)) \
            return reason_;                 \
    }

#define BINARY(name, in, out, value)          BINARY_CHECKED(name, in, out, TRAP_NONE, value)
#define BINARY_COMMUTES(name, in, out, value) BINARY(name, in, out, value)
#define BINARY_TRAPS(name, type, trap, value) BINARY_CHECKED(name, type, type, trap, value)
#define BINARY_CHECKED(name, in, out, trap, value)                \
    OPERATION(name##_RR)                                          \
    {                                                             \
        type_##in a = IN(in, 4), b = IN(in, 6);                   \
        CHECK(trap)                                               \
        DONE(out, value)                                          \
    }                                                             \
    OPERATION(name##_RK)                                          \
    {                                                             \
        type_##in a = IN(in, 4), b = (type_##in)(int32_t)WORD(8); \
        CHECK(trap)                                               \
        DONE(out, value)                                          \
    }
#define BINARY_FLOAT(name, type, value)               \
    OPERATION(name##_RR)                              \
    {                                                 \
        type_##type a = IN(type, 4), b = IN(type, 6); \
        DONE(type, value)                             \
    }
#define UNARY(name, in, out, value) UNARY_TRAPS(name, in, out, TRAP_NONE, value)
#define UNARY_TRAPS(name, in, out, trap, value) \
    OPERATION(name)                             \
    {                                           \
        type_##in a = IN(in, 4);                \
        CHECK(trap)                             \
        DONE(out, value)                        \
    }
#define TEST(name, type, b_value, value)            \
    OPERATION(name)                                 \
    {                                               \
        type_##type a = IN(type, 2), b = (b_value); \
        out->i32 = (value);                         \
        return TRAP_NONE;                           \
    }
#define COMPARE(name, type, value, negated, swapped)               \
    BINARY_CHECKED(name, type, i32, TRAP_NONE, value)              \
    TEST(name##_BR_RR, type, IN(type, 4), value)                   \
    TEST(name##_BR_RK, type, (type_##type)(int32_t)WORD(4), value) \
    TEST(name##_LOOP_RR, type, IN(type, 4), value)                 \
    TEST(name##_LOOP_RK, type, (type_##type)(int32_t)WORD(4), value)
#define COMPARE_FLOAT(name, type, value, negated)     \
    OPERATION(name##_RR)                              \
    {                                                 \
        type_##type a = IN(type, 4), b = IN(type, 6); \
        DONE(i32, value)                              \
    }                                                 \
    TEST(name##_BR_RR, type, IN(type, 4), value)      \
    TEST(name##_LOOP_RR, type, IN(type, 4), value)
/* The `bytes` before `end`, if they are there: one addition and one compare. */
#define ACCESS(bytes)                  \
    if (UNLIKELY(end > s.memory_size)) \
        return TRAP_MEMORY_BOUNDS;     \
    uint8_t *at = s.memory + end + (MEMORY_BIAS - (int)(bytes));
#define LOAD_TO(name, in, out, value, end_) \
    OPERATION(name)                         \
    {                                       \
        uint64_t end = (end_);              \
        ACCESS(sizeof(type_##in))           \
        type_##in a = load_##in(at);        \
        DONE(out, value)                    \
    }
#define LOAD(name, in, out, value)                                                          \
    LOAD_TO(name, in, out, value, (uint64_t)IN(i32, 4) + FIELD(6))                          \
    LOAD_TO(name##_FAR, in, out, value, (uint64_t)IN(i32, 4) + WORD(8) + sizeof(type_##in)) \
    LOAD_TO(name##_ABS, in, out, value, (uint64_t)WORD(4))
#define STORE_TO(name, in, out_, field, end_)         \
    OPERATION(name)                                   \
    {                                                 \
        uint64_t end = (end_);                        \
        (void)out;                                    \
        ACCESS(sizeof(type_##out_))                   \
        store_##out_(at, (type_##out_)IN(in, field)); \
        return TRAP_NONE;                             \
    }
#define STORE(name, in, out)                                                              \
    STORE_TO(name, in, out, 4, (uint64_t)IN(i32, 2) + FIELD(6))                           \
    STORE_TO(name##_FAR, in, out, 4, (uint64_t)IN(i32, 2) + WORD(8) + sizeof(type_##out)) \
    STORE_TO(name##_ABS, in, out, 2, (uint64_t)WORD(4))
#include "lower/code.def"

/* clang-format off */
OPERATION(COPY)        DONE(i64, IN(i64, 4))
OPERATION(CONST32)     DONE(i32, WORD(4))
OPERATION(CONST64)     DONE(i64, get_i64(s.pc + 4))
OPERATION(SELECT)      DONE(i64, IN(i32, 8) ? IN(i64, 4) : IN(i64, 6))
OPERATION(GLOBAL_GET)  DONE(i64, get_i64(address(s.pc + 4)))
OPERATION(REF_NULL)    DONE(i64, 0)
OPERATION(REF_IS_NULL) DONE(i32, get_ref(SLOT(4)) == 0)
OPERATION(REF_FUNC)    DONE(ref, (reference)address(s.pc + 4))
OPERATION(GLOBAL_SET)
{
    (void)out;
    put_i64(address(s.pc + 4), IN(i64, 2));
    return TRAP_NONE;
}
/* clang-format on */

#define BR_TEST(name, value) \
    OPERATION(name)          \
    {                        \
        out->i32 = (value);  \
        return TRAP_NONE;    \
    }
BR_TEST(BR_IF, IN(i32, 2) != 0)
BR_TEST(BR_IF_LOOP, IN(i32, 2) != 0)
BR_TEST(BR_UNLESS, IN(i32, 2) == 0) BR_TEST(BR_UNLESS_LOOP, IN(i32, 2) == 0)

#undef FIELD
#undef WORD
#undef SLOT
#undef IN
#undef DONE
#undef CHECK
#undef ACCESS

#endif
