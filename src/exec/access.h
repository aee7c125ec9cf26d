/* access.h - reading and writing slots, instructions and the guest's memory; internal to exec/. */
#ifndef EXEC_ACCESS_H
#define EXEC_ACCESS_H

#include "exec/function.h"

typedef uint32_t type_i32;
typedef uint64_t type_i64;
typedef float type_f32;
typedef double type_f64;

#define GETTER(name, type)                           \
    static inline type get_##name(const uint8_t *at) \
    {                                                \
        type value;                                  \
        memcpy(&value, at, sizeof value);            \
        return value;                                \
    }
#define PUTTER(name, type)                                 \
    static inline void put_##name(uint8_t *at, type value) \
    {                                                      \
        memcpy(at, &value, sizeof value);                  \
    }
GETTER(i32, uint32_t)
GETTER(i64, uint64_t)
GETTER(f32, float)
GETTER(f64, double)
GETTER(ref, reference)
GETTER(link, struct link)
PUTTER(i64, uint64_t)
PUTTER(f64, double)
PUTTER(link, struct link)

/* A slot is always written whole: a CPU that has just written half of it takes long to read all of
 * it, as copies do. */
static inline void put_half(uint8_t *at, uint32_t bits)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    put_i64(at, bits);
#else
    put_i64(at, (uint64_t)bits << 32);
#endif
}

static inline void put_i32(uint8_t *at, uint32_t value)
{
    put_half(at, value);
}

static inline void put_f32(uint8_t *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_half(at, bits);
}

static inline void put_ref(uint8_t *at, reference value)
{
#if UINTPTR_MAX == UINT32_MAX
    put_half(at, (uint32_t)value);
#else
    put_i64(at, value);
#endif
}

/* The guest's memory is little-endian on every CPU. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#    define ORDERED(bits, value) (value)
#else
#    define ORDERED(bits, value) ORDERED_##bits(value)
#    define ORDERED_8(value)     (value)
#    define ORDERED_16(value)    __builtin_bswap16(value)
#    define ORDERED_32(value)    __builtin_bswap32(value)
#    define ORDERED_64(value)    __builtin_bswap64(value)
#endif
#define MEMORY_ACCESSORS(bits)                                          \
    static inline uint##bits##_t load_u##bits(const uint8_t *at)        \
    {                                                                   \
        uint##bits##_t value;                                           \
        memcpy(&value, at, sizeof value);                               \
        return (uint##bits##_t)ORDERED(bits, value);                    \
    }                                                                   \
    static inline void store_u##bits(uint8_t *at, uint##bits##_t value) \
    {                                                                   \
        value = (uint##bits##_t)ORDERED(bits, value);                   \
        memcpy(at, &value, sizeof value);                               \
    }
MEMORY_ACCESSORS(8)
MEMORY_ACCESSORS(16)
MEMORY_ACCESSORS(32)
MEMORY_ACCESSORS(64)
typedef uint8_t type_u8;
typedef uint16_t type_u16;
typedef uint32_t type_u32;
typedef uint64_t type_u64;

static inline uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void *address(const uint8_t *at)
{
    uintptr_t value;
    memcpy(&value, at, sizeof value);
    return (void *)value;
}

#endif
