/* counts.c - sequences of up to three instructions, by code, in a hash table. */
#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower/code.h"

#define LENGTH 3
#define SLOTS  (1u << 18)
#define SHOWN  45

struct sequence {
    uint64_t count;
    uint64_t chained; /* how often the last one took the result of the one before */
    uint16_t codes[LENGTH];
    uint16_t length;
};

static struct sequence table[SLOTS];
static const uint8_t *previous[LENGTH];

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static struct sequence *find(const uint16_t codes[LENGTH], uint16_t length)
{
    uint64_t key = length;
    for (uint16_t i = 0; i < length; i++)
        key = key * 1021 + codes[i];
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

static bool reads(const uint8_t *pc, uint16_t slot)
{
    for (uint32_t at = 2; at < 8 && at < code_length((enum code)half(pc)); at += 2)
        if (half(pc + at) == slot)
            return true;
    return false;
}

static void report(void);

void count_instruction(const uint8_t *pc)
{
    static bool begun;
    if (!begun)
        begun = atexit(report) == 0;
    uint16_t codes[LENGTH];
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
        for (uint32_t i = 0; i + 1 < length; i++)
            codes[i] = half(previous[length - 2 - i]);
        codes[length - 1] = half(pc);
        struct sequence *sequence = find(codes, (uint16_t)length);
        sequence->count++;
        sequence->chained += length > 1 && reads(pc, half(previous[0] + 2));
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
    for (uint16_t length = 1; length <= LENGTH; length++) {
        fprintf(stderr, "\n%llu instructions; sequences of %u:\n", (unsigned long long)total,
                length);
        uint32_t shown = 0;
        for (uint32_t i = 0; i < SLOTS && shown < SHOWN && table[i].count; i++) {
            const struct sequence *s = &table[i];
            if (s->length != length)
                continue;
            fprintf(stderr, "%6.2f %%", 100.0 * (double)s->count / (double)total);
            if (length > 1)
                fprintf(stderr, " %3.0f %% chained",
                        100.0 * (double)s->chained / (double)s->count);
            for (uint16_t j = 0; j < length; j++)
                fprintf(stderr, "  %s", code_name((enum code)s->codes[j]));
            fprintf(stderr, "\n");
            shown++;
        }
    }
}
