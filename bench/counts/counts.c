/* counts.c - a counter for each instruction of the register code. */
#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower/code.h"

/* A function's register code; counters are by offset / 4. */
struct range {
    const uint8_t *code;
    uint8_t *copy; /* the code is gone when the report is written */
    uint32_t size;
    uint32_t operands;
    uint64_t *counts;
    uint64_t *followed;
};
/* So far back a fused instruction can reach. */
#define WINDOW 16

static struct range *ranges;
static uint32_t nranges;

static const char *code_name(enum code code)
{
    static const char *const names[CODE_COUNT] = {
#define FORM(name, length, kind) [CODE_##name] = #name,
#include "lower/forms.def"
    };
    return names[code];
}

static uint16_t half(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void report(void);

/* Everything is counted as it was lowered: nothing is fused. */
void fuse_function(uint8_t *code, uint32_t size, uint32_t operands)
{
    if (nranges == 0)
        atexit(report);
    ranges = realloc(ranges, (nranges + 1) * sizeof *ranges);
    uint64_t *counters = calloc(size / 2 + 2, sizeof *counters);
    uint8_t *copy = malloc(size);
    if (!ranges || !counters || !copy)
        abort();
    memcpy(copy, code, size);
    uint32_t i = nranges++;
    for (; i > 0 && (uintptr_t)ranges[i - 1].code > (uintptr_t)code; i--)
        ranges[i] = ranges[i - 1];
    ranges[i] = (struct range){code, copy, size, operands, counters, counters + size / 4 + 1};
}

static struct range *range_of(const uint8_t *pc)
{
    static uint32_t last;
    if (last < nranges && (uintptr_t)pc - (uintptr_t)ranges[last].code < ranges[last].size)
        return &ranges[last];
    uint32_t low = 0, high = nranges;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if ((uintptr_t)ranges[middle].code <= (uintptr_t)pc)
            low = middle;
        else
            high = middle;
    }
    last = low;
    return nranges && (uintptr_t)pc - (uintptr_t)ranges[low].code < ranges[low].size ? &ranges[low]
                                                                                     : NULL;
}

void count_instruction(const uint8_t *pc)
{
    static const uint8_t *previous;
    struct range *range = range_of(pc); /* NULL: a stub */
    if (range) {
        range->counts[(pc - range->code) / 4]++;
        if (previous && previous >= range->code && previous < pc &&
            previous + code_length((enum code)half(previous)) == pc)
            range->followed[(previous - range->code) / 4]++;
    }
    previous = pc;
}

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Whether that field of the instruction names a register from which it takes a value
 * (exec/operations.h). */
static bool takes_from(uint16_t code, uint32_t field)
{
    const char *name = code_name((enum code)code);
    bool test = strstr(name, "_BR_") || strstr(name, "_LOOP_");
    if (strncmp(name, "CONST", 5) == 0 || strncmp(name, "GLOBAL_GET", 10) == 0 ||
        strcmp(name, "REF_NULL") == 0 || strcmp(name, "REF_FUNC") == 0)
        return false;
    if (strncmp(name, "BR", 2) == 0 || strcmp(name, "GLOBAL_SET") == 0)
        return field == 2;
    if (strcmp(name, "SELECT") == 0)
        return field == 4 || field == 6 || field == 8;
    if (strstr(name, "_LOAD"))
        return field == 4 && !ends_in(name, "_ABS");
    if (strstr(name, "_STORE"))
        return field == 2 || (field == 4 && !ends_in(name, "_ABS"));
    if (ends_in(name, "_RR"))
        return field == 4 || field == (test ? 2 : 6);
    return field == (test ? 2 : 4);
}

/* Where the instruction that is `number`th in the range finds its operands: which field's register
 * was written by which of those before it. `offsets` are of all up to it. */
static void report_inputs(FILE *file, const uint8_t *code, const uint32_t *offsets, uint32_t number)
{
    const uint8_t *own = code + offsets[number];
    const char *comma = "";
    for (uint32_t field = 2; field <= 8; field += 2) {
        if (!takes_from(half(own), field))
            continue;
        for (uint32_t distance = 1; distance <= number && distance < WINDOW; distance++) {
            const uint8_t *before = code + offsets[number - distance];
            if (code_has_result((enum code)half(before)) && half(before + 2) == half(own + field)) {
                fprintf(file, "%s%u:%u", comma, field, distance);
                comma = ",";
                break;
            }
        }
    }
    fprintf(file, "%s", *comma ? " " : "- ");
}

static void report_range(FILE *file, const struct range *range)
{
    uint32_t *offsets = calloc(range->size / 4 + 1, sizeof *offsets), number = 0;
    if (!offsets)
        abort();
    for (uint32_t at = 0; at < range->size; number++) {
        const uint8_t *code = range->copy + at;
        uint32_t length = code_length((enum code)half(code));
        offsets[number] = at;
        if (half(code) == CODE_BR_TABLE) {
            uint32_t count;
            memcpy(&count, code + 4, sizeof count);
            length += (count + 1) * 4;
        }
        if (range->counts[at / 4]) {
            fprintf(file, "%s %c ", code_name((enum code)half(code)),
                    !code_has_result((enum code)half(code)) ? '-'
                    : half(code + 2) < range->operands      ? 'L'
                                                            : 'O');
            report_inputs(file, range->copy, offsets, number);
            fprintf(file, "%llu %llu\n", (unsigned long long)range->counts[at / 4],
                    (unsigned long long)range->followed[at / 4]);
            if (range->followed[at / 4] == 0)
                fprintf(file, "\n");
        }
        at += length;
    }
    fprintf(file, "\n");
    free(offsets);
}

static void report(void)
{
    const char *name = getenv("YADO_COUNTS");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (!file) {
        fprintf(stderr, "yado-counts: $YADO_COUNTS names no file that can be written\n");
        return;
    }
    for (uint32_t i = 0; i < nranges; i++)
        report_range(file, &ranges[i]);
    fclose(file);
}
