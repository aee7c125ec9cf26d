/* memory.c - guest memories at the end of Yadokari's own linear memory.
 *
 *     0                                                     memory.size         4 GiB
 *     │ stack │ data │ malloc's heap (reserve) │ guest memory │ not there yet   │
 *
 * A memory that lies last grows in place: memory.grow adds zeros behind it. malloc takes from the
 * same end when its heap is full, and then the guest's memory lies last no more; its next growth
 * moves it, once, to the new end, with some room behind it. The heap's reserve makes that rare.
 *
 * Linear memory cannot shrink, so the place of a destroyed memory is kept in a list and used again
 * (test suites make thousands of small ones). */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

/* ---- a host's own heap
 *
 * WAMR of 2020 gives every module a page more than it asked for and keeps a heap of its own there,
 * for copies of iovec arrays:
 *
 *     │ data │ __heap_base ... __heap_end │ the host's │ what memory.grow adds
 *
 * wasi-libc's malloc takes everything from __heap_base to the end that it finds. So the first thing
 * that is ever allocated is all of that, and never given back. */

extern char __heap_base, __heap_end; /* by the linker */

/* For ever. volatile: a compiler knows that nobody uses it. */
static void *volatile hosts_heap;

/* 49: wasi-libc's own constructors, which allocate, come at 50. */
__attribute__((constructor(49))) static void leave_hosts_heap(void)
{
    uintptr_t end = (uintptr_t)__builtin_wasm_memory_size(0) * 65536;
    if (end > (uintptr_t)&__heap_end)
        hosts_heap = malloc(end - (uintptr_t)&__heap_base);
}

/* ---- guest memories */

enum {
    PAGE = 65536,
    RESERVE = 6 << 20,
    SECOND_RESERVE = 1 << 20,
    LEAST_ROOM = 4 * PAGE,
    MOST_ROOM = 64 << 20
};

/* A stretch of linear memory that guests' memories use, one at a time. */
struct region {
    struct region *next;
    uint64_t start;
    uint64_t capacity; /* multiple of PAGE */
    uint64_t touched;  /* behind this there are zeros */
    bool used;
};

static struct region *regions;
static bool reserved;

static uint64_t memory_end(void)
{
    return (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
}

static bool extend_memory(uint64_t size)
{
    if (size > UINT64_C(65536) * PAGE)
        return false;
    return __builtin_wasm_memory_grow(0, (size_t)(size / PAGE)) != SIZE_MAX;
}

static uint8_t *pointer(uint64_t at)
{
    return (uint8_t *)(uintptr_t)at; // NOLINT(performance-no-int-to-ptr): that is what it is
}

static struct region *region_at(const uint8_t *base)
{
    struct region *region = regions;
    while (region && region->start != (uintptr_t)base)
        region = region->next;
    return region;
}

static uint64_t region_end(const struct region *region)
{
    return region->start + region->capacity;
}

/* What is taken in excess of `size`: growing costs a host half a millisecond and more each time,
 * and programs grow page by page. */
static uint64_t room_for(uint64_t size, uint64_t max)
{
    uint64_t room = size / 8 / PAGE * PAGE;
    room = room < LEAST_ROOM ? LEAST_ROOM : room > MOST_ROOM ? MOST_ROOM : room;
    return room < max - size ? room : max - size;
}

/* Makes a region at least `size` large, if it lies last. */
static bool region_extend(struct region *region, uint64_t size, uint64_t max)
{
    if (size <= region->capacity)
        return true;
    if (region_end(region) != memory_end())
        return false;
    uint64_t capacity = size + room_for(size, max);
    if (!extend_memory(capacity - region->capacity)) {
        capacity = size;
        if (!extend_memory(capacity - region->capacity))
            return false;
    }
    region->capacity = capacity;
    return true;
}

/* Gives the guest the bytes from `old_size` to `new_size`, as zeros. */
static void region_give(struct region *region, uint64_t old_size, uint64_t new_size)
{
    uint64_t dirty = new_size < region->touched ? new_size : region->touched;
    if (dirty > old_size)
        memset(pointer(region->start + old_size), 0, (size_t)(dirty - old_size));
    if (region->touched < new_size)
        region->touched = new_size;
}

/* The smallest unused region that is large enough. */
static struct region *region_reuse(uint64_t size)
{
    struct region *best = NULL;
    for (struct region *region = regions; region; region = region->next) {
        bool fits = region->capacity >= size;
        if (!region->used && fits && (!best || region->capacity < best->capacity))
            best = region;
    }
    return best;
}

static struct region *region_new(uint64_t capacity)
{
    /* Allocated before the place is chosen: malloc may itself move the end. */
    struct region *region = malloc(sizeof *region);
    if (!region)
        return NULL;
    uint64_t start = memory_end();
    if (!extend_memory(capacity)) {
        free(region);
        return NULL;
    }
    *region = (struct region){.next = regions, .start = start, .capacity = capacity};
    regions = region;
    return region;
}

static struct region *region_take(uint64_t size)
{
    struct region *region = region_reuse(size);
    if (!region)
        region = region_new(size);
    if (region)
        region->used = true;
    return region;
}

void host_memory_reserve(size_t size)
{
    /* What malloc once took from linear memory it keeps for itself. volatile: a compiler knows
     * that malloc followed by free does nothing. */
    void *volatile space = malloc(size);
    free(space);
    reserved = true;
}

uint8_t *host_memory_create(uint64_t size, uint64_t max)
{
    if (size > max)
        return NULL;
    if (!reserved)
        host_memory_reserve(RESERVE);
    /* At least a page, so that no two memories have the same place and none lies at 4 GiB. */
    struct region *region = region_take(size ? size : PAGE);
    if (!region)
        return NULL;
    region_give(region, 0, size);
    return pointer(region->start);
}

/* To the end of linear memory, with room to grow. */
static struct region *region_move(struct region *from, uint64_t old_size, uint64_t new_size,
                                  uint64_t max)
{
    host_memory_reserve(SECOND_RESERVE);
    uint64_t room = room_for(new_size, max);
    struct region *to = region_new(new_size + room);
    if (!to && room)
        to = region_new(new_size);
    if (!to)
        return NULL;
    if (old_size)
        memcpy(pointer(to->start), pointer(from->start), (size_t)old_size);
    region_give(to, 0, new_size);
    to->used = true;
    from->used = false;
    return to;
}

uint8_t *host_memory_grow(uint8_t *base, uint64_t old_size, uint64_t new_size, uint64_t max)
{
    struct region *region = region_at(base);
    if (!region || new_size < old_size || new_size > max)
        return NULL;
    if (region_extend(region, new_size, max)) {
        region_give(region, old_size, new_size);
        return base;
    }
    region = region_move(region, old_size, new_size, max);
    return region ? pointer(region->start) : NULL;
}

void host_memory_destroy(uint8_t *base, uint64_t size, uint64_t max)
{
    (void)size;
    (void)max;
    struct region *region = region_at(base);
    if (region)
        region->used = false;
}
