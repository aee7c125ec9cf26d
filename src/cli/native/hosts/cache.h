/* cache.h - ~/.cache/yadokari/compiled: what was sealed and compiled, by whom else too.
 *
 *     NAME           an entry: HOST-HASH.compiled (compiled.h) or HASH.sealed.wasm (sealing.h)
 *     NAME.lock      held by who makes the entry, so that two do not; its time is that of the last use
 *     NAME.part      what is not complete; without somebody who holds the lock it is left over
 *
 * Entries that were used the longest time ago are removed when all take more than CACHE_MAX bytes
 * together. */
#ifndef CLI_NATIVE_HOSTS_CACHE_H
#define CLI_NATIVE_HOSTS_CACHE_H

#include <stdbool.h>

#define CACHE_MAX (2ull << 30)

/* Waits until nobody else makes the entry at `path`, removes what is left over of it and of others,
 * and is who makes it until cache_unlock. -1, which cache_unlock takes too, where nothing can be
 * locked. */
int cache_lock(const char *path);

/* `made`: the entry is there, and old ones make room for it. */
void cache_unlock(int lock, const char *path, bool made);

/* Notes that the entry was used now. */
void cache_used(const char *path);

void remove_tree(const char *path);

#endif
