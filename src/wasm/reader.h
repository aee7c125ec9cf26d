/* reader.h - reads the binary format's integers, with every bound checked.
 * (Specification, Binary Format, Values.) */
#ifndef WASM_READER_H
#define WASM_READER_H

#include <stdbool.h>
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
bool read_byte(struct reader *reader, uint8_t *value);
bool read_u32(struct reader *reader, uint32_t *value);
bool read_s32(struct reader *reader, int32_t *value);
bool read_s33(struct reader *reader, int64_t *value);
bool read_s64(struct reader *reader, int64_t *value);

/* Unchecked forms for bytes that have been validated: they move `*at` on. */
uint32_t leb_u32(const uint8_t **at);
int32_t leb_s32(const uint8_t **at);
int64_t leb_s64(const uint8_t **at); /* also for signed 33-bit block types */

#endif
