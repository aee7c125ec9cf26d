/* reader.h - reads the binary format's integers, with every bound checked.
 * (Specification, Binary Format, Values.) */
#ifndef WASM_READER_H
#define WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct reader {
    const uint8_t *start; /* the module's first byte: offsets in errors count from here */
    const uint8_t *at;
    const uint8_t *end;
    struct error *error;
};

/* Each reads one value, moves on, and returns it in `value`; false (with `error` filled, kind
 * ERROR_MALFORMED) when the input ends or the value is not well formed. */
static inline bool read_byte(struct reader *reader, uint8_t *value);
static inline bool read_u32(struct reader *reader, uint32_t *value);
static inline bool read_s32(struct reader *reader, int32_t *value);
bool read_s33(struct reader *reader, int64_t *value);
bool read_s64(struct reader *reader, int64_t *value);

/* Moves on by `size` bytes. */
bool read_skip(struct reader *reader, uint32_t size);

/* Unchecked forms for bytes that have been validated: they move `*at` on. */
static inline uint32_t leb_u32(const uint8_t **at);
static inline int32_t leb_s32(const uint8_t **at);
int64_t leb_s64(const uint8_t **at); /* also for signed 33-bit block types */

/* Fills in the error for byte `at`. */
void reader_fail(struct reader *reader, const uint8_t *at, enum error_kind kind,
                 const char *message);

/* The same; returns false. */
static inline bool fail(struct reader *reader, const uint8_t *at, enum error_kind kind,
                        const char *message)
{
    reader_fail(reader, at, kind, message);
    return false; /* in sight of the compiler, which checks what is read after success only */
}

static inline size_t remaining(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline uint32_t position(const struct reader *reader)
{
    return (uint32_t)(reader->at - reader->start);
}

/* Most integers have one byte: those are read in line, the others here. */
bool read_u32_long(struct reader *reader, uint32_t *value);
bool read_s32_long(struct reader *reader, int32_t *value);
uint32_t leb_u32_long(const uint8_t **at);

static inline bool read_byte(struct reader *reader, uint8_t *value)
{
    if (reader->at == reader->end)
        return fail(reader, reader->at, ERROR_MALFORMED, "unexpected end");
    *value = *reader->at++;
    return true;
}

static inline bool read_u32(struct reader *reader, uint32_t *value)
{
    if (reader->at == reader->end || *reader->at >= 0x80)
        return read_u32_long(reader, value);
    *value = *reader->at++;
    return true;
}

static inline bool read_s32(struct reader *reader, int32_t *value)
{
    if (reader->at == reader->end || *reader->at >= 0x80)
        return read_s32_long(reader, value);
    *value = (*reader->at++ ^ 0x40) - 0x40; /* bit 6 is the sign */
    return true;
}

static inline uint32_t leb_u32(const uint8_t **at)
{
    return **at < 0x80 ? *(*at)++ : leb_u32_long(at);
}

static inline int32_t leb_s32(const uint8_t **at)
{
    return (int32_t)leb_s64(at);
}

#endif
