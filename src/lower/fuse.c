/* fuse.c - which instructions of a function's register code run as one.
 *
 * From the end of the code to its start, each instruction gets the number of the fused instruction
 * that makes the rest of its straight line cheapest. Branches into the middle of a fused one find the
 * later parts as they were, so neither labels nor safepoints matter here. */
#include <stdlib.h>

#include "lower/code.h"

struct link_kind {
    uint8_t field; /* of the next part, that takes the result; 0: none */
    bool keeps;    /* the result is kept in its register */
};

struct candidate {
    uint16_t parts[3]; /* CODE_COUNT: there is no third */
    uint16_t fused;
    struct link_kind links[2];
};

static const struct candidate candidates[] = {
#define LINK(link) {LINK_FIELD_##link, LINK_KEEPS_##link}
#define FUSE2(first, link, second)              \
    {{CODE_##first, CODE_##second, CODE_COUNT}, \
     CODE_##first##_##link##_##second,          \
     {LINK(link), LINK(X)}},
#define FUSE3(first, link, second, link2, third)           \
    {{CODE_##first, CODE_##second, CODE_##third},          \
     CODE_##first##_##link##_##second##_##link2##_##third, \
     {LINK(link), LINK(link2)}},
#define BEFORE(first, second)                   \
    {{CODE_##first, CODE_##second, CODE_COUNT}, \
     CODE_##first##_BEFORE_##second,            \
     {LINK(X), LINK(X)}},
#include "lower/fused.def"
};

#define COUNT ((uint32_t)(sizeof candidates / sizeof *candidates))

/* The candidates by their first part: heads of lists. */
static uint16_t first_of[CODE_COUNT], next_of[COUNT];
static bool indexed;

static void make_index(void)
{
    memset(first_of, 0xFF, sizeof first_of);
    for (uint32_t i = COUNT; i-- > 0;) {
        next_of[i] = first_of[candidates[i].parts[0]];
        first_of[candidates[i].parts[0]] = (uint16_t)i;
    }
    indexed = true;
}

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Whether the instructions at `part` and `next` are linked like that. */
static bool linked(struct link_kind link, const uint8_t *part, const uint8_t *next,
                   uint32_t operands)
{
    return link.field == 0 || (half(part + 2) == half(next + link.field) &&
                               (link.keeps || half(part + 2) >= operands));
}

/* `at` leads to the first part; codes are the numbers of it and of what follows. */
static bool fits(const struct candidate *candidate, const uint8_t *at, const uint16_t codes[3],
                 uint32_t operands)
{
    const uint8_t *second = at + code_length((enum code)codes[0]);
    if (candidate->parts[1] != codes[1] || !linked(candidate->links[0], at, second, operands))
        return false;
    if (candidate->parts[2] == CODE_COUNT)
        return true;
    const uint8_t *third = second + code_length((enum code)codes[1]);
    return candidate->parts[2] == codes[2] &&
           linked(candidate->links[1], second, third, operands);
}

/* A rough measure of the host's work that a fused instruction saves: instructions of the host that
 * go to finding the next one, to writing a register and to reading it. */
static uint32_t saved_by(const struct candidate *candidate)
{
    uint32_t saved = candidate->parts[2] == CODE_COUNT ? 12 : 24;
    for (uint32_t i = 0; i < 2; i++)
        saved += (candidate->links[i].field ? 3 : 0) + (candidate->links[i].keeps ? 0 : 3);
    return saved;
}

struct instruction {
    uint32_t offset;
    uint16_t code;
    uint32_t saved; /* by the best choice from here on */
};

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

void fuse_function(uint8_t *code, uint32_t size, uint32_t operands)
{
    struct buffer buffer = {0};
    if (!indexed)
        make_index();
    if (split(code, size, &buffer)) {
        struct instruction *list = (struct instruction *)(void *)buffer.data;
        uint32_t count = (uint32_t)(buffer.size / sizeof *list);
        for (uint32_t i = count; i-- > 0;) {
            uint8_t *at = code + list[i].offset;
            uint16_t codes[3] = {list[i].code, i + 1 < count ? list[i + 1].code : CODE_COUNT,
                                 i + 2 < count ? list[i + 2].code : CODE_COUNT};
            list[i].saved = i + 1 < count ? list[i + 1].saved : 0;
            for (uint32_t c = first_of[codes[0]]; c != 0xFFFF; c = next_of[c]) {
                uint32_t parts = candidates[c].parts[2] == CODE_COUNT ? 2 : 3;
                uint32_t saved =
                    saved_by(&candidates[c]) + (i + parts < count ? list[i + parts].saved : 0);
                if (saved > list[i].saved && fits(&candidates[c], at, codes, operands)) {
                    list[i].saved = saved;
                    memcpy(at, &candidates[c].fused, sizeof candidates[c].fused);
                }
            }
        }
    }
    buffer_free(&buffer);
}
