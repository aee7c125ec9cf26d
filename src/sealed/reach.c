/* reach.c - the guest's memory, for the runtime: see exec/reach.h. Of a guest that has a memory of
 * its own the runtime gets copies. */
#include "exec/reach.h"

#include <stdio.h>
#include <stdlib.h>

#include "sealed/sealed.h"

static bool apart(void)
{
    return sealed_layout[LAYOUT_MEMORY_IS_APART];
}

/* Two, with a gap between them, in turn: see memory_view. */
const uint8_t *memory_view(const struct memory *memory, uint32_t at)
{
    static uint8_t views[3 * MEMORY_VIEW];
    static bool second;
    if (!apart())
        return memory->base + at;
    second = !second;
    uint8_t *view = views + (second ? 2 * MEMORY_VIEW : 0);
    guest_memory_out(view, at, MEMORY_VIEW);
    return view;
}

void memory_put(struct memory *memory, uint32_t at, const void *bytes, size_t size)
{
    if (apart())
        guest_memory_in(at, bytes, size);
    else
        memcpy(memory->base + at, bytes, size);
}

void memory_clear(struct memory *memory, uint32_t at, size_t size)
{
    if (apart())
        guest_memory_fill(at, 0, size);
    else
        memset(memory->base + at, 0, size);
}

/* ---- for the time of a call */

/* What the buffers of a call may have together: a large part of the usual heap. */
enum { LENDS = 4 << 20 };

struct loan {
    struct loan *next;
    uint32_t at;
    size_t size;
    bool overlaps;   /* an earlier one: then its bytes are there a second time, as they were */
    uint8_t bytes[]; /* the guest's, changed or not */
};

static struct loan *loans, **last_loan = &loans;

static bool is_lent(uint32_t at, size_t size)
{
    for (const struct loan *loan = loans; loan; loan = loan->next)
        if (at < (uint64_t)loan->at + loan->size && loan->at < (uint64_t)at + size)
            return true;
    return false;
}

uint8_t *memory_borrow(const struct memory *memory, uint32_t at, size_t size)
{
    if (!apart())
        return memory->base + at;
    bool overlaps = is_lent(at, size);
    struct loan *loan =
        size < SIZE_MAX / 4 ? malloc(sizeof *loan + (overlaps ? 2 * size : size)) : NULL;
    if (!loan) {
        char message[100];
        snprintf(message, sizeof message,
                 "no memory for a copy of %zu bytes of the guest's: seal it with more --heap",
                 size);
        sealed_fail(TRAP_HOST, message);
    }
    *loan = (struct loan){.at = at, .size = size, .overlaps = overlaps};
    guest_memory_out(loan->bytes, at, size);
    if (overlaps)
        memcpy(loan->bytes + size, loan->bytes, size);
    *last_loan = loan;
    last_loan = &loan->next;
    return loan->bytes;
}

static void settle(const struct loan *loan)
{
    if (!loan->overlaps) {
        guest_memory_in(loan->at, loan->bytes, loan->size);
        return;
    }
    for (size_t i = 0; i < loan->size; i++)
        if (loan->bytes[i] != loan->bytes[loan->size + i])
            guest_memory_in(loan->at + (uint32_t)i, loan->bytes + i, 1);
}

void memory_settle(void)
{
    while (loans) {
        struct loan *loan = loans;
        loans = loan->next;
        settle(loan);
        free(loan);
    }
    last_loan = &loans;
}

uint32_t memory_lends(uint32_t size, uint32_t taken)
{
    uint32_t left = taken < LENDS ? LENDS - taken : 0;
    return apart() && size > left ? left : size;
}
