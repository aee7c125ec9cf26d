/* memory.h - the memory section, checked before it is believed; internal to state/. */
#ifndef STATE_MEMORY_H
#define STATE_MEMORY_H

#include "state/parts.h"

/* That the section is well formed and fits `memory`, NULL where the module has none. `pages` is the
 * size that it asks for. */
bool memory_check(const struct snapshot *snapshot, const struct memory *memory, uint32_t *pages,
                  struct error *error);

#endif
