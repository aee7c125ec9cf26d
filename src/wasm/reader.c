#include "wasm/reader.h"

void reader_fail(struct reader *reader, const uint8_t *at, enum error_kind kind,
                 const char *message)
{
    error_set_at(reader->error, kind, (uint64_t)(at - reader->start), "%s", message);
}

/* An unsigned or signed LEB128 integer of `bits` bits. Errors name the integer's first byte. */
static bool read_leb(struct reader *reader, unsigned bits, bool is_signed, uint64_t *value)
{
    const uint8_t *first = reader->at;
    uint64_t result = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;
        if (!read_byte(reader, &byte))
            return false;
        if (shift + 7 >= bits) { /* the last byte that there may be */
            if (byte & 0x80)
                return fail(reader, first, ERROR_MALFORMED, "integer representation too long");
            /* Bits that the value has no room for must be zero, or copies of its sign. */
            unsigned used = bits - shift - is_signed;
            uint8_t rest = (uint8_t)(byte >> used);
            if (rest != 0 && !(is_signed && rest == 0x7F >> used))
                return fail(reader, first, ERROR_MALFORMED, "integer too large");
        }
        result |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            if (is_signed && shift + 7 < 64 && (byte & 0x40))
                result |= ~(uint64_t)0 << (shift + 7);
            *value = result;
            return true;
        }
    }
}

bool read_u32_long(struct reader *reader, uint32_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 32, false, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool read_s32_long(struct reader *reader, int32_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 32, true, &wide))
        return false;
    *value = (int32_t)wide;
    return true;
}

bool read_s33(struct reader *reader, int64_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 33, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

bool read_s64(struct reader *reader, int64_t *value)
{
    uint64_t wide;
    if (!read_leb(reader, 64, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

bool read_skip(struct reader *reader, uint32_t size)
{
    if (size > remaining(reader))
        return fail(reader, reader->at, ERROR_MALFORMED, "unexpected end");
    reader->at += size;
    return true;
}

uint32_t leb_u32_long(const uint8_t **at)
{
    uint32_t result = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*at)++;
        result |= (uint32_t)(byte & 0x7F) << shift;
        shift += 7;
    } while (byte & 0x80);
    return result;
}

int64_t leb_s64(const uint8_t **at)
{
    uint64_t result = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*at)++;
        result |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        result |= ~(uint64_t)0 << shift;
    return (int64_t)result;
}
