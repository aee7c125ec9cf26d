/* bodies.c - over the instructions of WebAssembly and its proposals: their immediates, and which
 * proposal each belongs to. */
#include <string.h>

#include "survey/surveying.h"

/* What follows an opcode. */
enum immediates { NONE, INDEX, TWO, THREE, MEMARG, BYTE, LANE_MEMARG, UNKNOWN };

static bool indices(struct reader *reader, unsigned count)
{
    uint32_t index;
    while (count--)
        if (!read_u32(reader, &index))
            return false;
    return true;
}

static bool memarg(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t align, memory;
    int64_t offset;
    if (!read_u32(reader, &align))
        return false;
    if (align & 0x40) {
        if (!read_u32(reader, &memory))
            return false;
        if (memory)
            needs(surveyed, FEATURE_MEMORIES);
    }
    return read_s64(reader, &offset);
}

static bool immediates(struct surveyed *surveyed, struct reader *reader, enum immediates which)
{
    switch (which) {
    case NONE: return true;
    case INDEX: return indices(reader, 1);
    case TWO: return indices(reader, 2);
    case THREE: return indices(reader, 3);
    case MEMARG: return memarg(surveyed, reader);
    case BYTE: return read_skip(reader, 1);
    case LANE_MEMARG: return memarg(surveyed, reader) && read_skip(reader, 1);
    default: return false;
    }
}

static bool blocktype(struct surveyed *surveyed, struct reader *reader)
{
    valtype type;
    int64_t index;
    if (reader->at == reader->end)
        return false;
    if (*reader->at == 0x40)
        return read_skip(reader, 1);
    if (*reader->at > 0x40 && *reader->at < 0x80)
        return survey_valtype(surveyed, reader, &type);
    return read_s33(reader, &index);
}

/* ---- with a prefix */

static bool gc(struct surveyed *surveyed, struct reader *reader, uint32_t number)
{
    static const uint8_t after[] = {INDEX, INDEX, TWO,   TWO, TWO,   TWO,   INDEX,
                                    INDEX, TWO,   TWO,   TWO, INDEX, INDEX, INDEX,
                                    INDEX, NONE,  INDEX, TWO, TWO,   TWO};
    needs(surveyed, number >= 0x80                    ? FEATURE_STRINGREF
                    : number >= 0x20 && number < 0x28 ? FEATURE_DESCRIPTORS
                                                      : FEATURE_GC);
    if (number < sizeof after)
        return immediates(surveyed, reader, after[number]);
    if (number >= 0x14 && number <= 0x17) /* ref.test, ref.cast */
        return survey_heaptype(surveyed, reader);
    if (number == 0x18 || number == 0x19) /* br_on_cast */
        return read_skip(reader, 1) && indices(reader, 1) && survey_heaptype(surveyed, reader) &&
               survey_heaptype(surveyed, reader);
    return number >= 0x1A && number <= 0x1E;
}

static bool bulk(struct surveyed *surveyed, struct reader *reader, uint32_t number)
{
    static const uint8_t after[] = {NONE,  NONE,  NONE,  NONE,  NONE, NONE,  NONE, NONE,
                                    TWO,   INDEX, TWO,   INDEX, TWO,  INDEX, TWO,  INDEX,
                                    INDEX, INDEX, INDEX, NONE,  NONE, NONE,  NONE};
    if (number >= 0x13 && number <= 0x16)
        needs(surveyed, FEATURE_WIDE_ARITHMETIC);
    return number < sizeof after && immediates(surveyed, reader, after[number]);
}

static bool simd(struct surveyed *surveyed, struct reader *reader, uint32_t number)
{
    needs(surveyed, number < 0x100 ? FEATURE_SIMD : FEATURE_RELAXED_SIMD);
    if (number <= 11 || number == 92 || number == 93)
        return memarg(surveyed, reader);
    if (number == 12 || number == 13)
        return read_skip(reader, 16);
    if (number >= 21 && number <= 34)
        return read_skip(reader, 1);
    return number < 84 || number > 91 || immediates(surveyed, reader, LANE_MEMARG);
}

static bool atomic(struct surveyed *surveyed, struct reader *reader, uint32_t number)
{
    needs(surveyed, number < 0x4F ? FEATURE_THREADS : FEATURE_SHARED_EVERYTHING);
    if (number == 3)
        return read_skip(reader, 1);
    return number < 0x4F && memarg(surveyed, reader);
}

static bool prefixed(struct surveyed *surveyed, struct reader *reader, uint8_t prefix)
{
    uint32_t number;
    if (!read_u32(reader, &number))
        return false;
    switch (prefix) {
    case 0xFB: return gc(surveyed, reader, number);
    case 0xFC: return bulk(surveyed, reader, number);
    case 0xFD: return simd(surveyed, reader, number);
    default: return atomic(surveyed, reader, number);
    }
}

/* ---- of one byte */

