#include "wasm/walk.h"

#include "base/buffer.h"
#include "wasm/decoding.h"

/* What is no instruction. */

static bool refuse_prefixed(struct reader *reader, const uint8_t *at, const char *feature)
{
    struct reader after = *reader;
    uint32_t number;
    after.at = at + 1;
    if (!read_u32(&after, &number))
        return false;
    return error_set_at(reader->error, ERROR_UNSUPPORTED, (uint64_t)(at - reader->start),
                        "%s (opcode 0x%02X 0x%02X) is not supported", feature, *at, number);
}

/* ERROR_UNSUPPORTED with the feature's name when the instruction belongs to one that is not
 * supported, else ERROR_MALFORMED. */
static bool refuse(struct reader *reader, const uint8_t *at, uint32_t opcode)
{
    switch (opcode) {
    case 0xFB: return refuse_prefixed(reader, at, "garbage collection");
    case 0xFD: return refuse_prefixed(reader, at, "SIMD");
    case 0xFE: return refuse_prefixed(reader, at, "threads");
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F: return fail_unsupported(reader, at, "exception handling (try, catch, throw)");
    case 0x14:
    case 0x15:
    case 0xD3:
    case 0xD4:
    case 0xD5:
    case 0xD6: return fail_unsupported(reader, at, "typed function references (call_ref, br_on)");
    case OPCODE_OF(0xFC, 0x13):
    case OPCODE_OF(0xFC, 0x14):
    case OPCODE_OF(0xFC, 0x15):
    case OPCODE_OF(0xFC, 0x16): return fail_unsupported(reader, at, "wide arithmetic");
    default:
        return error_set_at(reader->error, ERROR_MALFORMED, (uint64_t)(at - reader->start),
                            "illegal opcode 0x%02X", opcode);
    }
}

/* Immediates. */

static bool read_blocktype(struct reader *reader, struct instruction *i)
{
    i->type = 0;
    i->block = -1;
    if (reader->at != reader->end && *reader->at >= 0x40 && *reader->at < 0x80) {
        if (*reader->at != 0x40)
            return read_valtype(reader, &i->type);
        reader->at++;
        return true;
    }
    if (!read_s33(reader, &i->block))
        return false;
    return i->block >= 0 || fail(reader, i->start, ERROR_MALFORMED, "malformed block type");
}

static bool read_labels(struct reader *reader, struct instruction *i)
{
    uint32_t label;
    if (!read_u32(reader, &i->count))
        return false;
    i->labels = reader->at;
    for (uint64_t left = (uint64_t)i->count + 1; left > 0; left--)
        if (!read_u32(reader, &label))
            return false;
    return true;
}

static bool read_select(struct reader *reader, struct instruction *i)
{
    if (!read_u32(reader, &i->count))
        return false;
    for (uint32_t left = i->count; left > 0; left--)
        if (!read_valtype(reader, &i->type))
            return false;
    return true;
}

static bool read_memarg(struct reader *reader, struct instruction *i)
{
    if (!read_u32(reader, &i->align))
        return false;
    if (i->align >= 32)
        return fail(reader, i->start, ERROR_MALFORMED, "malformed memop flags");
    return read_u32(reader, &i->offset);
}

static bool read_memory(struct reader *reader, uint32_t *memory)
{
    uint8_t byte;
    const uint8_t *at = reader->at;
    if (!read_byte(reader, &byte))
        return false;
    *memory = 0;
    return byte == 0 || fail(reader, at, ERROR_MALFORMED, "zero byte expected");
}

static bool read_constant(struct reader *reader, struct instruction *i, unsigned size)
{
    const uint8_t *at = reader->at;
    if (!read_skip(reader, size))
        return false;
    i->bits = size == 4 ? get_le32(at) : get_le64(at);
    return true;
}

static bool read_integer(struct reader *reader, struct instruction *i)
{
    int32_t narrow;
    if (!read_s32(reader, &narrow))
        return false;
    i->bits = (uint32_t)narrow;
    return true;
}

static bool read_wide(struct reader *reader, struct instruction *i)
{
    int64_t wide;
    if (!read_s64(reader, &wide))
        return false;
    i->bits = (uint64_t)wide;
    return true;
}

static bool read_immediates(struct reader *reader, struct instruction *i, enum immediates which)
{
    switch (which) {
    case IMM_NONE: return true;
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
    case IMM_TABLE:
    case IMM_ELEM:
    case IMM_DATA: return read_u32(reader, &i->index);
    case IMM_TYPE_TABLE:
    case IMM_TABLE_TABLE:
    case IMM_ELEM_TABLE: return read_u32(reader, &i->index) && read_u32(reader, &i->second);
    case IMM_MEMORY: return read_memory(reader, &i->index);
    case IMM_MEMORY_MEMORY:
        return read_memory(reader, &i->index) && read_memory(reader, &i->second);
    case IMM_DATA_MEMORY: return read_u32(reader, &i->index) && read_memory(reader, &i->second);
    case IMM_BLOCK: return read_blocktype(reader, i);
    case IMM_LABELS: return read_labels(reader, i);
    case IMM_TYPES: return read_select(reader, i);
    case IMM_MEMARG: return read_memarg(reader, i);
    case IMM_I32: return read_integer(reader, i);
    case IMM_I64: return read_wide(reader, i);
    case IMM_F32: return read_constant(reader, i, 4);
    case IMM_F64: return read_constant(reader, i, 8);
    case IMM_REFTYPE: return read_reftype(reader, &i->type);
    }
    return false;
}

bool walk_next(struct reader *reader, struct instruction *i)
{
    uint8_t byte;
    uint32_t number, opcode;
    i->start = reader->at;
    if (!read_byte(reader, &byte))
        return false;
    opcode = byte;
    if (byte == 0xFC) {
        if (!read_u32(reader, &number))
            return false;
        opcode = OPCODE_OF(0xFC, number < 0xFFFF ? number : 0xFFFF);
    }
    const struct opcode_info *info = opcode_info(opcode);
    if (!info->text)
        return refuse(reader, i->start, opcode);
    /* The table has a text for the enum's values only: what clang-tidy cannot know. */
    i->opcode = (enum opcode)opcode; /* NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange) */
    return read_immediates(reader, i, (enum immediates)info->immediates);
}

int walk_depth(enum opcode opcode)
{
    if (opcode == WASM_BLOCK || opcode == WASM_LOOP || opcode == WASM_IF)
        return 1;
    return opcode == WASM_END ? -1 : 0;
}

void walk_unreachable(struct reader *reader)
{
    struct instruction i = {.opcode = WASM_NOP};
    for (int depth = 0; walk_next(reader, &i); depth += walk_depth(i.opcode))
        if (depth == 0 && (i.opcode == WASM_END || i.opcode == WASM_ELSE)) {
            reader->at = i.start;
            return;
        }
}
