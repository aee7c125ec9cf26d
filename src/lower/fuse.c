/* fuse.c - which instructions of a function's register code run as one.
 *
 * From the end of the code to its start, each instruction gets the number of the fused instruction
 * that makes the rest of its straight line cheapest. Branches into the middle of a fused one find
 * the later parts as they were, so neither labels nor safepoints matter here. */
#include <stdlib.h>

#include "lower/code.h"

struct part {
    uint16_t code;
    uint8_t field; /* of the next part, that takes the result; 0: none */
    bool keeps;    /* the result is kept in its register */
};

/* The parts of all fused instructions, each followed by one of no code. */
static const struct part all_parts[] = {
#define PART(in, name, next) {CODE_##name, LINK_FIELD_##next, LINK_KEEPS_##next},
#define JOIN(name)           {CODE_##name, 0, true},
#define FUSED(parts)         parts{CODE_COUNT, 0, true},
#include "lower/fused.def"
};

struct candidate {
    const struct part *parts;
    uint16_t nparts;
    uint16_t next; /* of those with the same first part */
};

/* Fused instructions have the first numbers, in the order of the file. */
enum {
#define FUSED(parts) AT_LINE(COUNTED_, __LINE__),
#include "lower/fused.def"
    COUNT
};
#define NONE 0xFFFF
static struct candidate candidates[COUNT];
static uint16_t first_of[CODE_COUNT];
static bool indexed;

static void make_index(void)
{
    const struct part *part = all_parts;
    for (uint32_t i = 0; i < COUNT; i++) {
        candidates[i].parts = part;
        for (; part->code != CODE_COUNT; part++)
            candidates[i].nparts++;
        part++;
    }
    memset(first_of, 0xFF, sizeof first_of);
    for (uint32_t i = COUNT; i-- > 0;) {
        candidates[i].next = first_of[candidates[i].parts->code];
        first_of[candidates[i].parts->code] = (uint16_t)i;
    }
    indexed = true;
}

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Whether the instruction at `at` hands its result on to the next one like that part. */
static bool linked(const struct part *part, const uint8_t *at, const uint8_t *next,
                   uint32_t operands)
{
    return part->field == 0 ||
           (half(at + 2) == half(next + part->field) && (part->keeps || half(at + 2) >= operands));
}

struct instruction {
    uint32_t offset;
    uint16_t code;
    uint32_t saved; /* by the best choice from here on */
};

/* Whether the candidate's parts are what stands at `list`, of which `count` are left. */
static bool fits(const struct candidate *candidate, const uint8_t *code,
                 const struct instruction *list, uint32_t count, uint32_t operands)
{
    if (candidate->nparts > count)
        return false;
    for (uint32_t i = 1; i < candidate->nparts; i++)
        if (candidate->parts[i].code != list[i].code ||
            !linked(&candidate->parts[i - 1], code + list[i - 1].offset, code + list[i].offset,
                    operands))
            return false;
    return true;
}

/* A rough measure of the host's work that a fused instruction saves: going to the next one, and
 * writing and reading a register. */
static uint32_t saved_by(const struct candidate *candidate)
{
    uint32_t saved = 12 * (candidate->nparts - 1u);
    for (uint32_t i = 0; i + 1 < candidate->nparts; i++)
        saved += (candidate->parts[i].field ? 3 : 0) + (candidate->parts[i].keeps ? 0 : 3);
    return saved;
}

/* Where the instructions of the code begin. */
static bool split(const uint8_t *code, uint32_t size, struct buffer *instructions)
{
    for (uint32_t at = 0; at < size;) {
        struct instruction instruction = {.offset = at, .code = half(code + at)};
        buffer_put(instructions, &instruction, sizeof instruction);
        at += code_length((enum code)instruction.code);
        if (instruction.code == CODE_BR_TABLE) {
            uint32_t count;
            memcpy(&count, code + instruction.offset + 4, sizeof count);
            at += (count + 1) * 4;
        }
    }
    return !instructions->failed;
}

/* The best choice for the instruction at `list`, of which `count` are left. */
static void fuse(uint8_t *code, struct instruction *list, uint32_t count, uint32_t operands)
{
    list->saved = count > 1 ? list[1].saved : 0;
    for (uint16_t i = first_of[list->code]; i != NONE; i = candidates[i].next) {
        const struct candidate *candidate = &candidates[i];
        if (!fits(candidate, code, list, count, operands))
            continue;
        uint32_t saved = saved_by(candidate);
        if (candidate->nparts < count)
            saved += list[candidate->nparts].saved;
        if (saved > list->saved || (saved == list->saved && candidate->nparts == 1)) {
            list->saved = saved;
            memcpy(code + list->offset, &i, sizeof i);
        }
    }
}

void fuse_function(uint8_t *code, uint32_t size, uint32_t operands)
{
    struct buffer buffer = {0};
    if (!indexed)
        make_index();
    if (split(code, size, &buffer)) {
        struct instruction *list = (struct instruction *)(void *)buffer.data;
        uint32_t count = (uint32_t)(buffer.size / sizeof *list);
        for (uint32_t i = count; i-- > 0;)
            fuse(code, list + i, count - i, operands);
    }
    buffer_free(&buffer);
}
