#include "wasm/reader.h"

static bool ended(struct reader *reader) {
    return error_set_at(reader->error, ERROR_MALFORMED, (uint64_t)(reader->at - reader->start),
                        "unexpected end");
}

static bool bad_integer(struct reader *reader, const char *reason) {
    return error_set_at(reader->error, ERROR_MALFORMED, (uint64_t)(reader->at - reader->start),
                        "integer %s", reason);
}

bool read_byte(struct reader *reader, uint8_t *value) {
    if (reader->at == reader->end)
        return ended(reader);
    *value = *reader->at++;
    return true;
}

/* An unsigned or signed LEB128 integer of `bits` bits. */
static bool read_leb(struct reader *reader, unsigned bits, bool is_signed, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;
        if (!read_byte(reader, &byte))
            return false;
        if (shift + 7 >= bits) { /* the last byte that there may be */
            if (byte & 0x80)
                return bad_integer(reader, "representation too long");
            unsigned used = bits - shift;
            uint8_t rest = (uint8_t)(byte >> (is_signed ? used - 1 : used));
            uint8_t ones = (uint8_t)(0x7F >> (is_signed ? used - 1 : used));
            if (rest != 0 && !(is_signed && rest == ones))
                return bad_integer(reader, "too large");
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

bool read_u32(struct reader *reader, uint32_t *value) {
    if (reader->at != reader->end && *reader->at < 0x80) {
        *value = *reader->at++;
        return true;
    }
    uint64_t wide;
    if (!read_leb(reader, 32, false, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool read_s32(struct reader *reader, int32_t *value) {
    uint64_t wide;
    if (!read_leb(reader, 32, true, &wide))
        return false;
    *value = (int32_t)wide;
    return true;
}

bool read_s33(struct reader *reader, int64_t *value) {
    uint64_t wide;
    if (!read_leb(reader, 33, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

bool read_s64(struct reader *reader, int64_t *value) {
    uint64_t wide;
    if (!read_leb(reader, 64, true, &wide))
        return false;
    *value = (int64_t)wide;
    return true;
}

uint32_t leb_u32(const uint8_t **at) {
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

int64_t leb_s64(const uint8_t **at) {
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

int32_t leb_s32(const uint8_t **at) {
    return (int32_t)leb_s64(at);
}
