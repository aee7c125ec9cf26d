/* memory.c - memories and tables that grow. */
#include <stdlib.h>
#include <string.h>

#include "exec/instance.h"
#include "host/host.h"

#define PAGE_SIZE 65536ull

bool memory_create(struct memory *memory, const struct limits *type, uint32_t limit_pages,
                   struct error *error)
{
    uint32_t max = type->has_max && type->max < MAX_PAGES ? type->max : MAX_PAGES;
    bool limited = limit_pages && limit_pages < max;
    if (limited)
        max = limit_pages;
    if (type->min > max)
        return error_set(error, ERROR_MEMORY,
                         "the guest needs %u pages of memory; at most %u are allowed", type->min,
                         max);
    *memory = (struct memory){.pages = type->min,
                              .size = type->min * PAGE_SIZE,
                              .max_pages = max,
                              .limited = limited,
                              .type = *type};
    memory->base = host_memory_create(memory->size, max * PAGE_SIZE);
    if (!memory->base)
        return error_set(error, ERROR_MEMORY, "no memory for the guest's %u pages", type->min);
    return true;
}

void memory_destroy(struct memory *memory)
{
    if (memory->base)
        host_memory_destroy(memory->base, memory->size, memory->max_pages * PAGE_SIZE);
    *memory = (struct memory){0};
}

uint32_t memory_grow(struct memory *memory, uint32_t delta)
{
    uint32_t old = memory->pages;
    if (delta > memory->max_pages - old)
        return UINT32_MAX;
    if (delta) {
        uint64_t size = (old + delta) * PAGE_SIZE;
        uint8_t *base =
            host_memory_grow(memory->base, memory->size, size, memory->max_pages * PAGE_SIZE);
        if (!base)
            return UINT32_MAX;
        memory->base = base;
        memory->size = size;
        memory->pages = old + delta;
    }
    return old;
}

enum trap memory_grow_limited(struct memory *memory, uint32_t delta, uint32_t *old)
{
    uint32_t own_max = memory->type.has_max ? memory->type.max : MAX_PAGES;
    *old = memory_grow(memory, delta);
    bool forbidden = *old == UINT32_MAX && memory->limited &&
                     delta > memory->max_pages - memory->pages && delta <= own_max - memory->pages;
    return forbidden ? TRAP_MEMORY_LIMIT : TRAP_NONE;
}

/* As in the JavaScript interface: a table of more elements is not made. */
#define TABLE_MAX 10000000u

bool table_create(struct table *table, const struct tabletype *type, struct error *error)
{
    uint32_t max =
        type->limits.has_max && type->limits.max < TABLE_MAX ? type->limits.max : TABLE_MAX;
    *table = (struct table){.size = type->limits.min, .max = max, .type = *type};
    if (type->limits.min > TABLE_MAX)
        return error_set(error, ERROR_UNSUPPORTED,
                         "a table of %u elements; at most %u are supported", type->limits.min,
                         TABLE_MAX);
    table->elements = calloc((size_t)table->size + 1, sizeof *table->elements);
    if (!table->elements)
        return error_set(error, ERROR_MEMORY, "no memory for a table of %u elements", table->size);
    return true;
}

void table_destroy(struct table *table)
{
    free(table->elements);
    *table = (struct table){0};
}

uint32_t table_grow(struct table *table, uint32_t delta, reference value)
{
    uint32_t old = table->size;
    if (delta > table->max - old)
        return UINT32_MAX;
    reference *elements =
        realloc(table->elements, ((size_t)old + delta + 1) * sizeof *table->elements);
    if (!elements)
        return UINT32_MAX;
    for (uint32_t i = old; i < old + delta; i++)
        elements[i] = value;
    table->elements = elements;
    table->size = old + delta;
    return old;
}
