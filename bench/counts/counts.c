/* counts.c - sequences of up to three instructions, by code, in a hash table. */
#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower/code.h"

#define LENGTH 3
#define SLOTS  (1u << 18)
#define SHOWN  600

/* In a sequence each code but the last has added to it where the next one takes its result, and
 * whether that is a local's. */
#define TAKEN(field) ((uint32_t)(field) << 16)
#define KEPT         (1u << 24)

struct sequence {
    uint64_t count;
    uint32_t codes[LENGTH];
    uint32_t length;
};

static struct sequence table[SLOTS];
static const uint8_t *previous[LENGTH];

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* The code of the functions that have been lowered. */
struct range {
    const uint8_t *code;
    uint32_t size;
    uint32_t operands;
};
static struct range *ranges;
static uint32_t nranges;

/* Everything is counted as it was lowered: nothing is fused. */
void fuse_function(uint8_t *code, uint32_t size, uint32_t operands)
{
    ranges = realloc(ranges, (nranges + 1) * sizeof *ranges);
    if (!ranges)
        abort();
    uint32_t i = nranges++;
    for (; i > 0 && (uintptr_t)ranges[i - 1].code > (uintptr_t)code; i--)
        ranges[i] = ranges[i - 1];
    ranges[i] = (struct range){code, size, operands};
}

static uint32_t operands_at(const uint8_t *pc)
{
    static uint32_t last;
    const struct range *range = &ranges[last];
    if (last < nranges && (uintptr_t)pc - (uintptr_t)range->code < range->size)
        return range->operands;
    uint32_t low = 0, high = nranges;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if ((uintptr_t)ranges[middle].code <= (uintptr_t)pc)
            low = middle;
        else
            high = middle;
    }
    last = low;
    return ranges[low].operands;
}

static struct sequence *find(const uint32_t codes[LENGTH], uint32_t length)
{
    uint64_t key = length;
    for (uint32_t i = 0; i < length; i++)
        key = key * 0x2545F4914F6CDD1Du + codes[i];
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 46);
    while (table[at].count && (table[at].length != length ||
                               memcmp(table[at].codes, codes, length * sizeof *codes) != 0))
        at = (at + 1) % SLOTS;
    if (!table[at].count) {
        table[at].length = length;
        memcpy(table[at].codes, codes, length * sizeof *codes);
    }
    return &table[at];
}

/* Whether the first register is written. */
static bool has_result(uint16_t code)
{
    const char *name = code_name((enum code)code);
    return !(strstr(name, "_BR_") || strstr(name, "_LOOP") || strncmp(name, "BR", 2) == 0 ||
             strstr(name, "_STORE") || strcmp(name, "GLOBAL_SET") == 0 ||
             strncmp(name, "CALL", 4) == 0 || strncmp(name, "RETURN", 6) == 0);
}

/* The field from which `next` takes the result of `code`, in the form of TAKEN; 0 for none. */
static uint32_t taken(const uint8_t *code, const uint8_t *next)
{
    if (!has_result(half(code)))
        return 0;
    for (uint32_t at = has_result(half(next)) ? 4 : 2; at < 8 && at < code_length((enum code)half(next)); at += 2)
        if (half(next + at) == half(code + 2))
            return TAKEN(at) | (half(code + 2) < operands_at(code) ? KEPT : 0);
    return 0;
}

static void report(void);

void count_instruction(const uint8_t *pc)
{
    static bool begun;
    if (!begun)
        begun = atexit(report) == 0;
    uint32_t codes[LENGTH];
    uint32_t known = 0; /* instructions before this one that it follows without a branch */
    const uint8_t *next = pc;
    for (uint32_t i = 0; i < LENGTH - 1; i++) {
        const uint8_t *before = previous[i];
        if (!before || before + code_length((enum code)half(before)) != next)
            break;
        next = before;
        known++;
    }
    for (uint32_t length = 1; length <= known + 1; length++) {
        next = pc;
        codes[length - 1] = half(pc);
        for (uint32_t i = length - 1; i-- > 0;) {
            const uint8_t *before = previous[length - 2 - i];
            codes[i] = half(before) | taken(before, next);
            next = before;
        }
        find(codes, length)->count++;
    }
    memmove(previous + 1, previous, sizeof previous - sizeof *previous);
    previous[0] = pc;
}

static int by_count(const void *a, const void *b)
{
    const struct sequence *x = a, *y = b;
    return (x->count < y->count) - (x->count > y->count);
}

static void report(void)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        total += table[i].length == 1 ? table[i].count : 0;
    qsort(table, SLOTS, sizeof *table, by_count);
    for (uint32_t length = 1; length <= LENGTH; length++) {
        fprintf(stderr, "\n%llu instructions; sequences of %u:\n", (unsigned long long)total,
                length);
        uint32_t shown = 0;
        for (uint32_t i = 0; i < SLOTS && shown < SHOWN && table[i].count; i++) {
            const struct sequence *s = &table[i];
            if (s->length != length)
                continue;
            fprintf(stderr, "%6.2f %%", 100.0 * (double)s->count / (double)total);
            for (uint32_t j = 0; j < length; j++) {
                uint32_t taken_from = j > 0 ? s->codes[j - 1] >> 16 : 0;
                if (taken_from)
                    fprintf(stderr, " %s> %u:", taken_from >> 8 ? "=" : "-", taken_from & 0xFF);
                fprintf(stderr, " %s", code_name((enum code)(s->codes[j] & 0xFFFF)));
            }
            fprintf(stderr, "\n");
            shown++;
        }
    }
}
