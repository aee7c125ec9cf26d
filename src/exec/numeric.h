/* numeric.h - the operations of code.def that C has no operator for.
 * (Specification, Execution, Numerics.) */
#ifndef EXEC_NUMERIC_H
#define EXEC_NUMERIC_H

#include <stdint.h>

#include "exec/instance.h"

#define S32(x) ((int32_t)(x))
#define S64(x) ((int64_t)(x))

static inline uint32_t rotl32(uint32_t a, uint32_t b)
{
    return a << (b & 31) | a >> (-b & 31);
}

static inline uint64_t rotl64(uint64_t a, uint64_t b)
{
    return a << (b & 63) | a >> (-b & 63);
}

/* Compilers see through these: one instruction where the machine's is defined for zero. */
static inline uint32_t clz32(uint32_t a)
{
    return a ? (uint32_t)__builtin_clz(a) : 32;
}

static inline uint32_t ctz32(uint32_t a)
{
    return a ? (uint32_t)__builtin_ctz(a) : 32;
}

static inline uint64_t clz64(uint64_t a)
{
    return a ? (uint64_t)__builtin_clzll(a) : 64;
}

static inline uint64_t ctz64(uint64_t a)
{
    return a ? (uint64_t)__builtin_ctzll(a) : 64;
}

/* The reason why a division traps. */
#define divide_u(b) ((b) == 0 ? TRAP_DIVIDE_BY_ZERO : TRAP_NONE)

static inline enum trap divide_s32(uint32_t a, uint32_t b)
{
    if (b == 0)
        return TRAP_DIVIDE_BY_ZERO;
    return a == 0x80000000u && b == UINT32_MAX ? TRAP_INTEGER_OVERFLOW : TRAP_NONE;
}

static inline enum trap divide_s64(uint64_t a, uint64_t b)
{
    if (b == 0)
        return TRAP_DIVIDE_BY_ZERO;
    return a == 0x8000000000000000u && b == UINT64_MAX ? TRAP_INTEGER_OVERFLOW : TRAP_NONE;
}

/* The reason why a float does not truncate to an integer whose range lies between the bounds. */
#define truncates(a, low, high)                                \
    ((a) != (a)                      ? TRAP_INVALID_CONVERSION \
     : ((a) > (low) && (a) < (high)) ? TRAP_NONE               \
                                     : TRAP_INTEGER_OVERFLOW)

static inline uint32_t saturate_s32(double a)
{
    if (a != a)
        return 0;
    if (a <= -2147483648.0)
        return 0x80000000u;
    return a >= 2147483647.0 ? 0x7FFFFFFFu : (uint32_t)(int32_t)a;
}

static inline uint32_t saturate_u32(double a)
{
    if (!(a > 0.0))
        return 0;
    return a >= 4294967295.0 ? UINT32_MAX : (uint32_t)a;
}

static inline uint64_t saturate_s64(double a)
{
    if (a != a)
        return 0;
    if (a <= -9223372036854775808.0)
        return 0x8000000000000000u;
    return a >= 9223372036854775808.0 ? 0x7FFFFFFFFFFFFFFFu : (uint64_t)(int64_t)a;
}

static inline uint64_t saturate_u64(double a)
{
    if (!(a > 0.0))
        return 0;
    return a >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)a;
}

/* What a rounds to. A signalling NaN has to become a quiet one; compilers leave that to the CPU's
 * instruction, and on RISC-V they round through integers, past which a NaN goes as it is. */
#ifdef __riscv
#    define rounded(a, value) ((a) != (a) ? (a) + (a) : (value))
#else
#    define rounded(a, value) (value)
#endif

#ifdef __wasm__
#    define min_f32(a, b) __builtin_wasm_min_f32(a, b)
#    define max_f32(a, b) __builtin_wasm_max_f32(a, b)
#    define min_f64(a, b) __builtin_wasm_min_f64(a, b)
#    define max_f64(a, b) __builtin_wasm_max_f64(a, b)
#else
/* NaN if either is; -0 is less than +0. */
#    define MIN_MAX(name, type, before)                                     \
        static inline type name(type a, type b)                             \
        {                                                                   \
            if (a != a || b != b)                                           \
                return a + b;                                               \
            if (a == b)                                                     \
                return (__builtin_signbit(a) != 0) == (1 before 2) ? a : b; \
            return a before b ? a : b;                                      \
        }
MIN_MAX(min_f32, float, <)
MIN_MAX(max_f32, float, >)
MIN_MAX(min_f64, double, <)
MIN_MAX(max_f64, double, >)
#    undef MIN_MAX
#endif

#endif
