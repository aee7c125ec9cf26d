/* sort.h - sorting in place. The library's qsort is quick or small, but not both, and may be slow
 * for an order that somebody has made on purpose; this one (heapsort) never is. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

/* As qsort. */
void sort(void *items, size_t count, size_t size, int (*compare)(const void *a, const void *b));

#endif
