/* memory.c - guest memories natively.
 *
 *     base                  size                                  max
 *     │ readable, writable   │ reserved, PROT_NONE                  │
 *
 * Address space for the maximum is taken at once, so that growing is a change of protection and the
 * memory never moves. Pages that the guest never touched cost nothing. */
#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <sys/mman.h>
#include <time.h>

#include "host/host.h"

/* mmap refuses a length of 0; a memory of no pages is still a memory. */
static size_t reservation(uint64_t max)
{
    return max ? (size_t)max : 65536;
}

uint8_t *host_memory_create(uint64_t size, uint64_t max)
{
    if (size > max || max > SIZE_MAX)
        return NULL;
    void *base =
        mmap(NULL, reservation(max), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (size && mprotect(base, (size_t)size, PROT_READ | PROT_WRITE) != 0) {
        munmap(base, reservation(max));
        return NULL;
    }
    return base;
}

uint8_t *host_memory_grow(uint8_t *base, uint64_t old_size, uint64_t new_size, uint64_t max)
{
    if (new_size < old_size || new_size > max)
        return NULL;
    if (new_size > old_size &&
        mprotect(base + old_size, (size_t)(new_size - old_size), PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return base;
}

void host_memory_destroy(uint8_t *base, uint64_t size, uint64_t max)
{
    (void)size;
    if (base)
        munmap(base, reservation(max));
}

void host_memory_reserve(size_t size)
{
    (void)size;
}

uint64_t host_monotonic(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