static bool constant(struct reader *reader, uint8_t opcode)
{
    int64_t value;
    return opcode <= 0x42 ? read_s64(reader, &value) : read_skip(reader, opcode == 0x43 ? 4 : 8);
}

static bool vector(struct reader *reader, unsigned more)
{
    uint32_t count;
    return read_u32(reader, &count) && count <= remaining(reader) && indices(reader, count + more);
}

/* Clauses: how, a tag unless it catches all, a label. */
static bool clauses(struct reader *reader)
{
    uint32_t count;
    uint8_t how;
    bool good = read_u32(reader, &count);
    for (; good && count; count--)
        good = read_byte(reader, &how) && indices(reader, how < 2 ? 2 : 1);
    return good;
}

static bool exceptional(struct surveyed *surveyed, struct reader *reader, uint8_t opcode)
{
    bool is_new = opcode == 0x1F || opcode == 0x0A;
    if (opcode != 0x08) /* throw is in both, as is its tag */
        needs(surveyed, is_new ? FEATURE_EXCEPTIONS : FEATURE_LEGACY_EXCEPTIONS);
    switch (opcode) {
    case 0x06: return blocktype(surveyed, reader);
    case 0x0A:
    case 0x19: return true;
    case 0x1F: return blocktype(surveyed, reader) && clauses(reader);
    default: return indices(reader, 1);
    }
}

static bool switching(struct surveyed *surveyed, struct reader *reader, uint8_t opcode)
{
    needs(surveyed, FEATURE_STACK_SWITCHING);
    switch (opcode) {
    case 0xE0:
    case 0xE2: return indices(reader, 1);
    case 0xE1:
    case 0xE6: return indices(reader, 2);
    case 0xE4: return indices(reader, 2) && clauses(reader);
    default: return indices(reader, 1) && clauses(reader);
    }
}

static bool reference(struct surveyed *surveyed, struct reader *reader, uint8_t opcode)
{
    if (opcode == 0xD0)
        return survey_heaptype(surveyed, reader);
    if (opcode == 0xD1 || opcode == 0xD2)
        return indices(reader, opcode == 0xD2);
    needs(surveyed, opcode == 0xD3 ? FEATURE_GC : FEATURE_FUNCTION_REFERENCES);
    return indices(reader, opcode >= 0xD5);
}

static bool select_typed(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t count;
    valtype type;
    bool good = read_u32(reader, &count);
    for (; good && count; count--)
        good = survey_valtype(surveyed, reader, &type);
    return good;
}

/* Behind the opcode; `depth` counts the blocks that are open. */
static bool instruction(struct surveyed *surveyed, struct reader *reader, uint8_t opcode,
                        uint32_t *depth)
{
    if (opcode >= 0x45 && opcode <= 0xC4)
        return true;
    if (opcode >= 0x28 && opcode <= 0x3E)
        return memarg(surveyed, reader);
    if ((opcode >= 0x20 && opcode <= 0x26) || opcode == 0x3F || opcode == 0x40)
        return indices(reader, 1);
    if (opcode >= 0xD0 && opcode <= 0xD6)
        return reference(surveyed, reader, opcode);
    if (opcode >= 0xE0 && opcode <= 0xE6)
        return switching(surveyed, reader, opcode);
    *depth += (opcode >= 0x02 && opcode <= 0x04) || opcode == 0x06 || opcode == 0x1F;
    *depth -= opcode == 0x0B || opcode == 0x18;
    switch (opcode) {
    case 0x02:
    case 0x03:
    case 0x04: return blocktype(surveyed, reader);
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F: return exceptional(surveyed, reader, opcode);
    case 0x00:
    case 0x01:
    case 0x05:
    case 0x0B:
    case 0x0F:
    case 0x1A:
    case 0x1B: return true;
    case 0x0C:
    case 0x0D:
    case 0x10:
    case 0x12: return indices(reader, 1);
    case 0x0E: return vector(reader, 1);
    case 0x11:
    case 0x13: return indices(reader, 2);
    case 0x14:
    case 0x15: return needs(surveyed, FEATURE_FUNCTION_REFERENCES) && indices(reader, 1);
    case 0x1C: return select_typed(surveyed, reader);
    case 0x41:
    case 0x42:
    case 0x43:
    case 0x44: return constant(reader, opcode);
    case 0xFB:
    case 0xFC:
    case 0xFD:
    case 0xFE: return prefixed(surveyed, reader, opcode);
    default: return false;
    }
}

bool survey_expression(struct surveyed *surveyed, struct reader *reader)
{
    uint8_t opcode;
    uint32_t depth = 1;
    while (depth)
        if (!read_byte(reader, &opcode) || !instruction(surveyed, reader, opcode, &depth))
            return false;
    return true;
}

bool survey_body(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t groups, count;
    valtype type;
    bool good = read_u32(reader, &groups);
    for (; good && groups; groups--)
        good = read_u32(reader, &count) && survey_valtype(surveyed, reader, &type);
    return good && survey_expression(surveyed, reader);
}
