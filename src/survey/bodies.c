/* bodies.c - over the instructions of WebAssembly and its proposals: their immediates, and which
 * proposal each belongs to. */
#include <string.h>

#include "survey/surveying.h"
#include "wasm/opcodes.h"

/* What follows an opcode. */
enum after {
    NOTHING,
    INDEX,
    TWO,
    BLOCK,
    LABELS,
    TYPES,
    HEAPTYPE,
    CAST,
    TRY_TABLE,
    RESUME,
    RESUME_THROW,
    DELEGATE, /* an index, and it ends a block */
    MEMARG,
    LANE, /* a memarg and a byte */
    BYTE,
    INTEGER,
    FOUR,
    EIGHT,
    SIXTEEN,
    STOP
};

struct proposed {
    uint8_t prefix, after, feature;
    uint32_t first, last;
};

static const struct proposed proposed[] = {
#define INSTRUCTIONS(prefix, first, last, after, feature) \
    {prefix, after, FEATURE_##feature, first, last},
#include "survey/proposals.def"
};

/* The same of an instruction that is here; proposals have widened some of them. */
static enum after known_after(enum immediates immediates)
{
    switch (immediates) {
    case IMM_NONE: return NOTHING;
    case IMM_BLOCK: return BLOCK;
    case IMM_LABELS: return LABELS;
    case IMM_TYPES: return TYPES;
    case IMM_REFTYPE: return HEAPTYPE;
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
    case IMM_TABLE:
    case IMM_ELEM:
    case IMM_MEMORY:
    case IMM_DATA: return INDEX;
    case IMM_TYPE_TABLE:
    case IMM_TABLE_TABLE:
    case IMM_ELEM_TABLE:
    case IMM_MEMORY_MEMORY:
    case IMM_DATA_MEMORY: return TWO;
    case IMM_MEMARG: return MEMARG;
    case IMM_I32:
    case IMM_I64: return INTEGER;
    case IMM_F32: return FOUR;
    case IMM_F64: return EIGHT;
    }
    return STOP;
}

/* ---- immediates */

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

static bool labels(struct reader *reader)
{
    uint32_t count;
    return read_u32(reader, &count) && count <= remaining(reader) && indices(reader, count + 1);
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

static bool types(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t count;
    valtype type;
    bool good = read_u32(reader, &count);
    for (; good && count; count--)
        good = survey_valtype(surveyed, reader, &type);
    return good;
}

static bool cast(struct surveyed *surveyed, struct reader *reader)
{
    return read_skip(reader, 1) && indices(reader, 1) && survey_heaptype(surveyed, reader) &&
           survey_heaptype(surveyed, reader);
}

static bool pass_over(struct surveyed *surveyed, struct reader *reader, enum after after)
{
    int64_t integer;
    switch (after) {
    case NOTHING: return true;
    case DELEGATE:
    case INDEX: return indices(reader, 1);
    case TWO: return indices(reader, 2);
    case BLOCK: return blocktype(surveyed, reader);
    case LABELS: return labels(reader);
    case TYPES: return types(surveyed, reader);
    case HEAPTYPE: return survey_heaptype(surveyed, reader);
    case CAST: return cast(surveyed, reader);
    case TRY_TABLE: return blocktype(surveyed, reader) && clauses(reader);
    case RESUME: return indices(reader, 1) && clauses(reader);
    case RESUME_THROW: return indices(reader, 2) && clauses(reader);
    case MEMARG: return memarg(surveyed, reader);
    case LANE: return memarg(surveyed, reader) && read_skip(reader, 1);
    case BYTE: return read_skip(reader, 1);
    case INTEGER: return read_s64(reader, &integer);
    case FOUR: return read_skip(reader, 4);
    case EIGHT: return read_skip(reader, 8);
    case SIXTEEN: return read_skip(reader, 16);
    case STOP: return false;
    }
    return false;
}

/* ---- instructions */

/* What follows an instruction that is not here. */
static enum after proposed_after(struct surveyed *surveyed, uint8_t prefix, uint32_t number)
{
    for (size_t i = 0; i < sizeof proposed / sizeof *proposed; i++) {
        const struct proposed *range = &proposed[i];
        if (range->prefix == prefix && number >= range->first && number <= range->last) {
            needs(surveyed, (enum feature)range->feature);
            return (enum after)range->after;
        }
    }
    return STOP;
}

/* `depth` counts the blocks that are open. */
static bool instruction(struct surveyed *surveyed, struct reader *reader, uint32_t *depth)
{
    uint8_t byte, prefix = 0;
    uint32_t number;
    if (!read_byte(reader, &byte))
        return false;
    number = byte;
    if (byte >= 0xFB && byte <= 0xFE) {
        prefix = byte;
        if (!read_u32(reader, &number))
            return false;
    }
    const struct opcode_info *info =
        opcode_info(number <= 0xFFFF ? OPCODE_OF(prefix, number) : UINT32_MAX);
    enum after after = info->text ? known_after((enum immediates)info->immediates)
                                  : proposed_after(surveyed, prefix, number);
    *depth += after == BLOCK || after == TRY_TABLE;
    *depth -= after == DELEGATE || (!prefix && number == WASM_END);
    return pass_over(surveyed, reader, after);
}

bool survey_expression(struct surveyed *surveyed, struct reader *reader)
{
    uint32_t depth = 1;
    while (depth)
        if (!instruction(surveyed, reader, &depth))
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
