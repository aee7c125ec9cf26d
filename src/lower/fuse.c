/* fuse.c - which instructions of a function's register code run as one.
 *
 * From the end of the code to its start, each instruction gets the number of the fused instruction
 * that makes the rest of its straight line cheapest. Branches into the middle of a fused one find
 * the later parts as they were, so neither labels nor safepoints matter here. */
#include <stdlib.h>

#include "lower/code.h"
#include "lower/technique.h"

/* Parts of one fused instruction are named by letters (fused.def). */
enum {
    NO_PART,
    PART_a,
    PART_b,
    PART_c,
    PART_d,
    PART_e,
    PART_f,
    PART_g,
    PART_h,
    PART_i,
    PART_j,
    PART_k,
    PART_l,
    PART_m,
    PART_n,
    PART_o
};

/* In 32 bits: there are thousands. */
struct part {
    uint32_t code : 11;
    uint32_t passes : 1; /* the result goes to later parts only, not to its register */
    /* Of which part the result stands for the register in field 2, 4, 6 or 8. */
    uint32_t input2 : 4, input4 : 4, input6 : 4, input8 : 4;
};
_Static_assert(CODE_COUNT < 1 << 11, "code numbers have 11 bits in struct part");

/* The parts of all fused instructions, each followed by one of no code. */
static const struct part all_parts[] = {
#define FROM(field, part)               .input##field = PART_##part,
#define PART(result, name, how, inputs) {.code = CODE_##name, .passes = PASSES_##how, inputs},
#define JOIN(name)                      {.code = CODE_##name},
#define RETURNS(part)                   {.code = CODE_RETURN_ONE, FROM(4, part)},
#define FUSED(parts)                    parts{.code = CODE_COUNT},
#include "lower/generated/fused.def"
};

struct candidate {
    const struct part *parts;
    uint16_t nparts;
    uint16_t next; /* of those with the same codes, which differ in what is handed on */
    uint16_t saved;
};

/* Fused instructions have the first numbers, in the order of the file. */
enum {
#define FUSED(parts) AT_LINE(COUNTED_, __LINE__),
#include "lower/generated/fused.def"
    COUNT
};
#define NONE 0xFFFF
static struct candidate candidates[COUNT];

/* The candidates' codes as a tree: those with the same beginning have one way down. A node stands
 * for the part of its code behind those above it. */
struct node {
    uint16_t code;
    uint16_t below;  /* the first of the parts that can follow */
    uint16_t beside; /* the next of those that can stand here */
    uint16_t ends;   /* the first candidate of which this is the last part */
};
static struct node nodes[sizeof all_parts / sizeof *all_parts];
static uint16_t nnodes;
static uint16_t first_of[CODE_COUNT]; /* nodes at the top */
static bool indexed;

/* A rough measure of the host's work that a fused instruction saves: going to the next one, and
 * writing and reading registers. */
static uint16_t saved_by(const struct candidate *candidate)
{
    uint32_t saved = 12 * (candidate->nparts - 1u);
    for (const struct part *part = candidate->parts; part->code != CODE_COUNT; part++)
        saved +=
            3 * (part->passes + !!part->input2 + !!part->input4 + !!part->input6 + !!part->input8);
    return (uint16_t)saved;
}

/* Where the node of a code stands, or would stand, among those from `*at` on: the most used come
 * first, as in the file. */
static uint16_t *place_beside(uint16_t *at, uint32_t code)
{
    while (*at != NONE && nodes[*at].code != code)
        at = &nodes[*at].beside;
    return at;
}

/* The node of a candidate's last part, which is made with those above it that are not there yet. */
static struct node *node_of(const struct candidate *candidate)
{
    uint16_t *at = &first_of[candidate->parts->code];
    for (uint32_t i = 0; i < candidate->nparts; i++) {
        at = place_beside(i ? &nodes[*at].below : at, candidate->parts[i].code);
        if (*at == NONE) {
            nodes[nnodes] = (struct node){(uint16_t)candidate->parts[i].code, NONE, NONE, NONE};
            *at = nnodes++;
        }
    }
    return &nodes[*at];
}

