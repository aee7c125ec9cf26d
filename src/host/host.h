/* host/ - what Yadokari itself stands on: WASI preview 1 imports when it is Wasm, POSIX when it is
 * native. The same functions twice, in host/wasi and host/posix. Uses base/ only.
 *
 * host.h - memory, clocks and randomness. Descriptors: host/files.h. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A guest's memory: `size` zero bytes that can grow to `max` (multiples of 65,536), or NULL.
 * Natively address space is reserved and growing never moves; in Wasm it grows at the end of the
 * linear memory when it lies there, else it is copied. */
uint8_t *host_memory_create(uint64_t size, uint64_t max);
/* Returns the memory's (possibly new) place, with zeros added, or NULL and nothing changed. */
uint8_t *host_memory_grow(uint8_t *base, uint64_t old_size, uint64_t new_size, uint64_t max);
void host_memory_destroy(uint8_t *base, uint64_t size, uint64_t max);

/* In Wasm, `malloc` and the guest's memory both grow at the end of one linear memory, and what
 * `malloc` takes after the guest's memory was made stands in that memory's way: its next growth is
 * then a copy. So the heap is made big enough beforehand. Call this before host_memory_create with
 * a guess at what will be allocated while the guest runs (register code, stacks); 6 MiB are taken
 * when nobody has: the default stack and a middling module. Natively it does nothing. */
void host_memory_reserve(size_t size);

/* Nanoseconds of a clock that never runs backwards; for intervals, not for the guest. */
uint64_t host_monotonic(void);

#endif
