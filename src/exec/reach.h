/* reach.h - how everything but the guest's own code reaches a guest's memory: in place, or, in a
 * sealed module whose guest has a memory of its own (seal --features multi-memory), where no
 * pointer leads, by copies (sealed/reach.c).
 *
 * All ranges lie inside the memory. */
#ifndef EXEC_REACH_H
#define EXEC_REACH_H

#include <string.h>

#include "exec/instance.h"

enum { MEMORY_VIEW = 4096 };

#ifdef YADO_SEALED

/* MEMORY_VIEW bytes, a multiple of which `at` is. They last until the next call but one, and do not
 * lie together with those of the call before. */
const uint8_t *memory_view(const struct memory *memory, uint32_t at);
void memory_put(struct memory *memory, uint32_t at, const void *bytes, size_t size);
void memory_clear(struct memory *memory, uint32_t at, size_t size);

/* For one call of a host function: `size` bytes to read and to change, until memory_settle at the
 * call's end. Where borrowed ranges overlap, a byte that is changed in several is as in the last.
 */
uint8_t *memory_borrow(const struct memory *memory, uint32_t at, size_t size);
void memory_settle(void);
/* How many of `size` bytes can be borrowed for buffers, of which others have `taken` bytes. */
uint32_t memory_lends(uint32_t size, uint32_t taken);

#else

static inline const uint8_t *memory_view(const struct memory *memory, uint32_t at)
{
    return memory->base + at;
}

static inline void memory_put(struct memory *memory, uint32_t at, const void *bytes, size_t size)
{
    memcpy(memory->base + at, bytes, size);
}

static inline void memory_clear(struct memory *memory, uint32_t at, size_t size)
{
    memset(memory->base + at, 0, size);
}

static inline uint8_t *memory_borrow(const struct memory *memory, uint32_t at, size_t size)
{
    (void)size;
    return memory->base + at;
}

static inline void memory_settle(void) {}

static inline uint32_t memory_lends(uint32_t size, uint32_t taken)
{
    (void)taken;
    return size;
}

#endif
#endif