/* Whether each part may take what it takes: always, but for measuring (technique.h). */
static bool is_used(const struct candidate *candidate)
{
    const struct part *parts = candidate->parts;
    for (uint32_t i = 0; i < candidate->nparts; i++) {
        const uint32_t inputs[] = {parts[i].input2, parts[i].input4, parts[i].input6,
                                   parts[i].input8};
        for (uint32_t at = 0; at < 4; at++)
            if (inputs[at] != NO_PART &&
                !uses_link(parts[inputs[at] - PART_a].code, parts[i].code, 2 + 2 * at))
                return false;
    }
    return true;
}

static void make_index(void)
{
    const struct part *part = all_parts;
    memset(first_of, 0xFF, sizeof first_of);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct candidate *candidate = &candidates[i];
        candidate->parts = part;
        for (; part->code != CODE_COUNT; part++)
            candidate->nparts++;
        part++;
        candidate->saved = saved_by(candidate);
        if (!is_used(candidate))
            continue;
        struct node *node = node_of(candidate);
        candidate->next = node->ends;
        node->ends = (uint16_t)i;
    }
    indexed = true;
}

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

struct instruction {
    uint32_t offset;
    uint16_t code;
    uint32_t saved; /* by the best choice from here on */
};

/* The register in a field of instruction `i`. */
static uint16_t field_of(const uint8_t *code, const struct instruction *list, uint32_t i,
                         uint32_t field)
{
    return half(code + list[i].offset + field);
}

/* Whether instruction `i` finds in that field's register what the part `from` has put there. */
static bool takes(const uint8_t *code, const struct instruction *list, uint32_t i, uint32_t field,
                  uint32_t from)
{
    if (from == NO_PART)
        return true;
    uint16_t slot = field_of(code, list, i, field);
    if (field_of(code, list, from - PART_a, 2) != slot)
        return false;
    for (uint32_t between = from - PART_a + 1; between < i; between++)
        if (code_has_result((enum code)list[between].code) &&
            field_of(code, list, between, 2) == slot)
            return false;
    return true;
}

/* Whether nothing but the parts that take the result of part `i` needs it: it is an operand, each
 * of which is taken once. Only copies leave their source where it is (local.tee). */
static bool can_pass(const struct candidate *candidate, const uint8_t *code,
                     const struct instruction *list, uint32_t i, uint32_t operands)
{
    uint16_t slot = field_of(code, list, i, 2);
    for (uint32_t later = i + 1; later < candidate->nparts; later++)
        if (list[later].code == CODE_COPY && field_of(code, list, later, 4) == slot)
            return false;
    return slot >= operands;
}

/* Whether at `list`, which has the candidate's codes, results go where its parts hand them on. */
static bool fits(const struct candidate *candidate, const uint8_t *code,
                 const struct instruction *list, uint32_t operands)
{
    const struct part *parts = candidate->parts;
    for (uint32_t i = 0; i < candidate->nparts; i++) {
        if (!takes(code, list, i, 2, parts[i].input2) ||
            !takes(code, list, i, 4, parts[i].input4) ||
            !takes(code, list, i, 6, parts[i].input6) || !takes(code, list, i, 8, parts[i].input8))
            return false;
        if (parts[i].passes && !can_pass(candidate, code, list, i, operands))
            return false;
    }
    return true;
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
    uint16_t at = first_of[list->code];
    for (uint32_t nparts = 1; at != NONE; nparts++) {
        uint32_t behind = nparts < count ? list[nparts].saved : 0;
        for (uint16_t i = nodes[at].ends; i != NONE; i = candidates[i].next) {
            uint32_t saved = candidates[i].saved + behind;
            if ((saved > list->saved || (saved == list->saved && nparts == 1)) &&
                fits(&candidates[i], code, list, operands)) {
                uint16_t fused = (uint16_t)(CODE_NONE + 1 + i); /* the first codes are fused */
                list->saved = saved;
                memcpy(code + list->offset, &fused, sizeof fused);
            }
        }
        at = nparts < count ? *place_beside(&nodes[at].below, list[nparts].code) : NONE;
    }
}

void fuse_function(uint8_t *code, uint32_t size, uint32_t operands)
{
    struct buffer buffer = {0};
    if (!uses(TECHNIQUE_FUSION))
        return;
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
