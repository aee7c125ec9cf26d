/* memory.c - the guest's memory, which lies last, and the runtime's heap, which never grows: see
 * the drawing in seal/seal.h. In place of host/wasi/memory.c. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"
#include "sealed/sealed.h"

enum { PAGE = 65536 };

static uint64_t present_size(void)
{
    uint64_t end = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    return end > sealed_layout[LAYOUT_MEMORY_START] ? end - sealed_layout[LAYOUT_MEMORY_START] : 0;
}

/* Makes the guest's memory `size` large, counting from what the module itself asked for. */
static bool reach(uint64_t size)
{
    uint64_t end = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    uint64_t wanted = sealed_layout[LAYOUT_MEMORY_START] + size;
    return wanted <= end ||
           __builtin_wasm_memory_grow(0, (size_t)((wanted - end) / PAGE)) != SIZE_MAX;
}

uint8_t *host_memory_create(uint64_t size, uint64_t max)
{
    uint8_t *base = sealed_address(LAYOUT_MEMORY_START);
    uint64_t used = present_size();
    if (size > max || !reach(size))
        return NULL;
    if (used) /* by the guest before this one (teardown) */
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
