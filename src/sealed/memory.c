/* memory.c - the guest's memory, which lies last or apart, and the runtime's heap, which never
 * grows: see the drawing in seal/seal.h. In place of host/wasi/memory.c. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"
#include "sealed/sealed.h"

enum { PAGE = 65536 };

static bool apart(void)
{
    return sealed_layout[LAYOUT_MEMORY_IS_APART];
}

/* Where the guest's memory begins in the one that it lies in, and where that ends. */
static uint64_t start(void)
{
    return apart() ? 0 : sealed_layout[LAYOUT_MEMORY_START];
}

static uint64_t end(void)
{
    return (uint64_t)(apart() ? guest_memory_size() : __builtin_wasm_memory_size(0)) * PAGE;
}

/* Makes the guest's memory `size` large, counting from what the module itself asked for. */
static bool reach(uint64_t size)
{
    uint64_t wanted = start() + size;
    if (wanted <= end())
        return true;
    uint32_t pages = (uint32_t)((wanted - end()) / PAGE);
    return (apart() ? guest_memory_grow(pages) : __builtin_wasm_memory_grow(0, pages)) !=
           UINT32_MAX;
}

uint8_t *host_memory_create(uint64_t size, uint64_t max)
{
    /* Apart it has no address: one that is nobody's. */
    uint8_t *base = apart() ? (uint8_t *)sealed_layout : sealed_address(LAYOUT_MEMORY_START);
    uint64_t used = end() > start() ? end() - start() : 0; /* by the guest before this one */
    if (size > max || !reach(size))
        return NULL;
    for (uint64_t at = 0; apart() && at < used; at += PAGE)
        guest_memory_fill((uint32_t)at, 0, PAGE);
    if (!apart() && used)
        memset(base, 0, (size_t)used);
    return base;
}

/* After a teardown the memory is there already, as zeros. */
uint8_t *host_memory_grow(uint8_t *base, uint64_t old_size, uint64_t new_size, uint64_t max)
{
    return new_size >= old_size && new_size <= max && reach(new_size) ? base : NULL;
}

void host_memory_destroy(uint8_t *base, uint64_t size, uint64_t max)
{
    (void)base;
    (void)size;
    (void)max;
}

void host_memory_reserve(size_t size)
{
    (void)size;
}

/* What wasi-libc's malloc takes memory by: all there is from the start, and no more. */
void *sbrk(intptr_t increment)
{
    if (increment == 0)
        return sealed_address(LAYOUT_HEAP_END);
    errno = ENOMEM;
    return (void *)-1; // NOLINT(performance-no-int-to-ptr): as sbrk has it
}
